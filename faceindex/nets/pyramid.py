"""Where each size of a picture lies on the tile that dlib's CNN detector looks at, and back.

dlib puts all sizes on one big tile. Which of their neighbours a cell sees is part of dlib's results, so with dlib's own
step they lie just so; with another, each size has a tile of its own and nothing is computed for the gaps.

Sources: compute_tiled_image_pyramid_details and pyramid_down in dlib/image_transforms/image_pyramid.h,
nearest_rect in dlib/geometry/rectangle.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DLIBS_STEP = 6
LEAST_HEIGHT = 5  # of a level of the pyramid
SHIFT = 0.3  # what dlib adds per level when it carries a point up to the picture


@dataclass(frozen=True, slots=True)
class Place:
    """A level of the pyramid, 0 is the picture itself, and where it lies on its tile, in pixels."""

    level: int
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tile:
    width: int
    height: int
    step: int
    places: tuple[Place, ...]


def tiles_of(height: int, width: int, step: int, gap: int, border: int) -> list[Tile]:
    """All that is to be looked at of a picture; each level is (step - 1) / step of the one before."""
    if step == DLIBS_STEP:
        return [tile_of(height, width, step, gap, border)]
    return [
        Tile(w + 2 * border, h + 2 * border, step, (Place(level, border, border, w, h),))
        for level, (w, h) in enumerate(level_sizes(height, width, step))
    ]


def tile_of(height: int, width: int, step: int, gap: int, border: int) -> Tile:
    """Lay out the pyramid of a picture as dlib does.

    The first column goes down from the picture, the second up again beside what has become narrow enough.
    """
    sizes = level_sizes(height, width, step)
    length = column_length(sizes, gap)
    places: list[Place] = []
    y = border
    while y < length + border and len(places) < len(sizes):
        w, h = sizes[len(places)]
        places.append(Place(len(places), border, y, w, h))
        y += h + gap
    y -= gap
    for w, h in sizes[len(places) :]:
        place = Place(len(places), border + width - w, y - h, w, h)
        if place.top < border + height:  # it would cover the picture
            break
        places.append(place)
        y -= h + gap
    return Tile(width + 2 * border, length + 2 * border, step, tuple(places))


def level_sizes(height: int, width: int, step: int) -> list[tuple[int, int]]:
    """Width and height of every level, the picture's own first."""
    sizes = [(width, height)]
    rate = (step - 1.0) / step
    while True:
        width, height = math.floor(rate * width), math.floor(rate * height)
        if width < 1 or height < LEAST_HEIGHT:
            return sizes
        sizes.append((width, height))


def column_length(sizes: Sequence[tuple[int, int]], gap: int) -> int:
    """How far down the first column goes: until it holds half, and the next level fits beside the last."""
    widest, first = sizes[0]
    total = sum(height + gap for _, height in sizes) - 2 * gap
    length = last = 0
    for width, height in sizes:
        if width <= widest - last - gap and (length - first) * 2 >= total - first:
            break
        length += height + gap
        last = width
    return length - gap


def boxes_on_picture(tile: Tile, centres: NDArray[np.int64], window: tuple[int, int]) -> NDArray[np.int64]:
    """Carry windows of (width, height) around points of the tile, (n, 2) as x and y, to the picture.

    Gives (n, 4) left, top, right, bottom in pixels, as dlib's rectangles: all four edges belong to the box.
    """
    nearest = nearest_places(tile, centres)
    corners = np.array([(place.left, place.top) for place in tile.places], np.float64)
    level = np.array([place.level for place in tile.places])[nearest]
    half = (np.array(window, np.float64) - 1) / 2
    points = np.concatenate([centres - half, centres + half], axis=1) - np.tile(corners[nearest], 2)
    ratio = tile.step / (tile.step - 1.0)
    for step in range(level.max(initial=0)):
        deeper = level > step
        points[deeper] = points[deeper] * ratio + SHIFT
    # Halves go away from zero, as in C.
    rounded = np.sign(points) * np.floor(np.abs(points) + 0.5)
    return np.asarray(rounded, np.int64)


def nearest_places(tile: Tile, points: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the level that each point lies on or next to, (n,)."""
    first = np.array([(place.left, place.top) for place in tile.places])
    last = first + np.array([(place.width, place.height) for place in tile.places]) - 1
    away = points[:, None] - np.clip(points[:, None], first, last)
    nearest: NDArray[np.int64] = np.argmin((away**2).sum(axis=2), axis=1)
    return nearest


def without_overlaps(boxes: NDArray[np.int64], most_shared: float, most_covered: float) -> list[int]:
    """Indices of boxes, best first, that no better one overlaps.

    Two overlap if they share more than most_shared of the rectangle around both (of that, not of their union),
    or if either covers more than most_covered of the other.
    """
    kept: list[int] = []
    areas = _area(boxes)
    for index, box in enumerate(boxes):
        others = boxes[kept]
        inner = _area(np.concatenate([np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])], axis=1))
        outer = _area(np.concatenate([np.minimum(others[:, :2], box[:2]), np.maximum(others[:, 2:], box[2:])], axis=1))
        covered = inner / np.minimum(areas[kept], areas[index])
        if not np.any((inner > 0) & ((inner / outer > most_shared) | (covered > most_covered))):
            kept.append(index)
    return kept


def _area(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2] + 1, 0)
    areas: NDArray[np.int64] = sides.prod(axis=1)
    return areas
