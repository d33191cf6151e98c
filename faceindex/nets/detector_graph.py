"""dlib's CNN face detector (MMOD) as ONNX graphs for tiles of any size, and the step from level to level.

Its first convolutions have no padding, so they may see the tile in bands that overlap and give exactly what they
would give on the whole: "near" is that part, "far" the rest, on what is 1/64 of the tile. A night's photos have
many shapes; graphs that take any shape need one session in all, and bands keep its memory small.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from faceindex.errors import BadWeights
from faceindex.nets.graph import Graph, convolve, fold
from faceindex.nets.layers import Convolution, Relu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceindex.nets.layers import Layer
    from faceindex.nets.weights import Mark, Network


def near_graph(network: Network) -> bytes:
    """The part without padding: "x" float32 (1, 3, h, w), RGB 0 to 255, to (1, channels, rows, columns)."""
    near, _ = split(network)
    return chain(near, network.name)


def far_graph(network: Network) -> bytes:
    """The part behind it: "x" float32 (1, channels, rows, columns) to scores (1, 1, rows, columns)."""
    _, (*others, last) = split(network)
    assert isinstance(last, Convolution)
    return chain([*others, *by_columns(last)], network.name)


def resize_graph() -> bytes:
    """Bilinear, corners on corners: "x" float32 (1, 3, h, w) and "sizes" int64 (4,) to that shape."""
    graph = Graph()
    y = graph.add(
        "Resize",
        "x",
        "",
        graph.constant(np.zeros(0, np.float32)),
        "sizes",
        mode="linear",
        coordinate_transformation_mode="align_corners",
    )
    return graph.model({"x": ("float32", (1, 3, "h", "w")), "sizes": ("int64", (4,))}, {y: (1, 3, "rows", "columns")})


def split(network: Network) -> tuple[list[Layer | Mark], list[Layer | Mark]]:
    """Cut a folded network before its first convolution with padding."""
    layers = fold(network)
    near = list(takewhile(lambda layer: not (isinstance(layer, Convolution) and max(layer.padding)), layers))
    far = layers[len(near) :]
    for layer in far:
        if isinstance(layer, Convolution) and not _keeps_size(layer):
            raise BadWeights(f"{network.name} holds a detector whose last layers change the size")
    if not far or not isinstance(far[-1], Convolution) or len(far[-1].biases) != 1:
        raise BadWeights(f"{network.name} holds no detector with one score for each place")
    return list(near), far


def by_columns(layer: Convolution) -> list[Convolution]:
    """A convolution with one output as two: every column of the filter on its own, then their sum.

    Runtimes compute a block of 16 outputs whether they are wanted or not; this way most of them are.
    """
    (filters,) = layer.filters
    columns = filters.shape[2]
    apart = np.ascontiguousarray(filters.transpose(2, 0, 1))[..., None]
    together = np.eye(columns, dtype=np.float32).reshape(1, columns, 1, columns)
    rows, across = layer.padding
    return [
        Convolution(apart, np.zeros(columns, np.float32), (1, 1), (rows, 0)),
        Convolution(together, layer.biases, (1, 1), (0, across)),
    ]


def _keeps_size(layer: Convolution) -> bool:
    rows, columns = layer.filters.shape[2:]
    return layer.stride == (1, 1) and layer.padding == (rows // 2, columns // 2) and rows % 2 == columns % 2 == 1


def chain(layers: Sequence[Layer | Mark], name: str) -> bytes:
    """A graph of layers one after the other."""
    graph, x = Graph(), "x"
    channels = inputs = _first(layers).filters.shape[1]
    for layer in layers:
        if isinstance(layer, Convolution) and layer.filters.shape[1] == channels:
            x, channels = convolve(graph, layer, x), len(layer.biases)
        elif isinstance(layer, Relu):
            x = graph.add("Relu", x)
        else:
            raise BadWeights(
                f"{name} holds a layer out of place: {layer if isinstance(layer, str) else type(layer).__name__}"
            )
    return graph.model({"x": ("float32", (1, inputs, "h", "w"))}, {x: (1, channels, "rows", "columns")})


def _first(layers: Sequence[Layer | Mark]) -> Convolution:
    return next(layer for layer in layers if isinstance(layer, Convolution))
