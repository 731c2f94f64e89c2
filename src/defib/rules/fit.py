"""How well copies of a training fit its first batch: shared by rules before the first step."""

from __future__ import annotations

from math import isfinite
from statistics import median

from defib.records.finding import Severity
from defib.records.preflight import PreflightRecord
from defib.rules.base import CannotJudge

TAIL = 10
"""Losses at the end whose median is the fit."""
FULL_STEPS = 200
"""Steps of a fit that had all the time it wanted; as in `probes.fitting`."""
MINIMUM_STEPS = 50
"""Steps below which a fit that fell little says nothing: no time was left."""
LEARNS_NOTHING = 0.95
"""A fit above which the batch was not learnt: a fall of less than 5 % is none by AutoTrainer and
TheDeepChecker."""
MINIMUM_CONSTANT = 0.05
"""Loss of the best constant over the first loss, dimensionless, from which on it is compared with:
a batch of one class is fitted by a constant."""
REPEATED = 1e-2
"""Relative difference of the first loss and its repetition, where dropout draws anew."""
ROUNDING = 1e-4
"""Relative difference of a loss with itself after another operation; as in `probes.setup`."""


def reference_loss(record: PreflightRecord) -> float | None:
    """The loss that a fit must get below: the first one, or that of the best constant prediction.

    The smaller of the two, so that learning the frequencies of the labels, or their mean, does
    not count. `None` where the first loss is no positive number.
    """
    losses = record.sequence("fit_loss", "own")
    if not losses or not isfinite(losses[0]) or losses[0] <= 0:
        return None
    constant = record.value("best_constant_loss")
    is_comparable = constant > MINIMUM_CONSTANT * losses[0] and is_only_loss(record)
    return min(losses[0], constant) if is_comparable else losses[0]


def is_only_loss(record: PreflightRecord) -> bool:
    """Whether what is trained is the one loss function alone, without penalties or scales."""
    first, own = record.sequence("fit_loss", "own"), record.value("initial_loss")
    if not first or not abs(first[0] - own) <= REPEATED * abs(own):
        return False
    # A penalty may be small at first, as a variational autoencoder's: the same run tells it.
    return all(abs(each - own) <= ROUNDING * abs(own) for each in record.of("loss").values())


def fit_of(record: PreflightRecord, name: str = "own") -> float | None:
    """Loss at the end of a fit over `reference_loss`; `inf` where it is no number.

    `None` where the fit was not made, or stopped early for want of time.
    """
    losses, reference = record.sequence("fit_loss", name), reference_loss(record)
    if not losses or reference is None:
        return None
    if not isfinite(losses[-1]):
        return float("inf")
    end = median(losses[-TAIL:]) / reference
    return end if len(losses) >= MINIMUM_STEPS or end < 0.5 else None


def fall_of(record: PreflightRecord, name: str = "own") -> float | None:
    """Loss at the end of a fit over the first one of the own fit; `None` as in `fit_of`."""
    fit, reference = fit_of(record, name), reference_loss(record)
    if fit is None or reference is None:
        return None
    return fit * reference / record.sequence("fit_loss", "own")[0]


def require_fit(record: PreflightRecord) -> float:
    """The fit with the user's own optimiser. Raises `CannotJudge` where there is none."""
    fit = fit_of(record)
    if fit is None:
        raise CannotJudge("too few steps on the first batch, or a loss that is not positive")
    return fit


def fits_badly(record: PreflightRecord, limit: float = LEARNS_NOTHING) -> bool:
    """Whether the own optimiser certainly does not fit the first batch."""
    fit = fit_of(record)
    return fit is not None and min(fit, _fit_in_more_steps(record)) > limit


def _fit_in_more_steps(record: PreflightRecord) -> float:
    """What the fit would be after `FULL_STEPS` if it went on as in its last third."""
    losses, reference = record.sequence("fit_loss", "own"), reference_loss(record)
    span = len(losses) // 3
    if reference is None or span < TAIL:
        return float("inf")
    end = median(losses[-TAIL:])
    slope = (end - median(losses[-TAIL - span : -span])) / span
    return (end + slope * max(0, FULL_STEPS - len(losses))) / reference


def best_fit(record: PreflightRecord, *names: str) -> float | None:
    """The smallest of the fits that were made, `None` where none was."""
    return min((fit for name in names if (fit := fit_of(record, name)) is not None), default=None)


INITIAL_HARM = 2.0
"""First loss over that of equal scores, dimensionless; as in `InitialLossOff`."""
POOR_FIT = 0.5
GOOD_FIT = 0.1
"""A fit above `POOR_FIT` is poor where another optimiser's falls below `GOOD_FIT`."""
OTHERS = ("adam", "slower", "faster", "clipped", "reset")


def is_harmed_at_start(record: PreflightRecord) -> bool:
    """Whether the training begins badly: the gate of facts that a sound training can live with.

    The first batch is not learnt, or hardly while another way learns it; or the first loss is
    far above that of a constant prediction.
    """
    if record.value("initial_loss") > INITIAL_HARM * record.value("constant_prediction_loss"):
        return True
    own, other = fit_of(record), best_fit(record, *OTHERS)
    is_poor = own is not None and other is not None and own > POOR_FIT and other < GOOD_FIT
    return is_poor or fits_badly(record)


def severity_at_start(record: PreflightRecord) -> Severity:
    """An error where the first batch is not learnt, a warning where the training begins badly."""
    if fits_badly(record):
        return Severity.ERROR
    return Severity.WARNING if is_harmed_at_start(record) else Severity.INFO


def names_clipping(record: PreflightRecord) -> bool:
    """Whether the running code names the clipping of gradients.

    What happens after `backward` is not seen; a training loop that names clipping will clip.
    """
    places = record.of("named_in_code")
    return max(places.get(name, 0.0) for name in ("clip_grad_norm_", "clip_grad_value_")) > 1
