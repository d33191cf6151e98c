"""The index as somebody leafs through it: people, and the photos they are on by date; rows of the views.

fill() makes two scratch tables, forgotten with the connection, which the other functions read: however large
the library is, what is sorted is sorted by SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from faceindex.models import Box

SCRATCH = {
    "shelf_photo": "place INTEGER PRIMARY KEY, photo_id INTEGER UNIQUE, digest TEXT, width INTEGER, height INTEGER,"
    " taken_at TEXT, year INTEGER",
    "shelf_face": "place INTEGER, person_id INTEGER, face_id INTEGER, name TEXT,"
    ' "left" REAL, top REAL, "right" REAL, bottom REAL',
}
VIEWS = {  # view: what its rows are sorted by
    "faces": "face_id",
    "people": "person",
    "photos": "photo_id",
}


@dataclass(frozen=True, slots=True)
class Portrait:
    """A person, and the face that shows them best: the largest."""

    person_id: int
    name: str
    photos: int
    years: tuple[int, int]  # the first and the last
    photo_id: int
    digest: str
    box: Box


@dataclass(frozen=True, slots=True)
class Leaf:
    """A photo among those of a person."""

    photo_id: int
    digest: str
    taken_at: str
    year: int
    box: Box  # of that person's face


@dataclass(frozen=True, slots=True)
class Step:
    """A face on a photo, and the digests of that person's photos before and after it."""

    person_id: int
    name: str
    box: Box
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo, who is on it from left to right, and the digests of the photos before and after it."""

    photo_id: int
    digest: str
    width: int  # pixels, upright
    height: int
    taken_at: str
    before: str | None
    after: str | None
    steps: tuple[Step, ...]


def fill(db: sqlite3.Connection, backend: str, *, matches: bool) -> int:
    """Put photos on the shelf with somebody on them and a file that was read; returns how many."""
    for name, columns in SCRATCH.items():
        db.execute(f"DROP TABLE IF EXISTS temp.{name}")
        db.execute(f"CREATE TEMP TABLE {name} ({columns})")
    db.execute(
        """INSERT INTO shelf_photo
           SELECT row_number() OVER (ORDER BY taken, photo_id), photo_id, digest, width, height, taken,
                  CAST(taken AS INTEGER)
           FROM (SELECT photo_id, lower(hex(digest)) AS digest, width, height, coalesce(taken_at, (
                            SELECT strftime('%Y-%m-%dT%H:%M:%SZ', min(mtime_ns) / 1000000000, 'unixepoch') FROM file
                            WHERE file.digest = photo.digest AND gone IS NULL)) AS taken
                 FROM photo
                 WHERE EXISTS (SELECT 1 FROM face LEFT JOIN label USING (face_id)
                               LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
                               WHERE face.photo_id = photo.photo_id AND face.backend = :backend
                                 AND (label.face_id IS NOT NULL OR (:matches AND cluster.person_id IS NOT NULL))
                                 AND face.face_id NOT IN (SELECT face_id FROM ignored))
                   AND EXISTS (SELECT 1 FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
                               WHERE file.digest = photo.digest AND gone IS NULL AND NOT stale
                                 AND removed_at IS NULL))""",
        {"backend": backend, "matches": matches},
    )
    db.execute(
        """INSERT INTO shelf_face
           SELECT place, person.person_id, face.face_id, person.name, face."left", top, face."right", bottom
           FROM shelf_photo JOIN face USING (photo_id) LEFT JOIN label USING (face_id)
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
           WHERE face.backend = :backend AND (label.face_id IS NOT NULL OR :matches)
             AND face.face_id NOT IN (SELECT face_id FROM ignored)""",
        {"backend": backend, "matches": matches},
    )
    db.execute("CREATE INDEX temp.shelf_face_of ON shelf_face (person_id, place)")
    db.execute("CREATE INDEX temp.shelf_face_on ON shelf_face (place)")
    return int(db.execute("SELECT count(*) FROM shelf_photo").fetchone()[0])


def take_away(db: sqlite3.Connection, photo_ids: Iterable[int]) -> None:
    """Have photos not be shown."""
    wanted = [(number,) for number in photo_ids]
    db.executemany("DELETE FROM shelf_face WHERE place = (SELECT place FROM shelf_photo WHERE photo_id = ?)", wanted)
    db.executemany("DELETE FROM shelf_photo WHERE photo_id = ?", wanted)


def each(db: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """photo_id and digest of every photo on the shelf."""
    yield from map(tuple, db.execute("SELECT photo_id, digest FROM shelf_photo ORDER BY photo_id"))


def portraits(db: sqlite3.Connection) -> list[Portrait]:
    """Everybody, whoever is on most photos first."""
    rows = db.execute(  # SQLite takes the other columns from the row that has the largest area
        """SELECT person_id, name, photo_id, digest, "left", top, "right", bottom, first, last, photos,
                  max(("right" - "left") * width * (bottom - top) * height) AS area
           FROM shelf_face JOIN shelf_photo USING (place) JOIN (
               SELECT person_id, count(DISTINCT place) AS photos, min(year) AS first, max(year) AS last
               FROM shelf_face JOIN shelf_photo USING (place) GROUP BY person_id) USING (person_id)
           GROUP BY person_id ORDER BY photos DESC, name"""
    )
    return [
        Portrait(r["person_id"], r["name"], r["photos"], (r["first"], r["last"]), r["photo_id"], r["digest"], _box(r))
        for r in rows
    ]


def leaves(db: sqlite3.Connection, person_id: int) -> Iterator[Leaf]:
    """The photos of a person by date."""
    rows = db.execute(
        """SELECT photo_id, digest, taken_at, year, min("left") AS "left", top, "right", bottom
           FROM shelf_face JOIN shelf_photo USING (place) WHERE person_id = ? GROUP BY place ORDER BY place""",
        (person_id,),
    )
    for row in rows:
        yield Leaf(row["photo_id"], row["digest"], row["taken_at"], row["year"], _box(row))


def photos(db: sqlite3.Connection) -> Iterator[Shown]:
    """Every photo on the shelf by date."""
    rows = db.execute(
        """WITH around AS (
               SELECT place, person_id, lag(digest) OVER person AS before, lead(digest) OVER person AS after
               FROM (SELECT DISTINCT place, person_id FROM shelf_face) JOIN shelf_photo USING (place)
               WINDOW person AS (PARTITION BY person_id ORDER BY place)
           ), line AS (
               SELECT *, lag(digest) OVER (ORDER BY place) AS former, lead(digest) OVER (ORDER BY place) AS later
               FROM shelf_photo
           )
           SELECT line.*, person_id, name, "left", top, "right", bottom, before, after
           FROM line CROSS JOIN shelf_face USING (place) JOIN around USING (place, person_id)
           ORDER BY place, "left", face_id"""
    )
    for _, group in groupby(rows, lambda row: row["place"]):
        faces = list(group)
        first = faces[0]
        yield Shown(
            first["photo_id"], first["digest"], first["width"], first["height"], first["taken_at"],
            first["former"], first["later"],
            tuple(Step(r["person_id"], r["name"], _box(r), r["before"], r["after"]) for r in faces),
        )  # fmt: skip


def _box(row: sqlite3.Row) -> Box:
    return Box(row["left"], row["top"], row["right"], row["bottom"])


def names(db: sqlite3.Connection) -> list[str]:
    """Everybody's name, who was known first comes first."""
    return [row[0] for row in db.execute("SELECT name FROM person ORDER BY person_id")]


def table(db: sqlite3.Connection, view: str) -> tuple[Sequence[str], Iterator[tuple[Any, ...]]]:
    """The columns of a view, and its rows in a fixed order, none held longer than it takes."""
    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute(f"SELECT * FROM {view} ORDER BY {VIEWS[view]}")
    return [column[0] for column in cursor.description], cursor
