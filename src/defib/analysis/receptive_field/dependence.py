"""What the positions of a value depend on along one axis of the input: exact sets and forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from defib.analysis.receptive_field.arithmetic import Step, merged_lines
from defib.analysis.receptive_field.position_sets import (
    PositionSets,
    reduced,
    single,
    singletons,
)
from defib.analysis.receptive_field.progression import IDENTITY, Progression, Taps, behind, merged


@final
class Untracked(Exception):
    """The dependence of an operation is not modelled; says which and why."""


@final
@dataclass(frozen=True)
class Whole:
    """All positions of the axis went into every output."""


@final
@dataclass(frozen=True)
class Absent:
    """The input has no influence."""


@final
@dataclass(frozen=True)
class Lost:
    """There is no closed form; the exact sets are all that is known."""

    reason: str
    is_split: bool = False
    """The axis lies along several dimensions, or in another order: all of them are the whole."""


@final
@dataclass(frozen=True, eq=False)
class Form:
    """The closed form of the interior, if there is one, and how it came about."""

    closed: Progression | Whole | Lost | Absent
    step: Step | None = None


Forms = NDArray[Any]  # of Form


@final
@dataclass(frozen=True, eq=False)
class Dependence:
    """Sets and closed forms; the dimensions of both arrays are those along which they differ.

    `forms` has length 1 along the dimension `along`, whose positions the closed forms count
    (-1 where there is none), and wherever they are all the same.
    """

    sets: PositionSets
    forms: Forms
    along: int
    length: int
    """Positions of the input's axis."""
    is_blurred: bool = False
    """Sets are those of many positions together, because there are too many to keep apart."""

    @property
    def border(self) -> int:
        return 1 << self.length

    @property
    def is_full(self) -> bool:
        """Whether every position sees the whole input."""
        every = self.border - 1
        return all(each & every == every for each in self.sets.flat)

    @property
    def form(self) -> Form:
        """The closed form of all positions together."""
        return merged_form(self.forms.flat)


@final
@dataclass(frozen=True)
class Placed:
    """A dependence and the dimensions of the value along which it differs, ascending."""

    dependence: Dependence
    dims: tuple[int, ...] = ()

    def axis_of(self, dim: int) -> int:
        return self.dims.index(dim)


@final
@dataclass
class Memo:
    """Results by what they were computed from: equal axes and repeated blocks cost nothing."""

    known: dict[Any, Dependence] = field(default_factory=dict)
    folded: dict[Any, tuple[Dependence, tuple[int, ...]]] = field(default_factory=dict)
    """What dimensions that were merged were before, so that taking them apart restores it."""

    def once(self, key: Any, make: Callable[[], Dependence]) -> Dependence:
        result = self.known.get(key)
        if result is None:
            result = self.known[key] = make()
        return result


def root(length: int) -> Dependence:
    """Of the input itself."""
    return Dependence(singletons(length), one_form(Form(IDENTITY), 1), 0, length)


def one_form(form: Form, rank: int) -> Forms:
    """The same form everywhere, for sets of `rank` dimensions."""
    return single(form).reshape((1,) * rank)


def mapped_forms(forms: Forms, change: Callable[[Form], Form]) -> Forms:
    """`change` of every form, computed once for each different one."""
    known = {id(form): form for form in forms.flat}
    changed = {key: change(form) for key, form in known.items()}
    result = np.empty(forms.shape, dtype=object)
    result.reshape(-1)[:] = [changed[id(form)] for form in forms.flat]
    return result


def behind_taps(
    form: Form, taps: Taps, lines: Callable[[Progression, Progression], tuple[str, ...]]
) -> Form:
    """The form after an operation that reads `taps`."""
    if not isinstance(form.closed, Progression):
        return form
    after = behind(form.closed, taps)
    return Form(after, Step(lines(form.closed, after), form.step))


def merged_form(forms: Iterable[Form]) -> Form:
    """The form of the union of branches: the largest over all paths."""
    every = list({id(form): form for form in forms}.values())
    different = [form for form in every if not isinstance(form.closed, Absent)]
    if len(different) <= 1:
        return (different or every)[0]
    for kind in (Lost, Whole):
        for form in different:
            if isinstance(form.closed, kind):
                return form
    closed = [form.closed for form in different if isinstance(form.closed, Progression)]
    union = merged(closed)
    if union is None:
        strides = " and ".join(str(each) for each in dict.fromkeys(c.stride for c in closed))
        return Form(Lost(f"branches of strides {strides} meet: their fields are not aligned"))
    largest = max(different, key=_size)
    if union == largest.closed and all(_size(form) == _size(largest) for form in different):
        return largest
    return Form(union, Step(merged_lines(closed, union), largest.step))


def _size(form: Form) -> int:
    return form.closed.size if isinstance(form.closed, Progression) else 0


def whole(form: Form) -> Form:
    """The form after all positions were put together."""
    if isinstance(form.closed, Lost) and not form.closed.is_split:
        return form
    if isinstance(form.closed, Whole | Absent):
        return form
    return Form(Whole(), Step(("r = whole input",), form.step))


def lost(form: Form, reason: str) -> Form:
    """The form after an operation for which there is no closed form."""
    if isinstance(form.closed, Whole | Absent) or form.closed == Lost(reason):
        return form
    if isinstance(form.closed, Lost):
        reason = form.closed.reason
    return Form(Lost(reason), form.step)


def split(form: Form, reason: str) -> Form:
    """The form after the axis was laid out along other dimensions."""
    if isinstance(form.closed, Progression):
        return Form(Lost(reason, is_split=True), form.step)
    return form


def without_axes(dependence: Dependence, axes: Sequence[int]) -> Dependence:
    """Union over some axes of the sets."""
    if not axes:
        return dependence
    sets = reduced(dependence.sets, axes)
    kept = [axis for axis in range(dependence.sets.ndim) if axis not in axes]
    forms = dependence.forms
    if dependence.along in axes or not kept:
        forms = mapped_forms(forms, whole)
    result = _reduced_forms(forms, kept)
    along = kept.index(dependence.along) if dependence.along in kept else -1
    return replace(dependence, sets=sets, forms=result, along=along)


def collapsed(dependence: Dependence) -> Dependence:
    """Without dimensions, if every position sees the whole input; otherwise as it is."""
    if dependence.along >= 0 or not dependence.is_full:
        return dependence
    form = whole(merged_form(dependence.forms.flat))
    axes = tuple(range(dependence.sets.ndim))
    return replace(dependence, sets=reduced(dependence.sets, axes), forms=one_form(form, 0))


def _reduced_forms(forms: Forms, kept: list[int]) -> Forms:
    shape = [forms.shape[axis] for axis in kept]
    dropped = [axis for axis in range(forms.ndim) if axis not in kept]
    rows = forms.transpose(*kept, *dropped).reshape(*shape, -1)
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        result[index] = merged_form(rows[index])
    return result
