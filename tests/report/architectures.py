"""Architectures made of formulas, for tests of what is shown of them."""

from __future__ import annotations

from fractions import Fraction

from defib.records.architecture import (
    Architecture,
    AxisField,
    Count,
    Exactness,
    LayerRecord,
    Memory,
    OutputSize,
    ParameterRecord,
    ReceptiveField,
    TensorShape,
)
from defib.records.expression import Integer, Product
from defib.records.site import Site
from defib.testing import make_architecture, make_layer


def convolution(
    name: str, channels: tuple[int, int], height: int, field: tuple[int, int]
) -> LayerRecord:
    """A 5 x 5 convolution of stride 2; `field` is size and stride of its receptive field."""
    inputs, outputs = (Integer(count, "channels") for count in channels)
    kernel = (Integer(5, "kernel height"), Integer(5, "kernel width"))
    sizes = tuple(
        OutputSize(axis, (Integer(height, f"input {axis}") - 5) // Integer(2, "stride") + 1)
        for axis in ("height", "width")
    )
    out = sizes[0].expression.value
    taps = Product((*kernel, inputs))
    return make_layer(
        name,
        "Conv2d",
        inputs=[(1, channels[0], height, height)],
        outputs=[(1, channels[1], out, out)],
        weights=Product((taps, outputs)),
        biases=outputs,
        macs=Product((taps, Product((outputs, Integer(out), Integer(out))))),
        activations=Product((outputs, Integer(out), Integer(out))),
        saved_bytes=4 * channels[0] * height**2,
        sizes=sizes,
        receptive_field=ReceptiveField(
            (AxisField(field[0], Fraction(field[1]), Fraction(0)),) * 2,
            work=(f"{field[0] - 2 * field[1]} + (5 - 1)*{field[1] // 2} = {field[0]}",),
        ),
        site=Site("/home/ada/net.py", 12, "hidden = self.conv1(images)", "forward"),
    )


def small_network() -> Architecture:
    """Two convolutions in a stage, then a frozen dense layer."""
    return make_architecture(
        make_layer("", "Net", is_leaf=False, outputs=[(1, 2)]),
        make_layer("stage", "Sequential", is_leaf=False, outputs=[(1, 16, 9, 9)]),
        convolution("stage.0", (3, 8), 45, (5, 2)),
        make_layer("stage.1", "ReLU", outputs=[(1, 8, 21, 21)], activations=8 * 21 * 21),
        convolution("stage.2", (8, 16), 21, (13, 4)),
        make_layer(
            "head",
            outputs=[(1, 2)],
            weights=Product((Integer(1296, "input features"), Integer(2, "output features"))),
            biases=2,
            macs=2592,
            activations=2,
            receptive_field=ReceptiveField(is_global=True),
            is_frozen=True,
        ),
        name="Net",
        inputs=[(1, 3, 45, 45)],
        parameters=(
            ParameterRecord("stage.0.weight", TensorShape((8, 3, 5, 5))),
            ParameterRecord("stage.0.bias", TensorShape((8,))),
            ParameterRecord("stage.2.weight", TensorShape((16, 8, 5, 5))),
            ParameterRecord("stage.2.bias", TensorShape((16,))),
            ParameterRecord("head.weight", TensorShape((2, 1296)), is_trainable=False),
            ParameterRecord("head.bias", TensorShape((2,)), is_trainable=False),
        ),
        memory=Memory(
            weights=25_672,
            gradients=15_296,
            optimizer_states={"SGD": 0, "Adam": 30_592},
            saved=Count(Integer(80_000)),
            forward_peak=Count(Integer(40_000)),
            assumptions=("float32 throughout",),
        ),
    )


def doubtful_network() -> Architecture:
    """A layer whose count is a lower bound, one of which nothing is known, and spare parts."""
    bound = Count(Integer(7), Exactness.LOWER_BOUND, "`fft` is not counted")
    unknown = Count(Integer(0), Exactness.UNKNOWN, "a kernel of its own")
    return make_architecture(
        make_layer("", "Odd", is_leaf=False),
        make_layer("fourier", "Fourier", outputs=[(1, 4)], macs=bound),
        make_layer("custom", "Custom", outputs=[(1, 4)], macs=unknown),
        make_layer("fourier", "Fourier", outputs=[(1, 4)], call=1, is_shared=True),
        uncalled=("spare",),
        name="Odd",
    )
