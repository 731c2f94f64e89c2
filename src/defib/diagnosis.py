"""From a record to a verdict: evaluates the rules and tells causes from symptoms.

The causal map is spread over the rules: each says which other rules' findings it explains.
Here that map is applied to the findings at hand:

1. A finding is a *symptom* where another finding's rule explains it and began no later.
2. What nothing explains is a *cause*. Causes are ranked by severity, then by when they began.
3. Where a symptom-only rule (`Rule.is_symptom`) remains unexplained, the training fails for a
   reason that the record does not show: the verdict is *undecided*.
4. Where two causes explain the same symptoms and neither explains the other, the verdict names
   both: *undecided between X and Y*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from defib.records.finding import (
    Cause,
    Diagnosis,
    Finding,
    NotEvaluated,
    Severity,
    Status,
)
from defib.records.run import RunEnding, RunRecord
from defib.rules.base import AnyRule, Rule, all_rules

SMALLEST_JUDGED_RUN = 10
"""Steps: under these, silence says nothing, and the verdict is `undecided`."""

ONSET_SLACK = 0.05
"""Share of the run by which a cause may seem to begin after its symptom: onsets are read from
sampled steps, and several rules need some steps before they can say anything."""


def required_metrics(rules: Iterable[Rule]) -> frozenset[str]:
    """The metrics that a monitor must record for these rules."""
    return frozenset(metric for rule in rules for metric in rule.requires)


def diagnose(record: RunRecord, rules: Sequence[Rule] | None = None) -> Diagnosis:
    """The verdict on a record by `rules` (all rules where none are given)."""
    rules = all_rules() if rules is None else rules
    findings: list[Finding] = []
    silent: list[NotEvaluated] = []
    if record.steps:
        for rule in rules:
            outcome = _evaluated(rule, record)
            if isinstance(outcome, NotEvaluated):
                silent.append(outcome)
            else:
                findings += outcome
    by_name = {rule.name(): rule for rule in rules}
    causes = ranked_causes(findings, by_name, slack=ONSET_SLACK * record.steps)
    rivals = _rivals(causes, by_name)
    status = _status(record, causes, rivals, by_name)
    return Diagnosis(
        status=status,
        summary=_summary(record, status, causes, rivals),
        script=record.script,
        steps=record.steps,
        seconds=record.seconds,
        overhead=record.overhead,
        causes=causes,
        not_evaluated=tuple(silent),
        undecided_between=rivals,
        notes=_notes(record),
    )


def _evaluated(rule: Rule, record: RunRecord) -> tuple[Finding, ...] | NotEvaluated:
    try:
        return rule.evaluate(record)
    except Exception as error:
        # One rule that fails, of ours or of a plug-in, must not cost the whole diagnosis.
        return NotEvaluated(rule.name(), f"the rule itself failed: {type(error).__name__}: {error}")


def ranked_causes(
    findings: Sequence[Finding], rules: Mapping[str, AnyRule], *, slack: float = 0.0
) -> tuple[Cause, ...]:
    """Findings grouped by cause, its symptoms under it, in the order in which to mend them.

    A cause may begin `slack` steps after its symptom.
    """
    return _ranked(_causes(findings, rules, slack), rules)


def _causes(
    findings: Sequence[Finding], rules: Mapping[str, AnyRule], slack: float
) -> tuple[Cause, ...]:
    """One cause for each rule that nothing explains."""
    first = _first_of_each_rule(findings)
    explained_by = {
        symptom: [
            cause
            for cause in first
            if cause != symptom
            and symptom in rules[cause].explains
            and first[cause].steps[0] <= first[symptom].steps[0] + slack
            and _is_serious_enough(first[cause], first[symptom])
        ]
        for symptom in first
    }
    roots = _roots(explained_by, first)
    owner = {symptom: _root_of(symptom, explained_by, roots) for symptom in first}
    causes = []
    for root in roots:
        same_rule = [each for each in findings if each.rule == root]
        symptoms = tuple(each for each in findings if owner[each.rule] == root != each.rule)
        causes.append(Cause(first[root], symptoms=symptoms, also=tuple(same_rule[1:])))
    return tuple(causes)


def _first_of_each_rule(findings: Sequence[Finding]) -> dict[str, Finding]:
    """The worst, then earliest finding of each rule."""
    first: dict[str, Finding] = {}
    for finding in findings:
        known = first.get(finding.rule)
        if known is None or _urgency(finding) < _urgency(known):
            first[finding.rule] = finding
    return first


def _urgency(finding: Finding) -> tuple[int, int]:
    return finding.severity.weight, finding.steps[0]


def _is_serious_enough(cause: Finding, symptom: Finding) -> bool:
    """A remark cannot explain what keeps a network from training."""
    return cause.severity is not Severity.INFO or symptom.severity is Severity.INFO


def _roots(explained_by: Mapping[str, Sequence[str]], first: Mapping[str, Finding]) -> list[str]:
    roots = [name for name in first if not explained_by[name]]
    covered = _covered(roots, explained_by)
    # Rules that explain one another in a circle: the earliest of the circle is its cause.
    while len(covered) < len(first):
        rest = [name for name in first if name not in covered]
        roots.append(
            min(rest, key=lambda name: (first[name].steps[0], first[name].severity.weight))
        )
        covered = _covered(roots, explained_by)
    return roots


def _covered(roots: Sequence[str], explained_by: Mapping[str, Sequence[str]]) -> set[str]:
    covered = set(roots)
    while True:
        more = {
            name
            for name, causes in explained_by.items()
            if name not in covered and covered.intersection(causes)
        }
        if not more:
            return covered
        covered |= more


def _root_of(name: str, explained_by: Mapping[str, Sequence[str]], roots: Sequence[str]) -> str:
    """The root from which a symptom follows, by the shortest chain."""
    if name in roots:
        return name
    frontier, seen = [name], {name}
    while frontier:
        parents = [cause for each in frontier for cause in explained_by[each]]
        for parent in parents:
            if parent in roots:
                return parent
        frontier = [parent for parent in dict.fromkeys(parents) if parent not in seen]
        seen.update(frontier)
    return name


def _ranked(causes: Sequence[Cause], rules: Mapping[str, AnyRule]) -> tuple[Cause, ...]:
    return tuple(
        sorted(
            causes,
            key=lambda cause: (
                cause.finding.severity.weight,
                rules[cause.finding.rule].is_symptom,
                cause.finding.steps[0],
                -len(cause.symptoms),
            ),
        )
    )


def _rivals(causes: Sequence[Cause], rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Causes as severe as the first that would explain the very same symptom."""
    if not causes or not causes[0].symptoms:
        return ()
    leading = causes[0]
    rivals = [
        cause.finding.rule
        for cause in causes[1:]
        if cause.finding.severity is leading.finding.severity
        and not rules[cause.finding.rule].is_symptom
        and any(each.rule in rules[cause.finding.rule].explains for each in leading.symptoms)
    ]
    return (leading.finding.rule, *rivals) if rivals else ()


