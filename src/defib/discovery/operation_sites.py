"""Has autograd remember, for a short while, which line of the user's code made each node."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, final

import torch
from torch.fx import traceback as stack_source

from defib.discovery.patches import Patches
from defib.discovery.sites import site_at, user_frame
from defib.records.site import Site

_MARK = "defib site"
_SEPARATOR = "\0"


@final
class OperationSites:
    """Sites of graph nodes made while `is_on`.

    Autograd's anomaly mode stores a stack with every node it makes, taken from
    `torch.fx.traceback.format_stack`. Formatting whole stacks is slow (0.1 ms and more a
    node), so that function is replaced by one that returns the user's line alone (4 us).
    Anomaly mode changes no value; its check of gradients for `nan` stays off.
    """

    def __init__(self, patches: Patches) -> None:
        self.is_on = False
        patches.replace(stack_source, "format_stack", self._replacing)
        patches.add_undo(self.stop)

    def start(self) -> None:
        """Remember the sites of all nodes from now on."""
        # Where the user's own anomaly mode is on, its stacks serve.
        if not torch.is_anomaly_enabled():
            torch.set_anomaly_enabled(True, False)
            self.is_on = True

    def stop(self) -> None:
        """Stop remembering. The user's own anomaly mode, which checks for `nan`, stays."""
        if self.is_on and not torch.is_anomaly_check_nan_enabled():
            torch.set_anomaly_enabled(False)
        self.is_on = False

    def _replacing(self, original: Any) -> Any:
        def format_stack() -> list[str]:
            frame = sys._getframe(1)
            if not self.is_on or torch.is_anomaly_check_nan_enabled():
                return original()
            try:
                return original() if _compiles(frame) else [_marked(user_frame(frame))]
            except Exception:
                # This runs inside the user's forward pass, where nothing of ours may raise.
                return []

        return format_stack


def site_of_node(node: Any) -> Site | None:
    """The user's line that made a graph node, if it was remembered."""
    stack = node.metadata.get("traceback_")
    if not stack:
        return None
    mark, *place = stack[-1].split(_SEPARATOR)
    if mark != _MARK or len(place) != 3:
        return None
    return site_at(place[0], int(place[1]), place[2])


def _marked(frame: FrameType | None) -> str:
    if frame is None:
        return _MARK
    code = frame.f_code
    return _SEPARATOR.join((_MARK, code.co_filename, str(frame.f_lineno), code.co_name))


def _compiles(frame: FrameType | None) -> bool:
    # The compilers format stacks for themselves and expect the real ones.
    while frame is not None:
        file = frame.f_code.co_filename
        if "_functorch" in file or "_dynamo" in file or "_inductor" in file:
            return True
        frame = frame.f_back
    return False
