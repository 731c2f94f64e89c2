"""An error of the user's code in one sentence, with the line that raised it."""

from __future__ import annotations

from types import TracebackType

from defib.discovery.sites import is_user_file, site_at
from defib.records.site import Site
from defib.report.printable import shortened

LONGEST = 400
"""Characters of an error's own message."""

_MISSING_DEVICE = (
    "not compiled with cuda",
    "found no nvidia driver",
    "no cuda gpus are available",
    "invalid device ordinal",
    "not linked with support for mps",
    "mps backend is not available",
    "not compiled with xpu",
    "without cuda",
    "attempting to deserialize object on a cuda device",
)
"""What torch says, in lower case, where data is moved to a device that is not there."""


def described(error: BaseException) -> str:
    """`ValueError: too small (net.py:9: self.check(width)).`, and what to do if it is known."""
    message = shortened(str(error).strip() or "no message", LONGEST).rstrip(".")
    site = error_site(error)
    where = f" ({site.label}: `{site.code}`)" if site is not None else ""
    sentence = f"{type(error).__name__}: {message}{where}."
    if is_missing_device(error):
        sentence += (
            " It moves data to a device that this machine lacks: make the device an argument, "
            "or choose it with `torch.cuda.is_available()`."
        )
    return sentence


def is_missing_device(error: BaseException) -> bool:
    """Whether torch raised it because a device is not there."""
    message = str(error).lower()
    return any(part in message for part in _MISSING_DEVICE)


def error_site(error: BaseException) -> Site | None:
    """The innermost line of the user's code in the traceback of `error`."""
    site: Site | None = None
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if is_user_file(frame.f_code.co_filename):
            # The frame's own line may be a later one: `finally` blocks run after the error.
            code = frame.f_code
            site = site_at(code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    return site
