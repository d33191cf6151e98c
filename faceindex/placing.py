"""Which face each box of another program means: boxes in, rows out.

Programs draw boxes of very different size around one face: of 9 faces that Picasa and HOG both found, IoU was
0.28 to 0.70. So a box means a face where the centre of each lies in the other; best overlap first, each face once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceindex.models import Box

LEAST = 0.1  # IoU of a box and the face it means
TURNED = 0.25  # the same, where the boxes only fit once the picture is turned …
SEVERAL = 2  # … and so many must fit then, if the picture itself gives no reason to turn it


@dataclass(frozen=True, slots=True)
class Placed:
    """What each box means."""

    turn: int  # quarter turns clockwise by which the boxes had to be turned; 0: they fit as they are
    boxes: tuple[Box, ...]  # so turned
    faces: tuple[int | None, ...]  # row of the face that each box means


def place(boxes: Sequence[Box], faces: Sequence[Box], *, doubtful: bool) -> Placed:
    """Find the face of each box, turning all boxes by quarters where they fit better so.

    `doubtful`: the picture lies otherwise than it is stored, so the other program may have got it wrong.
    """
    straight = _placed(boxes, faces, 0, LEAST)
    turned = [_placed(boxes, faces, turn, TURNED) for turn in (1, 2, 3)] if boxes else []
    best = max(turned, key=_count, default=straight)
    enough = _count(best) >= (1 if doubtful else SEVERAL)
    return best if enough and _count(best) > _count(straight) else straight


def turned(box: Box, turn: int) -> Box:
    """A box after so many quarter turns clockwise of the picture."""
    for _ in range(turn % 4):
        box = Box(1 - box.bottom, box.left, 1 - box.top, box.right)
    return box


def pairs(boxes: Sequence[Box], faces: Sequence[Box], least: float = LEAST) -> dict[int, int]:
    """Row of a box to that of the face it means; each once, best overlap first."""
    overlaps = sorted(
        (-box.iou(face), i, j)
        for i, box in enumerate(boxes)
        for j, face in enumerate(faces)
        if box.iou(face) >= least and _about(box, face) and _about(face, box)
    )
    chosen: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in overlaps:
        if i not in chosen and j not in taken:
            chosen[i] = j
            taken.add(j)
    return chosen


def _placed(boxes: Sequence[Box], faces: Sequence[Box], turn: int, least: float) -> Placed:
    seen = tuple(turned(box, turn) for box in boxes)
    chosen = pairs(seen, faces, least)
    return Placed(turn, seen, tuple(chosen.get(i) for i in range(len(seen))))


def _count(placed: Placed) -> int:
    return sum(face is not None for face in placed.faces)


def _about(box: Box, other: Box) -> bool:
    """Whether the other's centre lies in the box."""
    x, y = (other.left + other.right) / 2, (other.top + other.bottom) / 2
    return box.left <= x <= box.right and box.top <= y <= box.bottom
