"""Tools that count what a network costs, each called in the way its documentation shows."""

from __future__ import annotations

import contextlib
import inspect as signatures
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from defib.analysis.example import inputs_from
from defib.analysis.inspection import architecture_of, inspect
from defib.analysis.run_ladder import traced_run
from defib.records.architecture import Architecture

COLUMNS = ("sizes", "parameters", "multiply-accumulates", "memory", "receptive field")
SUMMARY = COLUMNS[:3]


@dataclass(frozen=True)
class Totals:
    """What a tool says of a whole network; `None` where it does not say it.

    `macs` is in the tool's own convention; half of the FLOPs of a tool that gives FLOPs only.
    """

    parameters: int | None
    macs: int | None


@dataclass(frozen=True)
class Tool:
    """A tool: `package` is what it is imported as, `columns` what it says of each layer."""

    name: str
    package: str
    count: Callable[[nn.Module, Tensor], Totals]
    columns: tuple[str, ...]
    convention: str
    """What a multiply-accumulate is to it, where that differs from ours."""

    def is_installed(self) -> bool:
        return find_spec(self.package) is not None


def _totals(architecture: Architecture) -> Totals:
    layers = architecture.layers
    return Totals(
        sum(layer.weights.value + layer.biases.value for layer in layers),
        sum(layer.macs.value for layer in layers),
    )


def defib(network: nn.Module, example: Tensor) -> Totals:
    return _totals(inspect(network, example))


def defib_summary(network: nn.Module, example: Tensor) -> Totals:
    run = traced_run(network, inputs_from(example, network=network))
    return _totals(architecture_of(run))


def torchinfo(network: nn.Module, example: Tensor) -> Totals:
    summary = import_module("torchinfo").summary(
        network, input_data=example, device=example.device, verbose=0
    )
    return Totals(summary.total_params, summary.total_mult_adds)


def flop_counter(network: nn.Module, example: Tensor) -> Totals:
    with FlopCounterMode(display=False) as counter:
        network(example)
    return Totals(None, counter.get_total_flops() // 2)


def fvcore(network: nn.Module, example: Tensor) -> Totals:
    package = import_module("fvcore.nn")
    analysis = package.FlopCountAnalysis(network, example)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return Totals(package.parameter_count(network)[""], int(analysis.total()))


def ptflops(backend: str) -> Callable[[nn.Module, Tensor], Totals]:
    def count(network: nn.Module, example: Tensor) -> Totals:
        name = next(iter(signatures.signature(network.forward).parameters))
        # Without a constructor it makes its own images, which is what its page shows first.
        constructor = None if example.is_floating_point() else lambda _: {name: example}
        macs, parameters = import_module("ptflops").get_model_complexity_info(
            network,
            tuple(example.shape[1:]),
            input_constructor=constructor,
            as_strings=False,
            print_per_layer_stat=False,
            backend=backend,
        )
        if macs is None:
            raise RuntimeError("it printed an error and gave no number")
        return Totals(parameters, int(macs))

    return count


def calflops(network: nn.Module, example: Tensor) -> Totals:
    _, macs, parameters = import_module("calflops").calculate_flops(
        network, args=[example], kwargs={}, output_as_string=False, print_results=False
    )
    return Totals(parameters, int(macs))


def thop(network: nn.Module, example: Tensor) -> Totals:
    macs, parameters = import_module("thop").profile(network, (example,), verbose=False)
    return Totals(int(parameters), int(macs))


def torchlens(network: nn.Module, example: Tensor) -> Totals:
    log = import_module("torchlens").trace(network, example)
    return Totals(log.num_params, int(log.total_macs_forward))


def torchscan(network: nn.Module, example: Tensor) -> Totals:
    totals: Any = import_module("torchscan").crawl_module(network, args=(example,))["totals"]
    macs = totals["macs"]
    # Where it could not count all, it says so and gives what it could.
    known = macs["known_value"] if macs["value"] is None else macs["value"]
    return Totals(totals["parameters"]["value"], None if known is None else int(known))


TOOLS = (
    Tool("defib", "defib", defib, (*COLUMNS, "arithmetic"), ""),
    Tool(
        "defib, without memory", "defib", defib_summary,
        (*SUMMARY, "receptive field", "arithmetic"), "",
    ),
    Tool(
        "torchinfo", "torchinfo", torchinfo, SUMMARY,
        "+ biases and normalisations; a linear layer once per example, whatever its positions",
    ),
    Tool(
        "torch.utils.flop_counter", "torch", flop_counter, COLUMNS[2:3],
        "- fused attention and recurrent kernels of the processor",
    ),
    Tool(
        "fvcore", "fvcore", fvcore, COLUMNS[1:3],
        "+ normalisations, poolings; - fused attention",
    ),
    Tool(
        "ptflops (pytorch)", "ptflops", ptflops("pytorch"), COLUMNS[1:3],
        "+ biases, normalisations, activations, poolings",
    ),
    Tool(
        "ptflops (aten)", "ptflops", ptflops("aten"), COLUMNS[1:3],
        "+ biases; - fused attention and recurrent kernels of the processor",
    ),
    Tool("calflops", "calflops", calflops, COLUMNS[1:3], "- attention"),
    Tool(
        "thop", "thop", thop, COLUMNS[1:3],
        "+ normalisations, poolings; - all that is no module, its parameters too",
    ),
    Tool("torchlens", "torchlens", torchlens, COLUMNS, ""),
    Tool("torchscan", "torchscan", torchscan, SUMMARY, "+ normalisations; - all that is no module"),
)  # fmt: skip


def called(tool: Tool, network: nn.Module, example: Tensor) -> Totals:
    """What the tool says, without what it prints and warns of."""
    silent = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(silent):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(silent):
            return tool.count(network, example)


def make_torchvision_importable() -> None:
    """Defines the operators of torchvision without code where its library does not fit torch.

    Several tools import it for what is not used here. Does nothing where it can be imported.
    """
    try:
        import_module("torchvision")
    except ImportError:
        pass
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for name in ("qnms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"):
            library.define(f"{name}(Tensor features) -> Tensor")
        library.define("deform_conv2d(Tensor features) -> Tensor")
        _LIBRARIES.append(library)  # its operators go when it does


_LIBRARIES: list[torch.library.Library] = []
