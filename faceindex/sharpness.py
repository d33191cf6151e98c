"""How sharp a face is, for its size: whatever blurred it, a hand that moved, a lens, or a small picture made large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from faceindex.models import Box, Pixels

SIDE = 64  # pixels a face is scaled to: finer detail moves no encoding
FLAT = 1.0  # levels of gray added to the contrast, so that noise on an even surface is not detail


def sharpness(pixels: Pixels, box: Box) -> float:
    """The fine detail in a box of pixels (H, W, 3), as a part of all its contrast; 0 for what has none.

    Standard deviation of the Laplacian, over that of the gray levels, of the face at SIDE x SIDE: after "variance of
    the Laplacian" (Pech-Pacheco et al. 2000), made independent of size and light.
    """
    height, width = pixels.shape[:2]
    left, right = (round(min(max(x, 0.0), 1.0) * width) for x in (box.left, box.right))
    top, bottom = (round(min(max(y, 0.0), 1.0) * height) for y in (box.top, box.bottom))
    if right <= left or bottom <= top:
        return 0.0
    face = Image.fromarray(pixels[top:bottom, left:right]).convert("L")
    gray = np.asarray(face.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0), np.float32)
    around = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:]
    return float((4 * gray[1:-1, 1:-1] - around).std() / (gray.std() + FLAT))
