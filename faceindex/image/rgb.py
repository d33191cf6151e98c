"""What Pillow decodes, of whatever mode, as an RGB array; large pictures strip by strip, never held twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceindex.models import Pixels

DEEP_GRAY = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})  # modes that Pillow would clip
STRIP = 256  # rows that are converted at once


def rgb(image: Image.Image, scale: int = 1) -> Pixels:
    """Copy an image of 8 bits a channel out as (H, W, 3) uint8 RGB at 1/scale, transparent parts over white."""
    pixels = np.empty((-(-image.height // scale), -(-image.width // scale), 3), np.uint8)
    for top, strip in _strips(image, STRIP // scale * scale or scale):
        flat = _flat(strip)
        small = flat if scale == 1 else flat.reduce(scale)
        pixels[top // scale : top // scale + small.height] = np.asarray(small)
    return pixels


def eight_bits(image: Image.Image) -> Image.Image:
    """Scale deep gray to 0..255, what is white the 16-bit type tells, or else the values; keep other modes."""
    if image.mode not in DEEP_GRAY:
        return image
    is_short = image.mode.startswith("I;16")
    white = 65535 if is_short else _white(image)
    canvas = Image.new("L", image.size)
    for top, strip in _strips(image, STRIP):
        gray = np.asarray(strip) >> 8 if is_short else np.rint(_finite(strip).clip(0, white) * np.float32(255 / white))
        canvas.paste(Image.fromarray(gray.astype(np.uint8)), (0, top))
    return canvas


def _strips(image: Image.Image, rows: int) -> Iterator[tuple[int, Image.Image]]:
    """Cut an image into strips of so many rows; with each, where it begins."""
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _flat(image: Image.Image) -> Image.Image:
    """The image in RGB, transparent parts over white."""
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(layer, mask=layer.getchannel("A"))
    return canvas


def _white(image: Image.Image) -> float:
    peak = max(float(_finite(strip).max()) for _, strip in _strips(image, STRIP))
    return next((level for level in (1, 255, 65535) if peak <= level), peak)


def _finite(image: Image.Image) -> NDArray[np.float32]:
    """The values of a deep gray image (H, W); what is no number counts as 0."""
    return np.nan_to_num(np.asarray(image).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
