"""Outputs for classes that do not occur."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from defib.records.finding import Finding, Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge, PreflightRule
from defib.rules.data.training_loader import data_site


@final
@dataclass(frozen=True)
class ClassWithoutExamples(PreflightRule):
    """Outputs for classes that do not occur.

    ## What it detects
    A cross-entropy over more classes than occur in the data, though each class that does is
    frequent: labels that count from 1, or a last layer of another task (1000 classes of
    ImageNet, ten of one's own).

    ## Why it matters
    The network learns first that these outputs are never right; the loss begins at ln of the
    larger number, and a class that should have been there is missed in silence.

    ## How it is measured
    `label_count` over up to 100 batches of the loader, beside `classes`, the outputs of the
    network. Judged where each class that occurs has `min_examples`, in the earlier and in the
    later half of the batches: a rare class may just not have come, and sorted data come class by
    class.

    ## Known false positives
    Classes that are kept free for later: it is information only.

    ## What to change
    `labels - 1` where they count from 1; else as many outputs as classes.

    ## References
    - PyTorch documentation, `torch.nn.CrossEntropyLoss`: class indices from 0 to C - 1.
    """

    severity = Severity.INFO
    requires_preflight = ("label_count",)

    min_examples: float = 10.0
    """Examples of each class that occurs. If another one were as frequent as the rarest of them, it
    would be missing once in exp(10), 22,000 times."""

    def check_preflight(self, record: PreflightRecord) -> Iterator[Finding]:
        classes = record.value("classes")
        counts = {
            int(label): values
            for label, values in record.sequences.get("label_count", {}).items()
            if sum(values) > 0
        }
        if not counts or not classes > 0:
            raise CannotJudge("the labels are not known")
        if len(counts) >= classes:
            return
        if not self._is_complete(counts):
            raise CannotJudge("too few batches were read to know all classes")
        low, high = min(counts), max(counts)
        remedy = f"Give the network {len(counts)} outputs, or look for the missing classes."
        if low == 1 and high == classes - 1 == len(counts):
            remedy = f"Use `labels - 1` and {len(counts)} outputs: the labels count from 1."
        optimizer = record.loss.optimizer if record.loss else ""
        yield self.found(
            f"{classes - len(counts):.0f} of the {classes:.0f} classes have no example (limit 0) "
            f"in {sum(map(sum, counts.values())):,.0f}; the labels run from {low} to {high}.",
            remedy,
            site=data_site(record.first_step, optimizer),
            evidence={"classes": classes, "classes_seen": len(counts)},
        )

    def _is_complete(self, counts: Mapping[int, tuple[float, ...]]) -> bool:
        half = min(map(len, counts.values())) // 2
        return all(
            sum(values) >= self.min_examples and sum(values[:half]) and sum(values[half:])
            for values in counts.values()
        )
