"""Pixels to smaller pixels, to gray and to network input, each in one pass over the picture.

All resizing is Pillow's BILINEAR with antialiasing: each output pixel is the average of the input under a
triangle as wide as the scale (https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters).
Kernels and the other way, Pillow and numpy, differ by at most TOLERANCE in any channel of any pixel.
"""

from __future__ import annotations

import ctypes
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from faceindex import native

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

TOLERANCE = 2  # of 255
LARGEST = 2**30  # bytes in a row; a kernel counts them in 32 bits
BAND = 2**22  # pixels that the other way holds at a time

_ADDRESS = ctypes.c_void_p
_PICTURE = (_ADDRESS, ctypes.c_int64, ctypes.c_int, ctypes.c_int)  # pixels, bytes from row to row, height, width
_MORE = {"fi_tensor": (_ADDRESS, _ADDRESS, ctypes.c_int)}  # scale, shift, is the order BGR


def shrink(pixels: Bytes, size: tuple[int, int]) -> Bytes:
    """Resize (H, W, 3) uint8 RGB to size = (h, w): (h, w, 3) uint8, or ValueError."""
    _check(pixels, size)
    out = np.empty((*size, 3), np.uint8)
    if not _ran("fi_shrink", pixels, out, size):
        for rows, band in _bands(pixels, size):
            out[rows] = np.asarray(band)
    return out


def gray_shrink(pixels: Bytes, size: tuple[int, int]) -> Bytes:
    """Resize (H, W, 3) uint8 RGB to size = (h, w) of luma: (h, w) uint8, or ValueError.

    Luma is that of ITU-R 601: 0.299 R + 0.587 G + 0.114 B.
    """
    _check(pixels, size)
    out = np.empty(size, np.uint8)
    if not _ran("fi_gray_shrink", pixels, out, size):
        for rows, band in _bands(pixels, size):
            out[rows] = np.asarray(band.convert("L"))
    return out


def tensor(
    pixels: Bytes,
    size: tuple[int, int],
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    *,
    crop: tuple[int, int, int, int] | None = None,
    order: Literal["RGB", "BGR"] = "RGB",
    out: Floats | None = None,
) -> Floats:
    """Crop, resize and normalise (H, W, 3) uint8 RGB to (3, h, w) float32, or ValueError.

    size = (h, w). The values are (value / 255 - mean) / std, mean and std by red, green and blue whatever the
    order of the planes. crop = (left, top, right, bottom) in pixels; what lies outside of it has no influence.
    out is where to put the result, C-contiguous: a place in a batch, say.
    """
    if crop is not None:
        pixels = _cropped(pixels, crop)
    _check(pixels, size)
    scale, shift = _line(mean, std)
    out = np.empty((3, *size), np.float32) if out is None else out
    if out.shape != (3, *size) or out.dtype != np.float32 or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out is a writable, contiguous (3, {size[0]}, {size[1]}) float32 array")
    bgr = {"RGB": 0, "BGR": 1}.get(order)
    if bgr is None:
        raise ValueError(f"the order is RGB or BGR, not {order}")
    if not _ran("fi_tensor", pixels, out, size, scale.ctypes.data, shift.ctypes.data, bgr):
        planes = out[::-1] if bgr else out
        for rows, band in _bands(pixels, size):
            planes[:, rows] = (np.asarray(band) * scale + shift).transpose(2, 0, 1)
    return out


def _line(mean: Sequence[float], std: Sequence[float]) -> tuple[Floats, Floats]:
    """What a byte is multiplied by and what is added then, by channel."""
    if len(mean) != 3 or len(std) != 3 or 0 in std:
        raise ValueError(f"mean and std are three numbers each, std without 0, not {mean} and {std}")
    deviation = np.asarray(std, np.float64)
    return (1 / (255 * deviation)).astype(np.float32), (-np.asarray(mean) / deviation).astype(np.float32)


def _check(pixels: Bytes, size: tuple[int, int]) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"pixels are (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size is (height, width), both at least 1, not {size}")
    if 3 * max(*size, *pixels.shape) > LARGEST:
        raise ValueError(f"a side is longer than {LARGEST // 3} pixels")


def _cropped(pixels: Bytes, crop: tuple[int, int, int, int]) -> Bytes:
    left, top, right, bottom = crop
    if not (0 <= left < right <= pixels.shape[1] and 0 <= top < bottom <= pixels.shape[0]):
        raise ValueError(f"crop {crop} does not lie within {pixels.shape[1]} by {pixels.shape[0]} pixels")
    return pixels[top:bottom, left:right]


def _bands(pixels: Bytes, size: tuple[int, int]) -> Iterator[tuple[slice, Image.Image]]:
    """The picture resized by Pillow, some rows of the result at a time: a huge one is never copied as a whole."""
    height, width = pixels.shape[:2]
    scale = height / size[0]
    reach = math.ceil(max(scale, 1)) + 1
    each = max(1, int(BAND / max(width, size[1]) / max(scale, 1)))
    for start in range(0, size[0], each):
        stop = min(start + each, size[0])
        top, bottom = max(0, int(start * scale) - reach), min(height, math.ceil(stop * scale) + reach)
        band = Image.fromarray(np.ascontiguousarray(pixels[top:bottom]))
        box = (0, start * scale - top, width, min(stop * scale, height) - top)
        yield slice(start, stop), band.resize((size[1], stop - start), Image.Resampling.BILINEAR, box)


def _ran(name: str, pixels: Bytes, out: NDArray[Any], size: tuple[int, int], *more: int) -> bool:
    """Call a kernel, if there are any. Rows may lie anywhere; a row whose pixels do not lie side by side is copied."""
    if (kernels := native.library()) is None:
        return False
    if pixels.strides[1:] != (3, 1):
        pixels = np.ascontiguousarray(pixels)
    kernel = getattr(kernels, name)
    if not kernel.argtypes:
        kernel.argtypes = (*_PICTURE, _ADDRESS, ctypes.c_int, ctypes.c_int, *_MORE.get(name, ()))
    if kernel(pixels.ctypes.data, pixels.strides[0], *pixels.shape[:2], out.ctypes.data, *size, *more):
        raise MemoryError("no memory left to resize a picture")
    return True
