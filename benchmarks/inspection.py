"""What inspecting costs and whether it counts right: defib and its peers, alternating in one run.

    python benchmarks/inspection.py [--rounds 7] [--networks vgg,...] [--tools defib,...]
                                    [--clock wall|cpu]

Each tool gets the same network, with weights on the processor as users have it, and on the meta
device where it takes that, in a process of its own, for some patch torch for good. First its
numbers and its memory: the increase of the peak of resident memory over what the process had
after its imports, the network, and one call on a tiny network, whose seconds are the column
"cold". Then the processes run by turns, in an order that rotates from round to round; the time
is that of the call alone. Printed are medians and quartiles, the numbers on which the tools
disagree, and the same for networks that can be counted by hand. Peers that are not installed are
left out, and named.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from inspection_probes import PROBES, Probe
from inspection_tools import TOOLS, Tool, Totals, called, make_torchvision_importable
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from defib.networks.decoder import LLAMA_3_70B, Decoder
from defib.networks.resnet import resnet_50
from defib.networks.vgg import vgg_19
from defib.networks.vision_transformer import vision_transformer_b_16


@dataclass(frozen=True)
class Case:
    """A network, and the size of what it is given."""

    network: Callable[[], nn.Module]
    shape: tuple[int, ...]
    devices: tuple[str, ...] = ("cpu", "meta")
    dtype: torch.dtype = torch.float32

    def built(self, device: str) -> tuple[nn.Module, Tensor]:
        with torch.device(device):
            return self.network().eval(), torch.zeros(self.shape, dtype=self.dtype)


CASES: dict[str, Case] = {
    "vgg": Case(vgg_19, (1, 3, 224, 224)),
    "resnet": Case(resnet_50, (1, 3, 224, 224)),
    "transformer": Case(vision_transformer_b_16, (1, 3, 224, 224)),
    "decoder": Case(lambda: Decoder(LLAMA_3_70B), (1, 2048), ("meta",), torch.int64),
}
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
NAMES = {tool.name: tool for tool in TOOLS}


@dataclass(frozen=True)
class Alone:
    """What one tool did in a process of its own; `error` where it gave no number."""

    totals: Totals | None = None
    cold_seconds: float = 0.0
    extra_bytes: int = 0
    error: str = ""


def tiny_network() -> nn.Module:
    """A network that needs what all of them need, so that a later call imports nothing."""
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.LayerNorm(36), nn.Linear(36, 2), nn.GELU()),
    ).eval()


def measure_alone(tool: Tool, case: Case, device: str) -> Alone:
    """To be called in a fresh process."""
    with torch.device(device):
        tiny, image = tiny_network(), torch.zeros(1, 3, 8, 8)
    begun = time.perf_counter()
    called(tool, tiny, image)
    cold = time.perf_counter() - begun
    network, example = case.built(device)
    before = reset_peak_bytes()
    totals = called(tool, network, example)
    return Alone(totals, cold, peak_bytes() - before)


def reset_peak_bytes() -> int:
    """Forget earlier peaks of resident memory where the system can; the memory held now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def peak_bytes() -> int:
    """The most resident memory since the last reset, or since the process began."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(found.split()[1]) * 1024


def serve(tool: Tool, case: Case, device: str, clock: str) -> None:
    """The life of a process that belongs to one tool: a number, then seconds when asked."""
    answer = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        print(json.dumps(asdict(measure_alone(tool, case, device))), file=answer, flush=True)
        network, example = case.built(device)
        now = CLOCKS[clock]
        for _ in sys.stdin:
            begun = now()
            called(tool, network, example)
            print(now() - begun, file=answer, flush=True)


class Worker:
    """A process in which one tool has one network, idle until it is asked.

    Some tools patch torch for good, so no two of them share a process.
    """

    def __init__(self, tool: Tool, name: str, device: str, clock: str) -> None:
        command = [sys.executable, __file__, "--clock", clock, "--serve", tool.name, name, device]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by `finish`
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        line = self._line()
        self.alone = Alone(error=self._last_error())
        if line:
            read = json.loads(line)
            self.alone = Alone(Totals(**read.pop("totals")), **read)

    def seconds(self) -> float:
        """Of one more call."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._line())

    def finish(self) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def _last_error(self) -> str:
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["it was killed"])[-1]


