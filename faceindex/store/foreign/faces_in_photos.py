"""The index of faces_in_photos, faces.db: its SQL, and no more.

faces     what it found, with the label of the group it put each into
picasa    what it once read from Picasa
paths     where a picture was
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from faceindex.store.foreign.opening import Foreign, number, opened, rows, text

PROGRAM = "faces_in_photos"
SIDES = ("left", "top", "right", "bottom")
NEEDED = {
    "file_paths": ("path", "hash"),
    "face_data": (*SIDES, "pickled", "hash", "grp", "inpic"),
    "face_groups": ("grp", "label"),
    "face_picasa": (*SIDES, "path", "hash", "label"),
}
UNKNOWN = ("", "_unknown_", "_regroup_")  # labels of groups that nobody named, in small letters
Rect = tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclass(frozen=True, slots=True)
class Row:
    """A face as it stands there."""

    digest: str  # SHA-256 of its file in hex, as it is written there
    path: str  # empty: see paths()
    rect: Rect | None  # None: some side is no number
    label: str | None  # None: nobody named it
    group: str
    human: bool  # somebody said so, in Picasa
    pickled: bytes | str


def open_faces(path: str) -> AbstractContextManager[Foreign]:
    """Raises UsageProblem where that is none of its databases."""
    return opened(path, PROGRAM, NEEDED)


def faces(foreign: Foreign) -> Iterator[Row]:
    """What it found on pictures, in pixels of the upright picture; those of one picture together."""
    for row in rows(
        foreign,
        """SELECT hash, "left", top, "right", bottom, label, face_data.grp, inpic, face_data.pickled
           FROM face_data LEFT JOIN face_groups ON face_groups.grp = face_data.grp ORDER BY hash, face_data.rowid""",
    ):
        yield Row(text(row[0]), "", _rect(row[1:5]), _label(row[5]), f"{row[6]}", row[7] in (1, "1"), _pickled(row[8]))


def picasa(foreign: Foreign) -> Iterator[Row]:
    """What it read from Picasa, in pixels of the picture as stored; its `hash` is Picasa's number of a person."""
    for row in rows(
        foreign,
        """SELECT (SELECT file_paths.hash FROM file_paths WHERE file_paths.path = face_picasa.path LIMIT 1),
                  path, "left", top, "right", bottom, label, hash
           FROM face_picasa ORDER BY path, rowid""",
    ):
        yield Row(text(row[0]), text(row[1]), _rect(row[2:6]), _label(row[6]), text(row[7]), True, b"")


def path_of(foreign: Foreign, digest: str) -> str:
    """A path at which a picture was; empty where none is told."""
    found = next(rows(foreign, "SELECT path FROM file_paths WHERE hash = ? ORDER BY path LIMIT 1", (digest,)), ("",))
    return text(found[0])


def _rect(sides: tuple[object, ...]) -> Rect | None:
    left, top, right, bottom = map(number, sides)
    if left is None or top is None or right is None or bottom is None:
        return None
    return left, top, right, bottom


def _label(value: object) -> str | None:
    label = text(value)
    return None if label.strip().lower() in UNKNOWN else label


def _pickled(value: object) -> bytes | str:
    return value if isinstance(value, bytes | str) else b""
