"""Contact sheets: people look rather than read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceindex.errors import FaceindexError, UnreadablePicture
from faceindex.image import open_picture
from faceindex.models import Box
from faceindex.sheet import contact_sheet
from faceindex.store import files, listings

if TYPE_CHECKING:
    from faceindex.models import Pixels

PER_CLUSTER = 8  # faces in a cluster's row
AROUND = 0.35  # of a face's width and height, shown on every side

BLANK = np.array([[[0xF4, 0xF4, 0xF2]]], np.uint8)  # as the sheet itself

Row = dict[str, Any]


def sheet_of_faces(db: sqlite3.Connection, rows: Sequence[Row], target: str) -> None:
    """Write one tile per face."""
    _write(((pixels, f"face {row['face']}") for row in rows if (pixels := _cut_out(db, row)) is not None), target)


def sheet_of_clusters(db: sqlite3.Connection, rows: Sequence[Row], target: str) -> None:
    """Write one row of faces per cluster, nearest to its average first."""
    _write(_tiles_of_clusters(db, rows), target, columns=PER_CLUSTER)


def _tiles_of_clusters(db: sqlite3.Connection, rows: Sequence[Row]) -> Iterator[tuple[Pixels, str]]:
    for row in rows:
        caption = f"{row['cluster']}: {row['person'] or '?'} ({row['photos']})"
        tiles = [_cut_out(db, face) for face in listings.members(db, row["cluster"], PER_CLUSTER)]
        faces = [pixels for pixels in tiles if pixels is not None]
        yield from ((pixels, caption) for pixels in faces)
        yield from ((BLANK, "") for _ in range(-len(faces) % PER_CLUSTER))


def _cut_out(db: sqlite3.Connection, row: Row) -> Pixels | None:
    """A face from its photo; None where no copy of the photo can be read now."""
    path = files.path(db, row["file_id"]) if row["file_id"] is not None else None
    if path is None:
        return None
    try:
        picture = open_picture(Path(path).read_bytes())
        return picture.crop(Box(row["left"], row["top"], row["right"], row["bottom"]), AROUND)[0]
    except (OSError, UnreadablePicture):
        return None


def _write(tiles: Iterator[tuple[Pixels, str]], target: str, columns: int = 8) -> None:
    try:
        contact_sheet(tiles, columns=columns).save(target, quality=88)
    except (OSError, ValueError) as error:
        raise FaceindexError(f"cannot write {target}: {error}; name a file ending in .jpg or .png") from error
