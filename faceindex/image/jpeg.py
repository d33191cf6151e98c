"""JPEGs straight into an RGB array, at full size or a half, a quarter or an eighth of it.

libjpeg-turbo by way of simplejpeg: the same decoder that Pillow has, the same pixels, but neither Pillow's
four bytes a pixel nor the copies between them and the array. It decodes what is sound; whatever it finds
fault with, Pillow judges, so that a damaged file has one verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simplejpeg

if TYPE_CHECKING:
    from faceindex.models import Pixels

SCALES = (8, 4, 2, 1)  # what libjpeg can divide by while it decodes
COLOURS = frozenset({"YCbCr", "Gray"})
SMALLEST = 16  # pixels a side; below, sizes at different scales round to the same and simplejpeg picks another


def decode(data: bytes, width: int, height: int, scale: int) -> Pixels | None:
    """Decode to (ceil(height / scale), ceil(width / scale), 3) uint8 RGB, as stored; None for Pillow to judge.

    Width and height are what the header said when the limits were applied: a file that libjpeg reads
    otherwise is not decoded here. Accurate DCT and smooth upsampling, as in Pillow. Raises MemoryError.
    """
    if min(width, height) < SMALLEST:
        return None
    wanted = -(-height // scale), -(-width // scale)
    try:
        *size, colour, _ = simplejpeg.decode_jpeg_header(data)
        if tuple(size) != (height, width) or colour not in COLOURS:
            return None
        # Strict: a warning, such as of an end that is missing, is an error.
        pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=wanted[0], min_width=wanted[1])
    except (ValueError, RuntimeError, KeyError):  # damaged, or of a kind that simplejpeg has no name for
        return None
    return pixels if pixels.shape == (*wanted, 3) else None
