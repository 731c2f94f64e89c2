"""What the documented rules of other tools say on the same raw losses.

Each rule is rebuilt from its documentation and applied as the tool applies it: with the
tool's own smoothing, its own stop rule and its own trimming.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from defib.records.learning_rate_range import OtherRule, Sweep
from defib.training.range_smoothing import Numbers

Pick = Callable[[Numbers, Numbers], float | None]
"""Learning rates and smoothed losses to the suggestion."""


@final
@dataclass(frozen=True)
class Tool:
    """How a tool gets from raw losses to a suggestion.

    The loss is smoothed by an exponential mean of factor `beta`, without its bias where
    `is_debiased`; the sweep ends where it is above `stop_ratio` times the lowest one; of what
    is left, `skip_begin` and `skip_end` points are dropped, then everything that is not
    finite.
    """

    name: str
    pick: Pick
    beta: float
    stop_ratio: float
    skip_begin: int
    skip_end: int
    is_debiased: bool = True


def _lightning(rates: Numbers, losses: Numbers) -> float | None:
    """Steepest fall per *unit* of the learning rate (`torch.gradient` with that spacing)."""
    return float(rates[np.argmin(np.gradient(losses, rates))]) if len(rates) >= 2 else None


def _by_index(rates: Numbers, losses: Numbers) -> float | None:
    """Steepest fall from point to point."""
    return float(rates[np.argmin(np.gradient(losses))]) if len(rates) >= 2 else None


def _steep(rates: Numbers, losses: Numbers) -> float | None:
    """Steepest fall per decade between neighbours."""
    if len(rates) < 2:
        return None
    return float(rates[np.argmin(np.diff(losses) / np.diff(np.log(rates)))])


def _valley(rates: Numbers, losses: Numbers) -> float | None:
    """The middle of the longest falling subsequence, taken as if it had no gaps."""
    if not len(losses):
        return None
    lengths = np.ones(len(losses), dtype=int)
    for index in range(1, len(losses)):
        before = lengths[:index][losses[:index] > losses[index]]
        lengths[index] = 1 + int(before.max(initial=0))
    end = int(np.argmax(lengths))
    third = int(lengths[end]) / 3
    return float(rates[end - int(lengths[end]) + int(third) + int(third / 2)])


def _tenth(rates: Numbers, losses: Numbers) -> float | None:
    """A tenth of the learning rate with the lowest loss."""
    return float(rates[np.argmin(losses)]) / 10 if len(losses) else None


TOOLS = (
    Tool("lightning", _lightning, 0.98, 4.0, 10, 1),
    Tool("fastai-valley", _valley, 0.98, 4.0, 10, 5),
    Tool("fastai-steep", _steep, 0.98, 4.0, 10, 5),
    Tool("fastai-minimum", _tenth, 0.98, 4.0, 10, 5),
    Tool("pytorch-lr-finder", _by_index, 0.95, 5.0, 10, 5, is_debiased=False),
)
"""Lightning 2.5 `lr_find().suggestion()`, fastai 2.8 `lr_find`, torch-lr-finder 0.2.2 `plot`."""


def other_rules(sweep: Sweep) -> tuple[OtherRule, ...]:
    """The suggestion of each tool, had it seen these losses."""
    return tuple(OtherRule(tool.name, suggested(tool, sweep)) for tool in TOOLS)


def suggested(tool: Tool, sweep: Sweep) -> float | None:
    """The suggestion of one tool. The tools pair a learning rate with the loss before its step."""
    raw = np.array([sweep.first_loss, *sweep.losses[:-1]][: len(sweep.losses)], dtype=np.float64)
    smooth = smoothed(tool, raw)
    end = stop_position(smooth, tool.stop_ratio)
    begin = len(sweep.losses) // 10 if tool.name.startswith("fastai") else tool.skip_begin
    kept = slice(begin, max(end - tool.skip_end, 0))
    rates, losses = np.array(sweep.learning_rates, dtype=np.float64)[kept], smooth[kept]
    is_finite = np.isfinite(losses)
    return tool.pick(rates[is_finite], losses[is_finite])


def smoothed(tool: Tool, losses: Numbers) -> Numbers:
    """The exponential mean up to each loss."""
    result = np.empty_like(losses)
    mean = 0.0
    for index, loss in enumerate(losses):
        if index == 0 and not tool.is_debiased:
            mean = float(loss)
        mean = tool.beta * mean + (1 - tool.beta) * float(loss)
        result[index] = mean / (1 - tool.beta ** (index + 1)) if tool.is_debiased else mean
    return result


def stop_position(losses: Numbers, ratio: float) -> int:
    """How many points the tool sees: it stops behind the first above `ratio` times the lowest."""
    lowest = np.minimum.accumulate(losses)
    above = losses[1:] > ratio * lowest[:-1]
    return int(np.argmax(above)) + 2 if above.any() else len(losses)
