"""Runs a network's own Python on meta tensors and writes down every operator it calls.

Three views are recorded of one run: operators (below autograd: nothing escapes, whatever the
module's code looks like), the torch functions that the code wrote (`conv2d`, `linear`: the
readable names and arguments), and calls of modules (to whom the operators belong).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._python_dispatch import TorchDispatchMode

from defib.analysis.meta_results import MetaResults
from defib.analysis.nested_tensors import tensors_in, with_tensors_replaced
from defib.discovery.patches import Patches
from defib.discovery.random_state import randomness_restored
from defib.discovery.sites import is_user_file, site_at, site_of
from defib.records.architecture import TensorShape
from defib.records.site import Site

NETWORK_INPUT = -1
"""The `producer` of values that no operation made."""


@final
@dataclass(frozen=True, eq=False)
class Value:
    """A tensor at one moment: an in-place operation makes a new value of the same tensor."""

    index: int
    shape: TensorShape
    producer: int
    """Index of the operation that made it, or `NETWORK_INPUT`."""
    parameter: str = ""
    """Qualified name where it is a parameter of the network."""
    is_buffer: bool = False
    is_input: bool = False
    """An input of the network; a value without producer that is none is a constant."""
    storage: int = 0
    """Equal for tensors that share memory."""
    strides: tuple[int, ...] = ()
    """Elements of memory between neighbours along each dimension."""
    offset: int = 0
    """Element of the memory at which it begins."""


@final
@dataclass(frozen=True, eq=False)
class FunctionCall:
    """A torch function as the code wrote it: `conv2d` with values in place of tensors."""

    index: int
    name: str
    arguments: tuple[Any, ...]  # whatever the function takes
    keywords: Mapping[str, Any]
    call: int = -1
    """Index of the module call in which it ran."""
    next_operation: int = 0
    """Index of the first operation after it began."""
    site: Site | None = None
    """Of dropouts only, which run no operation in evaluation mode."""


@final
@dataclass(frozen=True, eq=False)
class Operation:
    """One operator of ATen, as it ran: `aten.convolution.default` with its arguments."""

    index: int
    operator: Any  # torch._ops.OpOverload, or a name where the trace adds an operation
    arguments: tuple[Any, ...]  # as called, with values in place of tensors
    keywords: Mapping[str, Any]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    call: int
    """Index of the module call in which it ran."""
    function: int
    """Index of the function call in which it ran; -1 outside of any."""
    site: Site | None

    @property
    def name(self) -> str:
        """`convolution` of `aten.convolution.default`."""
        packet = getattr(self.operator, "overloadpacket", None)
        return str(self.operator) if packet is None else packet.__name__


@final
@dataclass(eq=False)
class ModuleCall:
    """One call of one module."""

    index: int
    name: str
    """Qualified name; empty for the network, `(Type)` for a module that is not part of it."""
    module: nn.Module
    count: int
    """How often the module was called before."""
    parent: int
    inputs: tuple[Value, ...]
    site: Site | None
    outputs: tuple[Value, ...] = ()
    is_finished: bool = False


@final
@dataclass(frozen=True)
class Failure:
    """Why the run stopped: the innermost module call that did not finish, and the error."""

    error: Exception
    call: ModuleCall | None
    site: Site | None


@final
@dataclass
class Trace:
    """All that one run of a network did."""

    network: nn.Module
    values: list[Value] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    functions: list[FunctionCall] = field(default_factory=list)
    calls: list[ModuleCall] = field(default_factory=list)
    inputs: tuple[Value, ...] = ()
    outputs: tuple[Value, ...] = ()
    failure: Failure | None = None
    constants: dict[int, Tensor] = field(default_factory=dict)
    """Integers and truth values whose numbers are known, by the index of their value."""

    def operations_of(self, call: ModuleCall) -> list[Operation]:
        """The operations that ran in `call` itself, not in modules called inside it."""
        return [each for each in self.operations if each.call == call.index]


def trace(
    network: nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any] | None = None
) -> Trace:
    """Run `network(*arguments, **keywords)` and record it.

    The tensors of the network and of its inputs should be on one device, `meta` where nothing
    shall be computed. What the run raises is kept as `failure`; random state is restored.
    """
    recorder = _Recorder(network)
    keywords = keywords or {}
    recorder.trace.inputs = recorder.take_inputs((arguments, keywords))
    try:
        with randomness_restored(), torch.enable_grad(), recorder.recording():
            result = network(*arguments, **keywords)
        recorder.trace.outputs = recorder.values_in(result)
    except Exception as error:  # the user's code: whatever it raises is the answer
        recorder.trace.failure = recorder.failure(error)
    return recorder.trace


@final
class _Recorder:
    """Collects the three views while the network runs; holds every tensor, so ids stay apart."""

    def __init__(self, network: nn.Module) -> None:
        self.trace = Trace(network)
        self._names = {id(module): name for name, module in network.named_modules()}
        self._parameter_names: dict[int, str] = {}
        self._values: dict[int, Value] = {}
        self._tensors: list[Tensor] = []
        self._meta: dict[int, Tensor] = {}
        self._written: dict[int, Value] = {}
        self._counts: dict[int, int] = {}
        self._call_stack: list[ModuleCall] = []
        self._function_stack: list[int] = []
        self._failed: ModuleCall | None = None
        for name, parameter in network.named_parameters(remove_duplicate=False):
            self._parameter_names.setdefault(id(parameter), name)
            # A lazy parameter has no shape before its layer's first call.
            if id(parameter) not in self._values and not is_lazy(parameter):
                self._new_value(parameter, NETWORK_INPUT, parameter=name)
        for buffer in network.buffers():
            if is_lazy(buffer):
                continue
            self._new_value(buffer, NETWORK_INPUT, is_buffer=True)

    @contextmanager
    def recording(self) -> Iterator[None]:
        patches = Patches()
        with ExitStack() as stack:
            stack.callback(patches.undo)
            patches.replace(nn.Module, "__call__", self._traced_call)
            stack.enter_context(_Functions(self))
            stack.enter_context(_Operators(self))
            yield

    # -- values ------------------------------------------------------------------------------

    def take_inputs(self, tree: Any) -> tuple[Value, ...]:
        tensors = {id(each): each for each in tensors_in(tree)}
        return tuple(
            self._new_value(each, NETWORK_INPUT, is_input=True) for each in tensors.values()
        )

    def values_in(self, tree: Any) -> tuple[Value, ...]:
        """The values of all tensors in a nested structure, in order."""
        return tuple([self.value(each) for each in tensors_in(tree)])

    def with_values(self, tree: Any) -> Any:
        """The structure with values in place of tensors, lazy ones left: they have no shape."""
        return with_tensors_replaced(
            tree, lambda tensor: tensor if is_lazy(tensor) else self.value(tensor)
        )

    def value(self, tensor: Tensor) -> Value:
        """The present value of a tensor; unknown tensors are constants."""
        known = self._values.get(id(tensor))
        if known is None:
            name = self._parameter_names.get(id(tensor), "")
            return self._new_value(tensor, NETWORK_INPUT, parameter=name)
        written = self._written.get(known.storage)
        if written is None or written.index <= known.index:
            return known
        # Memory that it shares was written to through another tensor.
        return self._add("alias_write", (known, written), {}, (tensor,), inputs=(known, written))

    def _new_value(
        self,
        tensor: Tensor,
        producer: int,
        *,
        parameter: str = "",
        is_buffer: bool = False,
        is_input: bool = False,
    ) -> Value:
        value = Value(
            len(self.trace.values),
            shape_of(tensor),
            producer,
            parameter,
            is_buffer,
            is_input,
            _storage_of(tensor),
            *_layout_of(tensor),
        )
        if tensor.device.type != "meta" and not tensor.dtype.is_floating_point:
            self.trace.constants[value.index] = tensor
        self.trace.values.append(value)
        self._values[id(tensor)] = value
        self._tensors.append(tensor)
        return value

    def on_meta(self, tree: Any) -> Any:
        """The structure with meta tensors only, if any of it is on the meta device.

        Code that makes tensors without naming a device makes them on the processor.
        """
        meta = [each.is_meta for each in tensors_in(tree)]
        if all(meta) or not any(meta):
            return tree
        return with_tensors_replaced(tree, self._as_meta)

    def _as_meta(self, tensor: Tensor) -> Tensor:
        if tensor.device.type == "meta":
            return tensor
        known = self._meta.get(id(tensor))
        if known is None:
            known = self._meta[id(tensor)] = tensor.detach().to("meta")
            self._tensors.append(tensor)
            self._values[id(known)] = self.value(tensor)
        return known

    # -- operators ---------------------------------------------------------------------------

    def operator(self, operator: Any, arguments: Any, keywords: Any, results: Any) -> None:
        tensors = tensors_in((arguments, keywords))
        if any(map(is_lazy, tensors)):
            return  # a lazy layer looks at the device of its parameters
        given = self.with_values((arguments, keywords))
        inputs = tuple([self._values[id(each)] for each in tensors])
        self._add(operator, given[0], given[1], tensors_in(results), inputs=inputs)
        if operator._schema.is_mutable:
            for argument, each in zip(operator._schema.arguments, arguments, strict=False):
                if argument.alias_info is not None and argument.alias_info.is_write:
                    self._mark_written(each)

    def _mark_written(self, tree: Any) -> None:
        last = self.trace.operations[-1]
        for tensor in tensors_in(tree):
            value = self._values[id(tensor)]
            if value.producer != last.index:
                # `out=` and the like return nothing or another tensor.
                value = self._new_value(tensor, last.index)
            self._written[value.storage] = value

    def _add(
        self,
        operator: Any,
        arguments: Any,
        keywords: Any,
        tensors: Sequence[Tensor],
        *,
        inputs: tuple[Value, ...],
    ) -> Any:
        index = len(self.trace.operations)
        outputs = tuple(self._new_value(each, index) for each in tensors)
        self.trace.operations.append(
            Operation(
                index,
                operator,
                arguments,
                keywords,
                inputs,
                outputs,
                call=self._call_stack[-1].index if self._call_stack else -1,
                function=self._function_stack[-1] if self._function_stack else -1,
                site=_calling_site(),
            )
        )
        return outputs[0] if outputs else None

    # -- functions ---------------------------------------------------------------------------

    def enter_function(self, function: Any, arguments: Any, keywords: Any) -> None:
        name = (resolve_name(function) or getattr(function, "__name__", "")).rpartition(".")[2]
        given, named = self.with_values((tuple(arguments), dict(keywords)))
        call = FunctionCall(
            len(self.trace.functions),
            name,
            given,
            named,
            self._call_stack[-1].index if self._call_stack else -1,
            len(self.trace.operations),
            _calling_site() if "dropout" in name else None,
        )
        self.trace.functions.append(call)
        self._function_stack.append(call.index)

    def leave_function(self) -> None:
        self._function_stack.pop()

    # -- modules -----------------------------------------------------------------------------

    def _traced_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def traced(module: nn.Module, *arguments: Any, **keywords: Any) -> Any:
            # What runs inside belongs to the inner module, whatever function called it.
            outer_functions, self._function_stack = self._function_stack, []
            call = self._enter(module, (arguments, keywords))
            try:
                result = original(module, *arguments, **keywords)
            except Exception:
                self._failed = self._failed or call
                raise
            else:
                # Whatever failed inside was caught by the network's own code.
                self._failed = None
                call.outputs = self.values_in(result)
                call.is_finished = True
                return result
            finally:
                self._call_stack.pop()
                self._function_stack = outer_functions

        return traced

    def _enter(self, module: nn.Module, given: Any) -> ModuleCall:
        count = self._counts.get(id(module), 0)
        self._counts[id(module)] = count + 1
        call = ModuleCall(
            len(self.trace.calls),
            self._names.get(id(module), f"({type(module).__name__})"),
            module,
            count,
            self._call_stack[-1].index if self._call_stack else -1,
            self.values_in(given),
            _calling_site(),
        )
        self.trace.calls.append(call)
        self._call_stack.append(call)
        return call

    def failure(self, error: Exception) -> Failure:
        site = None
        traceback = error.__traceback__
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if is_user_file(code.co_filename):
                site = site_at(code.co_filename, traceback.tb_lineno, code.co_name)
            traceback = traceback.tb_next
        return Failure(error, self._failed, site)


@final
class _Operators(TorchDispatchMode):
    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._results = MetaResults()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.is_inference_mode_enabled():
            # Without autograd composite operators arrive whole (`linear`, `conv2d`).
            with self:
                results = func.decompose(*args, **(kwargs or {}))
            if results is not NotImplemented:
                return results
        arguments, keywords = self._recorder.on_meta((args, kwargs or {}))
        results = self._results.of(func, arguments, keywords)
        self._recorder.operator(func, arguments, keywords, results)
        return results


@final
class _Functions(TorchFunctionMode):
    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        keywords = kwargs or {}
        if getattr(func, "__name__", "") in ("__get__", "__set__"):
            return func(*args, **keywords)
        self._recorder.enter_function(func, args, keywords)
        try:
            return func(*args, **keywords)
        finally:
            self._recorder.leave_function()


def written_by(operation: Operation) -> tuple[Value, ...]:
    """The results whose numbers the operation wrote: not another view of what was there."""
    given = {value.storage for value in operation.inputs}
    schema = getattr(operation.operator, "_schema", None)
    if schema is not None and schema.is_mutable:
        return operation.outputs
    return tuple(value for value in operation.outputs if value.storage not in given)


def shape_of(tensor: Tensor) -> TensorShape:
    """Size and element type of a tensor."""
    element_type = str(tensor.dtype).removeprefix("torch.")
    return TensorShape(tuple(map(int, tensor.shape)), element_type, tensor.element_size())


def _storage_of(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        # Sparse tensors and the like have several; they alias nothing that is watched here.
        return id(tensor)


def _layout_of(tensor: Tensor) -> tuple[tuple[int, ...], int]:
    """Strides and offset; nothing for tensors without (sparse ones)."""
    if tensor.layout is not torch.strided:
        return (), 0
    return tuple(map(int, tensor.stride())), int(tensor.storage_offset())


def _calling_site() -> Site | None:
    """The user's line that is running, not further out than the network's own code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code is trace.__code__:
            return None
        if is_user_file(code.co_filename):
            return site_of(frame)
        frame = frame.f_back
    return None
