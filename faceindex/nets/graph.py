"""Writes ONNX graphs node by node, and prepares dlib's layers for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from faceindex.errors import BadWeights
from faceindex.nets.layers import Affine, Convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceindex.nets.layers import Floats, Layer
    from faceindex.nets.weights import Mark, Network

    Shape = tuple[int | str | None, ...]  # a text or None stands for a size that only a run knows

OPSET = 17  # what runtimes and their devices have known since 2022
IR_VERSION = 8
TYPES = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


@dataclass(slots=True)
class Graph:
    """Nodes in the order they are added; each value has a name that `add` hands out."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operation.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        return name

    def constant(self, numbers: NDArray[Any]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(numbers), name))
        return name

    def model(self, inputs: dict[str, tuple[str, Shape]], outputs: dict[str, Shape]) -> bytes:
        """The finished graph; inputs are (type, shape) by name, outputs are float32."""
        takes = [helper.make_tensor_value_info(name, TYPES[kind], shape) for name, (kind, shape) in inputs.items()]
        gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        graph = helper.make_graph(self.nodes, "faceindex", takes, gives, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        model.producer_name = "faceindex"
        return bytes(model.SerializeToString())


def fold(network: Network) -> list[Layer | Mark]:
    """A network's layers, the input's normalisation and every affine layer merged into convolutions.

    The network then takes values from 0 to 255; raises BadWeights if the layers do not fit together.
    """
    first, *others = network.layers
    if not isinstance(first, Convolution) or max(first.padding) or first.filters.shape[1] != len(network.input.mean):
        raise BadWeights(
            f"{network.name} holds a network that does not begin with a convolution of RGB without padding"
        )
    with np.errstate(all="ignore"):  # damaged numbers may be any
        folded: list[Layer | Mark] = [normalised(first, network.input.mean)]
        for layer in others:
            before = folded[-1]
            if isinstance(layer, Affine) and isinstance(before, Convolution):
                folded[-1] = scaled(before, layer, network.name)
            else:
                folded.append(layer)
    return folded


def convolve(graph: Graph, layer: Convolution, x: str) -> str:
    """Add a convolution; the name of what comes out."""
    return graph.add(
        "Conv",
        x,
        graph.constant(layer.filters),
        graph.constant(layer.biases),
        kernel_shape=layer.filters.shape[2:],
        strides=layer.stride,
        pads=layer.padding * 2,
    )


def normalised(layer: Convolution, mean: Sequence[float]) -> Convolution:
    """The convolution that does to x what the given one does to (x - mean) / 256."""
    filters = layer.filters.astype(np.float64) / 256
    shift = np.einsum("oirc,i->o", filters, np.asarray(mean, np.float64))
    return Convolution(_float32(filters), _float32(layer.biases - shift), layer.stride, layer.padding)


def scaled(layer: Convolution, by: Affine, name: str) -> Convolution:
    """The convolution with the affine layer behind it."""
    if len(layer.biases) != len(by.scale) or len(by.scale) != len(by.shift):
        raise BadWeights(f"{name} holds {len(by.scale)} scales for {len(layer.biases)} channels")
    scale = by.scale.astype(np.float64)
    filters = layer.filters * scale[:, None, None, None]
    return Convolution(_float32(filters), _float32(layer.biases * scale + by.shift), layer.stride, layer.padding)


def _float32(numbers: NDArray[np.float64]) -> Floats:
    return numbers.astype(np.float32)
