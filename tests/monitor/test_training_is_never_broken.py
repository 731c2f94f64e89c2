"""Whatever fails inside defib, the user's training ends as it would have."""

from __future__ import annotations

import errno
import importlib
import inspect
import pkgutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
import torch

import defib
from defib.discovery.patches import Patches
from defib.records.reading import read_run
from tests.monitor.conftest import watched
from tests.monitor.families import LOOPS, MODELS, OPTIMIZERS, trained

WATCHED_PACKAGES = ("defib.monitor", "defib.discovery", "defib.metrics", "defib.records.storage")

# What runs outside the guard, because it is the guard or calls it: each a line or two that
# cannot fail, besides the set-up, which `defib run` guards as a whole.
OUTSIDE = {
    "defib.monitor.guard",
    "defib.monitor.watching",
    "Hooks.__init__",
    "Hooks.remove",
    "Hooks._acts_here",
    "Hooks._timed",
    "QuietLane.__init__",
    "QuietLane.backward",
    "QuietLane.stepped",
    "Hooks._on_backward",
    "Hooks._stop_listening",
    "_has_closure",
    "Hooks._on_step",
    "Hooks._on_stepped",
    "Hooks._on_evaluation",
    "Hooks._in_child",
    "connect",
    "Monitor.__init__",
    "Patches.__init__",
    "Patches.undo",
    "Patches.replace",
    "Patches.add_undo",
    "Creations.__init__",
    "OperationSites.__init__",
    "OperationSites.stop",
    "OperationSites._replacing",
    "RunWriter.__init__",
    "RunWriter.write_header",
    "_LineFile.__init__",
    "_LineFile.write",
    "_LineFile.write_text",
    "_Forget.__init__",
    "_Forget.__call__",
    "Budget.__init__",
    "Tracked.__init__",
    "Sampler.__init__",
    "JumpDetector.__init__",
    "UnitActivity.__init__",
    "FactWriter.__init__",
    "Evaluations.__init__",
    "Observer.__init__",
    "Sample.__init__",
}

ERRORS: dict[str, Callable[[], Exception]] = {
    "error": lambda: RuntimeError("injected"),
    "disk full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "permission": lambda: PermissionError(errno.EACCES, "Permission denied"),
    "memory": lambda: MemoryError("injected"),
}


def _modules() -> Iterator[Any]:
    for package in WATCHED_PACKAGES:
        module = importlib.import_module(package)
        yield module
        for each in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{package}."):
            yield importlib.import_module(each.name)


def _functions() -> dict[str, FunctionType]:
    """Every function and method that a watch may call, by its qualified name."""
    found: dict[str, FunctionType] = {}
    for module in _modules():
        if module.__name__ in OUTSIDE:
            continue
        for name, member in vars(module).items():
            if inspect.isfunction(member) and member.__module__ == module.__name__:
                found[f"{module.__name__}:{name}"] = member
            if inspect.isclass(member) and member.__module__ == module.__name__:
                for method, body in vars(member).items():
                    if inspect.isfunction(body) and not method.startswith("__"):
                        found[f"{module.__name__}:{name}.{method}"] = body
    return {name: each for name, each in found.items() if name.split(":")[1] not in OUTSIDE}


STEPS = 12
FUNCTIONS = _functions() | {
    "defib.discovery.patches:Patches.replace": Patches.replace,
}
ALONE = {
    loop: trained(MODELS["in-place ReLU"], OPTIMIZERS["SGD"], LOOPS[loop], STEPS) for loop in LOOPS
}


TRIALS = (
    ("error", 0, "plain"),
    ("disk full", 3, "accumulation"),
    ("permission", 0, "bf16 autocast"),
    ("memory", 8, "gradient scaler"),
    ("error", 0, "evaluation"),
)
"""What a function raises, after how many calls, in which loop."""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Counter[CodeType]]:
    """How often each function is called in a loop where nothing fails."""
    counted: dict[str, Counter[CodeType]] = {}
    for loop in LOOPS:
        called = counted[loop] = Counter[CodeType]()

        def count(frame: FrameType, event: str, _argument: Any, into: Counter[CodeType] = called):
            if event == "call":
                into[frame.f_code] += 1

        sys.setprofile(count)
        try:
            with watched(tmp_path_factory.mktemp("healthy")):
                trained(MODELS["in-place ReLU"], OPTIMIZERS["SGD"], LOOPS[loop], STEPS)
        finally:
            sys.setprofile(None)
    return counted


def _inject(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, after: int) -> None:
    """From its call number `after` on, the function raises."""
    module_name, qualified = name.split(":")
    original = FUNCTIONS[name]
    calls = 0

    def failing(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise error
        return original(*arguments, **keywords)

    if "." in qualified:
        kind, method = qualified.split(".")
        monkeypatch.setattr(getattr(sys.modules[module_name], kind), method, failing)
        return
    # Functions are imported by name: replace them wherever they landed.
    for module in [each for key, each in sys.modules.items() if key.startswith("defib.")]:
        for attribute, value in list(vars(module).items()):
            if value is original:
                monkeypatch.setattr(module, attribute, failing)


@pytest.mark.parametrize("name", _functions())
def test_a_failing_function_changes_nothing(
    name: str,
    calls: Mapping[str, Counter[CodeType]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    code = FUNCTIONS[name].__code__
    # Where it is called less often it never fails, and the training is that of every watch.
    acting = [trial for trial in TRIALS if calls[trial[2]][code] > trial[1]]
    for label, after, loop in acting[:4] or TRIALS[:1]:
        with monkeypatch.context() as patch:
            _inject(patch, name, ERRORS[label](), after)
            with watched(tmp_path / loop, strict=False):
                ended = trained(MODELS["in-place ReLU"], OPTIMIZERS["SGD"], LOOPS[loop], STEPS)
        assert ended == ALONE[loop], (name, label, loop)


def test_a_set_up_that_fails_leaves_torch_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = torch.nn.Module.__init__, torch.autograd.backward
    _inject(monkeypatch, "defib.discovery.patches:Patches.replace", RuntimeError("injected"), 4)
    with pytest.raises(RuntimeError, match="injected"), watched(tmp_path, strict=True):
        pass
    assert (torch.nn.Module.__init__, torch.autograd.backward) == before


def test_a_failure_is_told_in_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _inject(monkeypatch, "defib.metrics.norms:norms", RuntimeError("injected"), after=0)
    with watched(tmp_path, strict=False):
        trained(MODELS["dropout"], OPTIMIZERS["SGD"], steps=5)
    [failure] = [each for each in read_run(tmp_path).events if each.kind == "monitor-failure"][:1]
    assert "injected" in str(failure.detail["error"])


def test_losses_go_on_after_a_metric_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _inject(monkeypatch, "defib.metrics.norms:norms", RuntimeError("injected"), after=0)
    with watched(tmp_path, strict=False):
        trained(MODELS["dropout"], OPTIMIZERS["SGD"], steps=30)
    record = read_run(tmp_path)
    assert record.steps == 30
    assert len(record.of("loss")["SGD"]) == 30


def test_every_listed_exception_to_the_guard_exists():
    known = {
        f"{name}.{method}"
        for module in _modules()
        for name, member in vars(module).items()
        if inspect.isclass(member) and member.__module__ == module.__name__
        for method in vars(member)
    } | {name for module in _modules() for name in vars(module)}
    assert {each for each in OUTSIDE if not each.startswith("defib.")} <= known
    assert defib is not None