def times(workers: dict[str, Worker], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call of each tool, in an order that rotates."""
    names = [name for name, worker in workers.items() if worker.alone.totals is not None]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):  # the first round warms up
        for name in names[number % len(names) :] + names[: number % len(names)]:
            taken = workers[name].seconds()
            if number >= 0:
                seconds[name].append(taken)
    return seconds


def cost_table(
    name: str, device: str, alone: dict[str, Alone], seconds: dict[str, list[float]]
) -> Table:
    """Time and memory of each tool on one network, and how much longer than defib it takes."""
    table = Table("tool", "median", "quartiles", "of defib", "memory", "cold", "says of each layer")
    table.title = f"{name}, {'weights on the processor' if device == 'cpu' else 'on meta'}"
    own = {tool: statistics.median(values) for tool, values in seconds.items()}
    for tool, found in alone.items():
        columns = NAMES[tool].columns
        if tool not in seconds:
            table.add_row(tool, "-", "", "", "", "", f"[dim]{found.error[:70]}[/]")
            continue
        # Compared with the part of defib that reports what the tool reports.
        rival = "defib" if "memory" in columns else "defib, without memory"
        ratio = f"{own[tool] / own[rival]:.2f}x" if rival in own and rival != tool else ""
        values = seconds[tool] if len(seconds[tool]) > 1 else seconds[tool] * 2
        low, _, high = statistics.quantiles(values, n=4)
        table.add_row(
            tool,
            f"{own[tool] * 1000:.0f} ms",
            f"{low * 1000:.0f} ... {high * 1000:.0f}",
            ratio,
            f"{found.extra_bytes / 1e6:.0f} MB",
            f"{found.cold_seconds:.1f} s",
            ", ".join(columns),
        )
    return table


def disagreement_table(name: str, device: str, alone: dict[str, Alone]) -> Table:
    """Numbers that differ from those of defib, which tests compare with counts by hand."""
    table = Table("tool", "parameters", "multiply-accumulates", "more than defib", "because")
    table.title = f"{name}, {device}: numbers on which the tools disagree"
    right = alone["defib"].totals
    for tool, found in alone.items():
        if found.totals is None or right is None or not _differs(found.totals, right):
            continue
        macs, parameters = found.totals.macs, found.totals.parameters
        more = f"{macs - (right.macs or 0):+,}" if macs is not None else ""
        table.add_row(tool, _text(parameters), _text(macs), more, NAMES[tool].convention)
    if right is not None:
        table.add_row("[b]defib[/]", _text(right.parameters), _text(right.macs), "", "right")
    return table


def _differs(found: Totals, right: Totals) -> bool:
    pairs = ((found.parameters, right.parameters), (found.macs, right.macs))
    return any(mine is not None and mine != theirs for mine, theirs in pairs)


def _text(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def answers(tool: Tool) -> list[dict[str, Any]]:
    """What a tool says of each probe; to be called in a process of its own."""
    found: list[dict[str, Any]] = []
    for probe in PROBES:
        try:
            totals = called(tool, probe.network().eval(), torch.zeros(probe.shape))
        except Exception as error:  # whatever a tool raises is its answer
            found.append({"error": type(error).__name__})
        else:
            found.append(asdict(totals))
    return found


def probe_table(tools: list[Tool]) -> Table:
    """What each tool says of networks that can be counted by hand; wrong numbers in red."""
    table = Table("network", "by hand", *(tool.name for tool in tools), "arithmetic")
    table.title = "Multiply-accumulates, and \\[parameters] where they are wrong"
    columns = [_answered(tool) for tool in tools]
    for number, probe in enumerate(PROBES):
        texts = [_answer_text(column[number], probe) for column in columns]
        table.add_row(probe.name, f"{probe.macs:,}", *texts, probe.why)
    return table


def _answered(tool: Tool) -> list[dict[str, Any]]:
    command = [sys.executable, __file__, "--answer", tool.name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _answer_text(answer: dict[str, Any], probe: Probe) -> str:
    if "error" in answer:
        return f"[red]{answer['error']}[/]"
    text = _text(answer["macs"])
    text = text if answer["macs"] == probe.macs else f"[red]{text}[/]"
    is_wrong = answer["parameters"] not in (None, probe.parameters)
    return f"{text} [red]\\[{answer['parameters']:,}][/]" if is_wrong else text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", default=",".join(CASES))
    parser.add_argument("--tools", default=";".join(NAMES), help="separated by semicolons")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for busy machines")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    make_torchvision_importable()
    if options.serve:
        tool, name, device = options.serve
        serve(NAMES[tool], CASES[name], device, options.clock)
        return
    if options.answer:
        print(json.dumps(answers(NAMES[options.answer])))
        return
    wanted = [NAMES[name] for name in options.tools.split(";")]
    tools = [tool for tool in wanted if tool.is_installed()]
    for tool in sorted({tool.package for tool in wanted} - {tool.package for tool in tools}):
        print(f"left out: {tool} is not installed", file=sys.stderr)
    console = Console(width=None if sys.stdout.isatty() else 180)
    for name in options.networks.split(","):
        for device in CASES[name].devices:
            workers = {tool.name: Worker(tool, name, device, options.clock) for tool in tools}
            seconds = times(workers, options.rounds)
            alone = {tool: worker.alone for tool, worker in workers.items()}
            for worker in workers.values():
                worker.finish()
            console.print(cost_table(name, device, alone, seconds))
            console.print(disagreement_table(name, device, alone))
    console.print(probe_table([tool for tool in tools if tool.name != "defib, without memory"]))


if __name__ == "__main__":
    main()