def _status(
    record: RunRecord,
    causes: Sequence[Cause],
    rivals: Sequence[str],
    rules: Mapping[str, Rule],
) -> Status:
    if record.steps == 0:
        return Status.NOT_TRAINED
    if not causes:
        return Status.HEALTHY if record.steps >= SMALLEST_JUDGED_RUN else Status.UNDECIDED
    if rivals or rules[causes[0].finding.rule].is_symptom:
        return Status.UNDECIDED
    return Status.FINDINGS


def _summary(
    record: RunRecord, status: Status, causes: Sequence[Cause], rivals: Sequence[str]
) -> str:
    """One sentence: what, where, since when, how sure."""
    if status is Status.NOT_TRAINED:
        return f"Nothing was trained: {_reason_for_no_step(record)}."
    if not causes:
        steps = f"{record.steps:,} step{'s' if record.steps != 1 else ''}"
        if status is Status.UNDECIDED:
            return f"Undecided: {steps} are too few to judge; nothing was found in them."
        return f"Healthy: no fault was found in {steps}."
    finding = causes[0].finding
    where = f" at {finding.site.label}" if finding.site else ""
    since = f", since step {finding.steps[0]:,}" if finding.steps[0] > 0 else ", from the start"
    sure = f" ({finding.certainty.value})"
    if rivals:
        return f"Undecided between {' and '.join(rivals)}{where}{since}{sure}."
    if status is Status.UNDECIDED:
        return f"Undecided: {finding.rule}{where}{since}, and the record shows no cause for it."
    if finding.severity is Severity.INFO:
        return f"It trains; worth knowing: {finding.rule}{where}{since}{sure}."
    return f"{finding.rule}{where}{since}{sure}."


def _reason_for_no_step(record: RunRecord) -> str:
    skipped = sum(event.kind == "skipped-step" for event in record.events)
    compiled = next((each for each in record.events if each.kind == "compiled-training"), None)
    calls = record.coverage.backward_calls
    if compiled is not None:
        where = f" at {compiled.site.label}" if compiled.site else ""
        return f"the whole step is compiled{where} (`jit_compile=True`), and hidden with it"
    if skipped:
        return f"the gradient scaler skipped all {skipped} steps: no gradient was finite"
    if calls:
        return f"no optimiser took a step, though `backward` was called {calls} times"
    return "no optimiser took a step"


def _notes(record: RunRecord) -> tuple[str, ...]:
    notes: list[str] = []
    if record.ending is RunEnding.RUNNING:
        notes.append("The run has no ending: it is still running, or it was killed.")
    elif record.ending is RunEnding.RAISED:
        notes.append(f"The script ended with an error: {record.error}")
    elif record.ending is RunEnding.INTERRUPTED:
        notes.append("The script was interrupted.")
    skipped = sum(event.kind == "skipped-step" for event in record.events)
    if skipped:
        notes.append(f"The gradient scaler skipped {skipped} steps.")
    notes += [
        f"defib itself failed at `{event.detail.get('place', '?')}` (step {event.step}): "
        f"{event.detail.get('error', '')}. What it measures there may be missing; the training "
        "was not affected."
        for event in record.events
        if event.kind == "monitor-failure"
    ]
    return tuple(notes)
