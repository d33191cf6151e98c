"""digiKam's tagRegion: a box as `<rect x=".." y=".." width=".." height=".."/>`, whole pixels of the upright picture."""

from __future__ import annotations

import re

from faceindex.image.turns import box_from_pixels, pixel_rect
from faceindex.models import Box, Canvas

RECT = re.compile(r"\s*<rect\s[^<>]{1,200}/>\s*")
NUMBER = re.compile(r"""\b(x|y|width|height)\s*=\s*["']\s*(-?[0-9]{1,9})(?:\.[0-9]{0,9})?\s*["']""")


def read(value: str, canvas: Canvas) -> Box | None:
    """The box, clipped to the picture; None where it is no rectangle, empty, or outside."""
    if not RECT.fullmatch(value):
        return None
    sides = {name: int(number) for name, number in NUMBER.findall(value)}
    if len(sides) < 4:
        return None
    left, top = sides["x"], sides["y"]
    box = box_from_pixels(left, top, left + sides["width"], top + sides["height"], canvas.width, canvas.height)
    return box if box.width > 0 and box.height > 0 else None


def write(box: Box, canvas: Canvas) -> str:
    """The nearest rectangle of whole pixels, at least one each way."""
    left, top, right, bottom = pixel_rect(box, canvas.width, canvas.height)
    return f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"/>'
