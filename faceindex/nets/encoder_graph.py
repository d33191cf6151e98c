"""dlib's face encoder as one ONNX graph: RGB chips as bytes in, encodings out.

A residual network of 29 convolutions (He et al., Deep Residual Learning, 2015); the layers come from the file.
Where a branch gets more channels than the other, dlib takes the missing ones for 0; where it has fewer rows
and columns, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceindex.errors import BadWeights
from faceindex.nets.graph import Graph, convolve, fold
from faceindex.nets.layers import Add, Convolution, Dense, Pool, Relu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceindex.nets.layers import Layer, Pair
    from faceindex.nets.weights import Mark, Network

CHIPS = "chips"  # uint8 (N, 150, 150, 3)
ROWS, COLUMNS = slice(2, 3), slice(3, 4)


@dataclass(frozen=True, slots=True)
class Flow:
    """A value on its way through the graph, (N, channels, rows, columns)."""

    name: str
    channels: int
    rows: int
    columns: int


def encoder_graph(network: Network) -> bytes:
    """The ONNX model: "chips" uint8 (N, 150, 150, 3) RGB to float32 (N, 128); raises BadWeights if it is no encoder."""
    if network.input.size is None:
        raise BadWeights(f"{network.name} holds no network for pictures of one size")
    rows, columns = network.input.size
    builder = Builder(Graph(), network.name)
    encodings = builder.build(fold(network), rows, columns)
    return builder.graph.model(
        {CHIPS: ("uint8", ("chips", rows, columns, 3))}, {encodings.name: ("chips", encodings.channels)}
    )


@dataclass(slots=True)
class Builder:
    graph: Graph
    name: str  # of the file, for errors
    remembered: Flow | None = None
    waiting: Flow | None = None  # what the next Add adds

    def build(self, layers: Sequence[Layer | Mark], rows: int, columns: int) -> Flow:
        # Transposing bytes moves a quarter of what transposing floats would.
        x = self.graph.add("Cast", self.graph.add("Transpose", CHIPS, perm=[0, 3, 1, 2]), to=1)
        flow = Flow(x, 3, rows, columns)
        for layer in layers:
            flow = self.step(layer, flow)
        if not isinstance(layers[-1], Dense):
            raise self.refused("an encoder without a last dense layer")
        return flow

    def step(self, layer: Layer | Mark, x: Flow) -> Flow:
        """Add one layer."""
        match layer:
            case "remember":
                self.remembered = self.waiting = x
                return x
            case "detour" if self.remembered:
                self.waiting = x
                return self.remembered
            case Convolution():
                return self.convolve(layer, x)
            case Relu():
                return Flow(self.graph.add("Relu", x.name), x.channels, x.rows, x.columns)
            case Pool():
                return self.pool(layer, x)
            case Add() if self.waiting:
                return self.add(x, self.waiting)
            case Dense():
                return self.dense(layer, x)
            case _:
                raise self.refused(f"a layer out of place: {layer if isinstance(layer, str) else type(layer).__name__}")

    def convolve(self, layer: Convolution, x: Flow) -> Flow:
        outputs, inputs, *window = layer.filters.shape
        if inputs != x.channels:
            raise self.refused(f"filters for {inputs} channels where {x.channels} come")
        rows, columns = self.sizes(x, (window[0], window[1]), layer.stride, layer.padding)
        return Flow(convolve(self.graph, layer, x.name), outputs, rows, columns)

    def pool(self, layer: Pool, x: Flow) -> Flow:
        if layer.window == (0, 0):
            return Flow(self.graph.add("GlobalAveragePool", x.name), x.channels, 1, 1)
        rows, columns = self.sizes(x, layer.window, layer.stride, layer.padding)
        name = self.graph.add(
            "MaxPool" if layer.kind == "max" else "AveragePool",
            x.name,
            kernel_shape=layer.window,
            strides=layer.stride,
            pads=layer.padding * 2,
        )
        return Flow(name, x.channels, rows, columns)

    def sizes(self, x: Flow, window: Pair, stride: Pair, padding: Pair) -> Pair:
        """Rows and columns that a sliding window makes of those of x."""
        rows = (x.rows + 2 * padding[0] - window[0]) // stride[0] + 1
        columns = (x.columns + 2 * padding[1] - window[1]) // stride[1] + 1
        if min(*window, rows, columns) < 1:
            raise self.refused(f"a window of {window} over {x.rows} × {x.columns}")
        return rows, columns

    def add(self, x: Flow, other: Flow) -> Flow:
        channels = max(x.channels, other.channels)
        rows, columns = max(x.rows, other.rows), max(x.columns, other.columns)
        parts = [self.grown(part, channels, rows, columns) for part in (x, other)]
        return Flow(self.graph.add("Add", *parts), channels, rows, columns)

    def grown(self, x: Flow, channels: int, rows: int, columns: int) -> str:
        """Add zeros at the end of each dimension that is short."""
        missing = [channels - x.channels, rows - x.rows, columns - x.columns]
        if not any(missing):
            return x.name
        return self.graph.add("Pad", x.name, self.graph.constant(np.array([0] * 5 + missing, np.int64)))

    def dense(self, layer: Dense, x: Flow) -> Flow:
        inputs, outputs = layer.weights.shape
        if inputs != x.channels * x.rows * x.columns:
            raise self.refused(f"weights for {inputs} numbers where {x.channels} × {x.rows} × {x.columns} come")
        flat = self.graph.add("Flatten", x.name)
        return Flow(self.graph.add("MatMul", flat, self.graph.constant(layer.weights)), outputs, 1, 1)

    def refused(self, found: str) -> BadWeights:
        return BadWeights(f"{self.name} holds {found}; reinstall what it came with")
