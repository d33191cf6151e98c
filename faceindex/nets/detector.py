"""Finds faces with dlib's CNN, without dlib: the same boxes and scores, many times as fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceindex.errors import BadWeights
from faceindex.nets.cache import cached_graph
from faceindex.nets.found import Found
from faceindex.nets.layers import Convolution, Mmod
from faceindex.nets.pyramid import DLIBS_STEP, Place, Tile, boxes_on_picture, tiles_of, without_overlaps
from faceindex.nets.sessions import Session
from faceindex.nets.weights import read_network

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from faceindex.models import Pixels
    from faceindex.nets.layers import Floats
    from faceindex.nets.weights import Network

    Levels = list[NDArray[np.uint8] | Floats]  # (3, H, W) each

LEAST_SIDE = 10  # dlib cannot look at less, and its faces have 80 pixels
BAND = 32  # rows of cells that are looked at at once: little memory, and little seen twice


class FaceDetector:
    """dlib's MMOD face detector on any device.

    `step` makes each level of the pyramid (step - 1) / step of the one before: dlib's own is 6; smaller steps
    look at fewer sizes and take less time. Raises BadWeights if the file is not a detector of dlib's.
    """

    def __init__(self, weights: Path, device: str = "auto", step: int = DLIBS_STEP) -> None:
        network = read_network(weights)
        if not isinstance(network.loss, Mmod):
            raise BadWeights(f"{weights} holds no detector of dlib's; reinstall what it came with")
        self.step = step
        self._input, self._mmod, self._lens = network.input, network.loss, lens_of(network)
        # The pyramid is cheap, and going to a device and back for each level is not.
        self._resize = Session(lambda: _graph("resize", network, weights), "cpu")
        self._near = Session(lambda: _graph("near", network, weights), device)
        self._far = Session(lambda: _graph("far", network, weights), device)

    def detect(self, pixels: Pixels, min_score: float = 0.0) -> list[Found]:
        """Faces on a picture, best first; pixels are uint8 (H, W, 3) RGB, scores greater than min_score."""
        height, width, _ = pixels.shape
        if min(height, width) < LEAST_SIDE:
            return []
        tiles = tiles_of(height, width, self.step, self._input.gap, self._input.border)
        levels = self._pyramid(pixels, [place for tile in tiles for place in tile.places])
        return self._best([self._candidates(tile, levels, min_score) for tile in tiles])

    def _scores(self, tile: Tile, levels: Levels) -> Floats:
        """A score for every cell of the tile, (rows, columns) float32."""
        rows = self._lens.cells(tile.height)
        bands = [
            self._near.run(x=self._band(tile, levels, first, min(first + BAND, rows))) for first in range(0, rows, BAND)
        ]
        scores: Floats = self._far.run(x=np.concatenate(bands, axis=2))[0, 0]
        return scores

    def _pyramid(self, pixels: Pixels, places: list[Place]) -> Levels:
        """Every level, (3, height, width): the picture as it is, the smaller ones float32, each from the last."""
        picture = pixels.transpose(2, 0, 1)
        levels: Levels = [picture]
        last = picture[None].astype(np.float32)
        for place in places[1:]:
            last = self._resize.run(x=last, sizes=np.array([1, 3, place.height, place.width]))
            levels.append(last[0])
        return levels

    def _band(self, tile: Tile, levels: Levels, first: int, end: int) -> Floats:
        """The part of the tile that cells of rows first to end see, (1, 3, height, tile.width) float32."""
        top, bottom = self._lens.sees(first, end)
        band = np.empty((1, 3, bottom - top, tile.width), np.float32)
        band[:] = np.array(self._input.mean, np.float32)[:, None, None]  # what is 0 once the mean is taken off
        for place in tile.places:
            upper, lower = max(top, place.top), min(bottom, place.top + place.height)
            if upper < lower:
                across = slice(place.left, place.left + place.width)
                band[0, :, upper - top : lower - top, across] = levels[place.level][
                    :, upper - place.top : lower - place.top
                ]
        return band

    def _candidates(self, tile: Tile, levels: Levels, min_score: float) -> tuple[NDArray[np.int64], Floats]:
        """Boxes (n, 4) on the picture and scores (n,) of the cells above min_score."""
        if min(self._lens.cells(tile.height), self._lens.cells(tile.width)) < 1:
            return np.empty((0, 4), np.int64), np.empty(0, np.float32)
        scores = self._scores(tile, levels)
        rows, columns = np.nonzero(scores > min_score)
        return boxes_on_picture(tile, self._lens.centres(rows, columns), self._mmod.window), scores[rows, columns]

    def _best(self, candidates: list[tuple[NDArray[np.int64], Floats]]) -> list[Found]:
        boxes = np.concatenate([boxes for boxes, _ in candidates])
        scores = np.concatenate([scores for _, scores in candidates])
        order = np.argsort(-scores, kind="stable")
        boxes, scores = boxes[order], scores[order]
        kept = without_overlaps(boxes, self._mmod.most_shared, self._mmod.most_covered)
        return [_found(boxes[i].tolist(), float(scores[i])) for i in kept]


def _found(box: list[int], score: float) -> Found:
    left, top, right, bottom = box
    return Found(left, top, right, bottom, score)


@dataclass(frozen=True, slots=True)
class Lens:
    """What one cell of the network's map sees of the tile, without what padding adds."""

    window: int  # pixels
    stride: int

    def cells(self, length: int) -> int:
        return (length - self.window) // self.stride + 1

    def sees(self, first: int, end: int) -> tuple[int, int]:
        """First and end of the pixels that cells from first to end see."""
        return first * self.stride, (end - 1) * self.stride + self.window

    def centres(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Pixels at the centres of cells, (n, 2) as x and y."""
        return np.stack([columns, rows], axis=1) * self.stride + self.window // 2


def lens_of(network: Network) -> Lens:
    """How a network's convolutions without padding add up; they must be square."""
    window = stride = 1
    for layer in network.layers:
        if isinstance(layer, Convolution) and not max(layer.padding):
            if layer.filters.shape[2] != layer.filters.shape[3] or layer.stride[0] != layer.stride[1]:
                raise BadWeights(f"{network.name} holds a detector with windows that are not square")
            window += (layer.filters.shape[2] - 1) * stride
            stride *= layer.stride[0]
    return Lens(window, stride)


def _graph(part: str, network: Network, weights: Path) -> Path | bytes:
    return cached_graph(f"detector-{part}", weights, lambda: _build(part, network))


def _build(part: str, network: Network) -> bytes:
    from faceindex.nets import detector_graph  # noqa: PLC0415  (imports onnx: slow, and needed once in a life)

    match part:
        case "near":
            return detector_graph.near_graph(network)
        case "far":
            return detector_graph.far_graph(network)
    return detector_graph.resize_graph()
