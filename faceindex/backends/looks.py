"""Where on a picture to look for faces, and how: whole, in finer tiles, turned.

A look is an array of pixels and what it shows: the whole picture or a part of it, as it is or turned.
Backends see arrays only; a look knows where on the picture their boxes lie.

A strip, such as a panorama, is too narrow to be seen whole: made as small as detectors want its longest side, it shows
no face. It is looked at in pieces, each as if it were a picture of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from faceindex.image import stored_box, turned
from faceindex.models import Box
from faceindex.native.preprocess import shrink
from faceindex.stopwatch import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faceindex.models import Pixels

NARROWEST = 72  # pixels: what HOG and the CNN need of a face (docs/detection.md)
TILE = 1600  # pixels, longest side of a tile as detectors see it
STRIP = 2.5  # times as long as wide, from which on a picture is a strip; films and screens keep below
WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Look:
    """A part of the picture turned as a picture of that EXIF orientation must be."""

    # Made when they are needed: faces in a hundred tiles would else hold the picture several times.
    pixels: Callable[[], Pixels]  # (height, width, 3)
    height: int
    width: int
    turn: int = 1
    part: Box = WHOLE  # of the turned picture

    def cuts(self, box: Box) -> bool:
        """Whether a box of this look ends where the look does and the picture goes on."""
        part = self.part
        return bool(
            (box.left <= 0 < part.left) or (box.right >= 1 > part.right)
            or (box.top <= 0 < part.top) or (box.bottom >= 1 > part.bottom)
        )  # fmt: skip

    def on_picture(self, box: Box) -> Box:
        """Where a box of this look lies on the picture."""
        part = self.part
        on_whole = Box(
            part.left + box.left * part.width, part.top + box.top * part.height,
            part.left + box.right * part.width, part.top + box.bottom * part.height,
        )  # fmt: skip
        return stored_box(on_whole, self.turn)


def whole(pixels: Pixels, turn: int = 1) -> Look:
    """All of the picture, these pixels turned."""
    upright = turned(pixels, turn)
    height, width = upright.shape[:2]
    return Look(lambda: upright, height, width, turn)


def piece_of(width: int, height: int, size: int) -> float:
    """The length of the pieces of a picture of which a detector looks at `size` pixels; its longest side if no strip.

    So is one that is not made smaller for the detector: there is nothing to gain.
    """
    longest, shortest = max(width, height), min(width, height)
    return min(longest, max(STRIP * shortest, size)) if size else longest


def pieces(pixels: Pixels, length: float) -> Iterator[Look]:
    """Parts of a strip, each so many pixels long; neighbours share a square, so that every face is whole in one."""
    height, width = pixels.shape[:2]
    side = max(1, round(length))
    overlap = min(side // 2, min(height, width))
    for top in starts(height, side, overlap):
        for left in starts(width, side, overlap):
            bottom, right = min(top + side, height), min(left + side, width)
            part = Box(left / width, top / height, right / width, bottom / height)
            piece = pixels[top:bottom, left:right]
            yield Look(partial(np.ascontiguousarray, piece), bottom - top, right - left, part=part)


def tiles(pixels: Pixels, turn: int, scale: float, seen: int) -> Iterator[Look]:
    """Parts of a picture that lies that way, `scale` times as large as its pixels, at most TILE pixels at a time.

    They overlap by the widest face that may be missed where the whole picture is seen at `seen` pixels.
    """
    upright = turned(pixels, turn)
    height, width = upright.shape[:2]
    side = max(1, int(TILE / scale))
    overlap = min(side // 2, ceil(1.25 * NARROWEST * max(height, width) / seen))
    for top in starts(height, side, overlap):
        for left in starts(width, side, overlap):
            bottom, right = min(top + side, height), min(left + side, width)
            part = Box(left / width, top / height, right / width, bottom / height)
            tile = upright[top:bottom, left:right]
            yield Look(partial(scaled, tile, scale), *scaled_shape(tile, scale), turn, part)


def scaled(pixels: Pixels, scale: float) -> Pixels:
    """A picture made larger or smaller."""
    with stage("resize"):
        return shrink(pixels, scaled_shape(pixels, scale))


def scaled_shape(pixels: Pixels, scale: float) -> tuple[int, int]:
    """Height and width that an array has when it is so much larger."""
    height, width = pixels.shape[:2]
    return max(1, round(height * scale)), max(1, round(width * scale))


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles begin along a picture's side; evenly spread, neighbours share at least `overlap`."""
    if length <= side:
        return [0]
    count = ceil((length - overlap) / (side - overlap))
    return [round(place * (length - side) / (count - 1)) for place in range(count)]
