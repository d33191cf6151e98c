"""What a detector finds: a rectangle in pixels and how sure it is."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """A face in dlib's convention: all four edges are pixels of it and may lie outside the picture.

    A score of 0 is where dlib itself draws the line.
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float
