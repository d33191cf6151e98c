"""The layers, inputs and losses that dlib's face networks are made of, and how a file spells each.

Source of the format: dlib/dnn/layers.h, loss.h and input.h of dlib 19 and 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from faceindex.nets.serialized import Cursor

    Floats = NDArray[np.float32]
    Pair = tuple[int, int]  # of rows and columns

WIDEST = 10_000  # no window, stride or padding comes near
FOR_CONVOLUTIONS = 0
NO_BIAS = 1
WITH_WINDOWS = 2  # options of the mmod loss from this version on list several windows …
WITH_PYRAMID = 3  # … and say whether there is a pyramid …
WITH_REGRESSION = 4  # … and whether boxes are corrected


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    filters: Floats  # (out channels, in channels, rows, columns), applied without flipping
    biases: Floats  # (out channels,)
    stride: Pair
    padding: Pair  # zeros on either side


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A number per channel to multiply with, and one to add; what batch normalisation comes to."""

    scale: Floats  # (channels,)
    shift: Floats  # (channels,)


@dataclass(frozen=True, slots=True)
class Relu:
    pass


@dataclass(frozen=True, slots=True)
class Add:
    """Add what was put aside; where shapes differ, what is missing counts as 0."""


@dataclass(frozen=True, slots=True)
class Pool:
    kind: Literal["max", "mean"]
    window: Pair  # (0, 0): the whole picture
    stride: Pair
    padding: Pair


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    weights: Floats  # (in, out)


Layer = Convolution | Affine | Relu | Add | Pool | Dense


@dataclass(frozen=True, slots=True)
class Input:
    """What a network is fed with: (value - mean) / 256 of red, green and blue."""

    mean: tuple[float, float, float]
    size: Pair | None = None  # where pictures have one size
    gap: int = 10  # between the pictures of a pyramid …
    border: int = 11  # … and around all of them


@dataclass(frozen=True, slots=True)
class Mmod:
    """Max-margin object detection: of the boxes of a sliding window, those that overlap a better one are dropped."""

    window: Pair  # width and height
    most_shared: float  # of the rectangle around two boxes
    most_covered: float  # of either box


@dataclass(frozen=True, slots=True)
class Metric:
    margin: float
    threshold: float


Loss = Mmod | Metric


def _convolution(cursor: Cursor) -> Convolution:
    numbers = cursor.tensor().ravel()
    cursor.count("filters")
    window, stride, padding = _pair(cursor), _pair(cursor, least=1), _pair(cursor)
    shape, bias_shape = cursor.shape(), cursor.shape()
    _skip_multipliers(cursor)
    if shape[2:] != window or bias_shape != (1, shape[0], 1, 1):
        raise cursor.unexpected(f"{window} filters of shape {shape} with biases of shape {bias_shape}")
    filters, biases = _parts(cursor, numbers, shape, bias_shape)
    return Convolution(filters, biases.ravel(), stride, padding)


def _convolution_with_options(cursor: Cursor) -> Convolution:
    layer = _convolution(cursor)
    if not cursor.boolean():
        raise cursor.unexpected("a convolution without biases")
    return layer


def _affine(cursor: Cursor) -> Affine:
    numbers = cursor.tensor().ravel()
    scale, shift = _parts(cursor, numbers, cursor.shape(), cursor.shape())
    cursor.one_of("affine mode", FOR_CONVOLUTIONS)
    return Affine(scale.ravel(), shift.ravel())


def _batch_normalisation(cursor: Cursor) -> Affine:
    numbers = cursor.tensor().ravel()
    gamma, beta = (part.ravel() for part in _parts(cursor, numbers, cursor.shape(), cursor.shape()))
    _, _, means, variances = (cursor.tensor().ravel() for _ in range(4))
    cursor.count("updates", most=2**62)
    cursor.count("updates in a window", most=2**62)
    _skip_multipliers(cursor)
    epsilon = cursor.float()
    if not len(gamma) == len(beta) == len(means) == len(variances):
        raise cursor.unexpected("a batch normalisation whose parts do not fit")
    with np.errstate(all="ignore"):  # damaged numbers may be any
        scale = gamma / np.sqrt(variances + np.float32(epsilon))
        shift = beta - scale * means
    if not np.all(np.isfinite([scale, shift])):
        raise cursor.unexpected("a batch normalisation that divides by nothing")
    return Affine(scale, shift)


