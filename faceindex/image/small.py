"""Small pictures to look at: of a whole photo, and of single faces; upright JPEGs without metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from faceindex.models import Box
from faceindex.native import preprocess

if TYPE_CHECKING:
    from faceindex.models import Pixels

PHOTO = 360  # pixels on the longest side
FACE = 144  # pixels a side
AROUND = 0.35  # of a face's width and height, shown on every side
QUALITY = 82  # JPEG


def photo_jpeg(pixels: Pixels, longest: int = PHOTO) -> bytes:
    """An upright picture as a JPEG, at most so many pixels on its longest side."""
    return jpeg(_fit(pixels, longest))


def face_jpeg(pixels: Pixels, box: Box, side: int = FACE) -> bytes:
    """A face, with what is around it, as a square JPEG."""
    return jpeg(_face(pixels, box, side))


def jpeg(pixels: Pixels) -> bytes:
    """(H, W, 3) uint8 RGB as a JPEG."""
    found: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), QUALITY, "RGB", "420")
    return found


def _fit(pixels: Pixels, longest: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    return preprocess.shrink(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))


def _face(pixels: Pixels, box: Box, side: int) -> Pixels:
    """A square around a face, kept within the picture as far as it goes."""
    height, width = pixels.shape[:2]
    wanted = (1 + 2 * AROUND) * max(box.width * width, box.height * height)
    across = down = max(1, round(min(wanted, width, height)))
    left = _start((box.left + box.right) / 2 * width, across, width)
    top = _start((box.top + box.bottom) / 2 * height, down, height)
    return preprocess.shrink(pixels[top : top + down, left : left + across], (side, side))


def _start(middle: float, length: int, whole: int) -> int:
    return min(max(0, round(middle - length / 2)), whole - length)
