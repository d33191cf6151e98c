"""Contact sheets: people look rather than read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from faceindex.cli.app import absolute
from faceindex.errors import FaceindexError, UnreadablePicture, UsageProblem
from faceindex.image import open_picture
from faceindex.models import Box
from faceindex.report import counted
from faceindex.sheet import contact_sheet
from faceindex.store import files, listings, roots
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.models import Pixels

    Tiles = Iterable[tuple[Pixels, str]]

PER_CLUSTER = 8  # faces in a cluster's row
AROUND = 0.35  # of a face's width and height, shown on every side
SOFTWARE, MARK = 0x0131, "faceindex contact sheet"  # EXIF tag, and what it holds on our sheets
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")

BLANK = np.array([[[0xF4, 0xF4, 0xF2]]], np.uint8)  # as the sheet itself

Row = dict[str, Any]


def sheet_of_faces(db: sqlite3.Connection, rows: Sequence[Row], target: str) -> str:
    """Write one tile per face; returns what to tell the user."""
    return _write(db, target, ((pixels, f"face {row['face']}") for row, pixels in _cut_out(db, rows)))


def sheet_of_clusters(db: sqlite3.Connection, rows: Sequence[Row], target: str) -> str:
    """Write one row of faces per cluster, nearest to its average first; returns what to tell the user."""
    return _write(db, target, chain.from_iterable(_row_of_tiles(db, row) for row in rows))


def sheet_of_sides(db: sqlite3.Connection, sides: Sequence[tuple[str, Sequence[Row]]], target: str) -> str:
    """Write the faces of each side of a question under its caption, a side a line; returns what to tell the user."""

    def tiles() -> Iterator[tuple[Pixels, str]]:
        for caption, rows in sides:
            faces = [pixels for _, pixels in _cut_out(db, rows[:PER_CLUSTER])]
            yield from ((pixels, caption) for pixels in faces)
            yield from ((BLANK, "") for _ in range(-len(faces) % PER_CLUSTER))

    return _write(db, target, tiles())


def _row_of_tiles(db: sqlite3.Connection, row: Row) -> Iterator[tuple[Pixels, str]]:
    caption = f"{row['cluster']}: {row['person'] or '?'} ({row['photos']})"
    faces = [pixels for _, pixels in _cut_out(db, listings.members(db, row["cluster"], PER_CLUSTER))]
    yield from ((pixels, caption) for pixels in faces)
    yield from ((BLANK, "") for _ in range(-len(faces) % PER_CLUSTER))


def _cut_out(db: sqlite3.Connection, rows: Sequence[Row]) -> Iterator[tuple[Row, Pixels]]:
    """Faces from their photos; those are left out of which no copy can be read now."""
    for row in rows:
        path = files.path(db, row["file_id"]) if row["file_id"] is not None else None
        if path is None:
            continue
        try:
            picture = open_picture(Path(path).read_bytes())
            yield row, picture.crop(Box(row["left"], row["top"], row["right"], row["bottom"]), AROUND)[0]
        except (OSError, UnreadablePicture):
            continue


def _write(db: sqlite3.Connection, target: str, tiles: Tiles) -> str:
    path = absolute(target)
    _check(db, path)
    count = 0

    def numbered() -> Iterator[tuple[Pixels, str]]:
        nonlocal count
        for pixels, caption in tiles:
            count += bool(caption)
            yield pixels, caption

    sheet = contact_sheet(numbered(), columns=PER_CLUSTER)
    if not count:
        raise FaceindexError("there is no face to show: none of these photos can be read now")
    # Never written in place: the target may be a link to a photo, or half a sheet when the disk is full.
    name, suffix = os.path.splitext(path)
    unfinished = f"{name}.unfinished{suffix}"
    try:
        sheet.save(unfinished, quality=88, exif=_mark(sheet))
        os.replace(unfinished, path)
    except OSError as error:
        raise FaceindexError(f"cannot write {shown(path)}: {error.strerror or error}; name another place") from error
    return f"{target}: {counted(count, 'face')}"


def _mark(sheet: Image.Image) -> Image.Exif:
    """EXIF that tells our sheets from pictures of yours."""
    exif = sheet.getexif()
    exif[SOFTWARE] = MARK
    return exif


def _is_sheet(path: str) -> bool:
    try:
        with Image.open(path) as image:
            return bool(image.getexif().get(SOFTWARE) == MARK)
    except (OSError, ValueError, SyntaxError):
        return False


def _check(db: sqlite3.Connection, path: str) -> None:
    """Refuse a bad place before the work rather than after it."""
    if os.path.splitext(path)[1].lower() not in SUFFIXES:
        raise UsageProblem(f"cannot write {shown(path)}: name a file that ends in {', '.join(SUFFIXES)}")
    if os.path.lexists(path) and not _is_sheet(path):
        raise UsageProblem(f"{shown(path)} exists and is no sheet of faceindex; name another file")
    for root in roots.ever(db):
        if os.path.realpath(path).startswith(os.path.realpath(root).rstrip("/") + "/"):
            raise UsageProblem(f"{shown(path)} lies in the library, where a scan would take it for a photo; "
                               "write the sheet elsewhere")  # fmt: skip
