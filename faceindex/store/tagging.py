"""Tags of other programs: which photos they are about, and what is remembered of them.

pictured, pictures_in, by_digest    photos as a source of tags looks for them
known, remember, drop               tags that were imported, while their journal entries stand
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from faceindex.models import Box, Canvas, Tag
from faceindex.store import roots
from faceindex.store.files import folders
from faceindex.store.paths import join, path_of

CANVAS = "photo.photo_id, photo.width, photo.height, photo.orientation"


@dataclass(frozen=True, slots=True)
class Pictured:
    """A photo of the index, as a source of tags needs it."""

    photo_id: int
    path: str  # as the operating system wants it
    canvas: Canvas


def folders_below(db: sqlite3.Connection, top: str | None = None) -> Iterator[tuple[int, str]]:
    """(folder_id, full path) of the known folders of all roots in use, or of those at and below `top`."""
    for root, root_id in roots.ids(db).items():
        for folder_id, path in folders(db, root_id):
            full = join(root, "", path) if path else root
            if top is None or full == top or full.startswith(top.rstrip("/") + "/"):
                yield folder_id, full


def pictures_in(db: sqlite3.Connection, folder_id: int, folder: str) -> dict[str, Pictured]:
    """Name to photo of the files that are present in a folder, whose full path is `folder`."""
    rows = db.execute(
        f"""SELECT name, raw_name, {CANVAS} FROM file JOIN photo USING (digest)
            WHERE folder_id = ? AND gone IS NULL""",
        (folder_id,),
    )
    named = ((path_of(row[0], row[1]), row) for row in rows)
    return {name: Pictured(row[2], join(folder, "", name), Canvas(*row[3:6])) for name, row in named}


def by_digest(db: sqlite3.Connection, digest: bytes) -> Pictured | None:
    """The photo of this SHA-256; its path is empty where no copy is present."""
    row = db.execute(f"SELECT {CANVAS} FROM photo WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        return None
    place = db.execute(
        """SELECT root.path, root.raw_path, folder.path, folder.raw_path, name, raw_name
           FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
           WHERE digest = ? AND gone IS NULL AND removed_at IS NULL ORDER BY file_id LIMIT 1""",
        (digest,),
    ).fetchone()
    path = join(path_of(place[0], place[1]), path_of(place[2], place[3]), path_of(place[4], place[5])) if place else ""
    return Pictured(row[0], path, Canvas(*row[1:4]))


# ---------------------------------------------------------------------------------- what is remembered

DIGITS = 6  # of the numbers of a box, as of a face that a human drew
FALLEN = "(SELECT undone_at FROM journal WHERE journal.journal_id = tag.journal_id) IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Known:
    """A tag that was imported before."""

    tag_id: int
    tag: Tag
    face_id: int | None
    at: str  # when; empty where it brought nothing new


def known(db: sqlite3.Connection, photo_id: int, source: str) -> dict[Tag, Known]:
    """What this source said of a photo when it was last imported, by what it said (told())."""
    rows = db.execute(
        f"""SELECT tag_id, name, "left", top, "right", bottom, word, face_id, coalesce(journal.at, '')
            FROM tag LEFT JOIN journal USING (journal_id)
            WHERE photo_id = ? AND source = ? AND NOT {FALLEN}""",
        (photo_id, source),
    )
    found = (
        Known(row[0], Tag(row[1], None if row[2] is None else Box(*row[2:6]), row[6]), row[7], row[8]) for row in rows
    )
    return {each.tag: each for each in found}


def told(tag: Tag) -> Tag:
    """A tag as it is remembered: rounded, without what only the import needs."""
    box = tag.box and Box(*(round(side, DIGITS) for side in (tag.box.left, tag.box.top, tag.box.right, tag.box.bottom)))
    return Tag(tag.name, box, tag.word)


def remember(
    db: sqlite3.Connection, journal_id: int, photo_id: int, source: str, tag: Tag, face_id: int | None
) -> None:
    """Keep a tag, or what is new about it. One of an entry that was taken back is this entry's from now on."""
    tag = told(tag)
    sides = (tag.box.left, tag.box.top, tag.box.right, tag.box.bottom) if tag.box else (None,) * 4
    db.execute(
        f"""INSERT INTO tag (photo_id, source, name, "left", top, "right", bottom, word, face_id, journal_id)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET word = excluded.word, face_id = excluded.face_id,
                journal_id = iif(word = excluded.word AND NOT {FALLEN}, journal_id, excluded.journal_id)
            WHERE word <> excluded.word OR face_id IS NOT excluded.face_id OR {FALLEN}""",
        (photo_id, source, tag.name, *sides, tag.word, face_id, journal_id),
    )


def detach(db: sqlite3.Connection, journal_id: int) -> None:
    """Have the tags of an entry stand without it: they say what the index knew, and there is nothing to undo."""
    db.execute("UPDATE tag SET journal_id = NULL WHERE journal_id = ?", (journal_id,))


def drop(db: sqlite3.Connection, tags: Iterable[Known]) -> None:
    """Forget tags that their program no longer has."""
    db.executemany("DELETE FROM tag WHERE tag_id = ?", [(each.tag_id,) for each in tags])


# ---------------------------------------------------------------------------------- what is there


@dataclass(frozen=True, slots=True)
class There:
    """A face of the index that a tag may mean."""

    face_id: int
    box: Box
    cluster_id: int | None
    name: str | None  # that a human said
    source: str | None  # who: "human" or "tag"
    said_at: str | None  # when
    forgotten: bool  # its person was; nothing can be said of it any more


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that tags speak of."""

    photo_id: int
    digest: str  # SHA-256, 64 hex digits
    canvas: Canvas
    faces: list[There]


def photo(db: sqlite3.Connection, photo_id: int, backend: str) -> Photo | None:
    """None where this backend has not looked at it yet."""
    row = db.execute(
        f"""SELECT lower(hex(digest)), {CANVAS} FROM photo JOIN examination USING (photo_id)
            WHERE photo_id = ? AND backend = ?""",
        (photo_id, backend),
    ).fetchone()
    if row is None:
        return None
    faces = db.execute(
        """SELECT face.face_id, "left", top, "right", bottom, cluster_id, name, source, journal.at,
                  encoding.face_id IS NULL
           FROM face LEFT JOIN encoding ON encoding.face_id = face.face_id
           LEFT JOIN label ON label.face_id = face.face_id LEFT JOIN person USING (person_id)
           LEFT JOIN journal ON journal.journal_id = label.journal_id
           WHERE photo_id = ? AND face.backend = ? ORDER BY "left", top, face.face_id""",
        (photo_id, backend),
    )
    there = [There(r[0], Box(*r[1:5]), r[5], r[6], r[7], r[8], bool(r[9])) for r in faces]
    return Photo(photo_id, row[0], Canvas(*row[2:5]), there)


def unname(db: sqlite3.Connection, face_id: int) -> None:
    """Take a face's name away, because whoever gave it has given another since."""
    db.execute("DELETE FROM label WHERE face_id = ?", (face_id,))


def clusters(db: sqlite3.Connection, cluster_ids: Iterable[int]) -> dict[int, tuple[str | None, int]]:
    """Whose each of these clusters is, and how many faces it has."""
    rows = db.execute(
        """SELECT cluster_id, name, coalesce(faces, 0) FROM json_each(?) AS wanted
           JOIN cluster ON cluster.cluster_id = wanted.value LEFT JOIN person USING (person_id)
           LEFT JOIN average USING (cluster_id)""",
        (json.dumps(sorted(set(cluster_ids))),),
    )
    return {row[0]: (row[1], row[2]) for row in rows}