def _pool(kind: Literal["max", "mean"]) -> Callable[[Cursor], Pool]:
    return lambda cursor: Pool(kind, _pair(cursor), _pair(cursor, least=1), _pair(cursor))


def _dense(cursor: Cursor) -> Dense:
    cursor.count("outputs")
    cursor.count("inputs")
    numbers = cursor.tensor().ravel()
    shape, _ = cursor.shape(), cursor.shape()
    cursor.one_of("bias mode", NO_BIAS)
    _skip_multipliers(cursor)
    (weights,) = _parts(cursor, numbers, shape)
    return Dense(weights.reshape(shape[0], -1))


def _parts(cursor: Cursor, numbers: Floats, *shapes: tuple[int, ...]) -> list[Floats]:
    """Cut a layer's numbers into tensors of those shapes; all must be used and none be empty."""
    sizes = [math.prod(shape) for shape in shapes]
    if sum(sizes) != len(numbers) or not all(sizes):
        raise cursor.unexpected(f"{len(numbers)} numbers for tensors of {' and '.join(map(str, shapes))}")
    places = np.cumsum(sizes[:-1])
    return [part.reshape(shape) for part, shape in zip(np.split(numbers, places), shapes, strict=True)]


def _pair(cursor: Cursor, least: int = 0) -> Pair:
    pair = cursor.count("as a size", WIDEST), cursor.count("as a size", WIDEST)
    if min(pair) < least:
        raise cursor.unexpected(f"a size of {pair}")
    return pair


def _skip_multipliers(cursor: Cursor) -> None:
    """Pass over what only matters to training: of weights and biases, how fast they learn and decay."""
    for _ in range(4):
        cursor.float()


def _mean(cursor: Cursor) -> tuple[float, float, float]:
    return cursor.float(), cursor.float(), cursor.float()


def _pyramid_with_gaps(cursor: Cursor) -> Input:
    return Input(_mean(cursor), None, cursor.count("as a gap", WIDEST), cursor.count("as a border", WIDEST))


def _mmod(cursor: Cursor) -> Mmod:
    version = cursor.one_of("version of the options", 1, 2, 3, 4)
    window = _pair(cursor, least=1) if version < WITH_WINDOWS else _only_window(cursor, version)
    for _ in ("loss per false alarm", "loss per miss", "least overlap with the truth"):
        cursor.float()
    most_shared, most_covered = cursor.float(), cursor.float()
    for _ in ("most shared with what is ignored", "most covered by it"):
        cursor.float()
    _only_with_pyramid(cursor, version)
    return Mmod(window, most_shared, most_covered)


def _only_window(cursor: Cursor, version: int) -> Pair:
    if (windows := cursor.count("windows")) != 1:
        raise cursor.unexpected(f"{windows} windows where one is known")
    labelled = cursor.one_of("version of a window", 1, 2) > 1
    window = _pair(cursor, least=1)
    if labelled:
        cursor.string()
    return window


def _only_with_pyramid(cursor: Cursor, version: int) -> None:
    if version >= WITH_PYRAMID:
        cursor.one_of("use of the pyramid", 1)
    if version >= WITH_REGRESSION:
        if cursor.boolean():
            raise cursor.unexpected("a detector that corrects its boxes")
        cursor.float()


LAYERS: dict[str, Callable[[Cursor], Layer]] = {
    "con_4": _convolution,
    "con_5": _convolution_with_options,
    "bn_con2": _batch_normalisation,
    "affine_": _affine,
    "relu_": lambda _: Relu(),
    "add_prev_": lambda _: Add(),
    "max_pool_2": _pool("max"),
    "avg_pool_2": _pool("mean"),
    "fc_2": _dense,
}
INPUTS: dict[str, Callable[[Cursor], Input]] = {
    "input_rgb_image_pyramid": lambda cursor: Input(_mean(cursor)),
    "input_rgb_image_pyramid2": _pyramid_with_gaps,
    "input_rgb_image_sized": lambda cursor: Input(_mean(cursor), _pair(cursor, least=1)),
}
LOSSES: dict[str, Callable[[Cursor], Loss]] = {
    "loss_mmod_": _mmod,
    "loss_metric_": lambda _: Metric(0.1, 0.75),
    "loss_metric_2": lambda cursor: Metric(cursor.float(), cursor.float()),
}
