"""A backend written by hand, for tests that want faces without a network: bright squares on black.

A run of columns that hold anything bright is a face; its mean colour is its encoding, so two
faces of one colour are one person.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from faceindex.models import Box, Detection, DetectionSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from faceindex.models import Pixels

BRIGHT = 100  # of 255: any colour channel above this belongs to a face


class FakeBackend:
    """Finds what draw() draws, at any size and after JPEG compression."""

    name = "fake"
    dimensions = 3

    def __init__(self, settings: DetectionSettings) -> None:
        self.settings = settings

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        return [
            sorted(bright_squares(pixels), key=lambda face: (face.box.top, face.box.left))
            if self.settings.min_score <= 1
            else []
            for pixels in pictures
        ]

    def encode(self, pictures: Sequence[Pixels], boxes: Sequence[Sequence[Box]]) -> list[NDArray[np.float32]]:
        return [
            np.array([colour(pixels, box) for box in found], np.float32).reshape(len(found), 3)
            for pixels, found in zip(pictures, boxes, strict=True)
        ]


def bright_squares(pixels: Pixels) -> list[Detection]:
    bright = pixels.max(axis=2) > BRIGHT if pixels.size else np.zeros((0, 0), bool)
    height, width = bright.shape
    found = []
    for is_face, run in groupby(range(width), key=bright.any(axis=0).__getitem__):
        if is_face:
            columns = list(run)
            rows = np.flatnonzero(bright[:, columns].any(axis=1))
            left, right = columns[0], columns[-1] + 1
            top, bottom = int(rows[0]), int(rows[-1]) + 1
            box = Box(left / width, top / height, right / width, bottom / height)
            found.append(Detection(box, 1.0, "bright"))
    return found


def colour(pixels: Pixels, box: Box) -> NDArray[np.float64]:
    """Mean colour of the middle of a box, 0 to 1."""
    height, width = pixels.shape[:2]
    across, down = box.width / 4, box.height / 4
    top, bottom = int((box.top + down) * height), int((box.bottom - down) * height) + 1
    left, right = int((box.left + across) * width), int((box.right - across) * width) + 1
    return pixels[top:bottom, left:right].mean(axis=(0, 1)) / 255


def draw(*colours: tuple[int, int, int], side: int = 100) -> Pixels:
    """A black picture with one square of each colour, side by side, `side` pixels each."""
    pixels = np.zeros((2 * side, max(1, 2 * len(colours)) * side, 3), np.uint8)
    for place, each in enumerate(colours):
        left = side // 2 + 2 * place * side
        pixels[side // 2 : side // 2 + side, left : left + side] = each
    return pixels


def announce(folder: Path) -> Path:
    """Make folder, once on sys.path, a distribution that offers the backend "fake"."""
    facts = folder / "faceindex_fake-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: faceindex-fake\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[faceindex.backends]\nfake = fakes:FakeBackend\n")
    return folder
