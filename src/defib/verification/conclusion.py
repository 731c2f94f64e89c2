"""What a proof says about the diagnosis, and where it is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from defib.records.encoding import decode, encode
from defib.records.finding import Cause, Certainty, Diagnosis
from defib.records.trial import Proof, Verdict

PROOF_FILE = "proof.json"


def write_proof(directory: Path, proof: Proof) -> None:
    """Write `proof.json` beside the run, whole or not at all."""
    target = directory / PROOF_FILE
    temporary = target.with_suffix(".tmp")
    temporary.write_text(json.dumps(encode(proof), indent=1, allow_nan=False) + "\n", "utf-8")
    temporary.replace(target)


def read_proof(directory: Path) -> Proof | None:
    """The proof of a run; `None` where there is none that can be read."""
    try:
        return decode(Proof, json.loads((directory / PROOF_FILE).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def concluded(diagnosis: Diagnosis, proof: Proof) -> Diagnosis:
    """`diagnosis` with every cause confirmed whose removal was shown to mend the training.

    A fix that works confirms the cause that it is for only if the cause's own rule falls silent
    with it; otherwise the fix helped for another reason.
    """
    confirmed = {
        each.rule
        for each in proof.comparisons
        if each.verdict is Verdict.CONFIRMED and each.is_symptom_gone
    }
    causes = tuple(_with_certainty(each, confirmed) for each in diagnosis.causes)
    if causes == diagnosis.causes:
        return diagnosis
    first = causes[0].finding
    summary = diagnosis.summary
    if first.certainty is Certainty.CONFIRMED:
        suspected = f"({Certainty.SUSPECTED.value})"
        summary = summary.replace(suspected, f"({Certainty.CONFIRMED.value} by re-running)")
    return replace(diagnosis, causes=causes, summary=summary)


def _with_certainty(cause: Cause, confirmed: set[str]) -> Cause:
    if cause.finding.rule not in confirmed:
        return cause
    return replace(cause, finding=replace(cause.finding, certainty=Certainty.CONFIRMED))
