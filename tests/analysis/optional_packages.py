"""Packages that only comparisons need, imported where they are installed."""

import sys
import warnings
from importlib import import_module
from typing import Any

import pytest
import torch


def optional(name: str) -> Any:
    """The package; the test is skipped where it, or something that it needs, is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _make_torchvision_importable()
        return pytest.importorskip(name)


def _make_torchvision_importable() -> None:
    """Defines the operators of torchvision without code where its library does not fit torch.

    timm and others import it for what is not used here.
    """
    try:
        import_module("torchvision")
    except ImportError:
        return
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for operator in ("qnms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"):
            library.define(f"{operator}(Tensor features) -> Tensor")
        library.define("deform_conv2d(Tensor features) -> Tensor")
        _LIBRARIES.append(library)  # its operators go when it does
        for module in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
            del sys.modules[module]


_LIBRARIES: list[torch.library.Library] = []
