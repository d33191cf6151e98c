"""What the pages show: tiles of people, clusters, faces and photos, a page at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from faceindex.models import Box

Row = dict[str, Any]
SHOWN = "(SELECT value FROM setting WHERE name = 'backend')"


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face as a picture: where it is cut out of."""

    face_id: int
    photo_id: int
    digest: bytes
    box: Box


def portrait(db: sqlite3.Connection, face_id: int) -> Portrait | None:
    """A face of the index, by its number."""
    row = db.execute(
        """SELECT face_id, photo_id, digest, "left", top, "right", bottom FROM face JOIN photo USING (photo_id)
           WHERE face_id = ?""",
        (face_id,),
    ).fetchone()
    return None if row is None else Portrait(row[0], row[1], bytes(row[2]), Box(*row[3:7]))


def digest(db: sqlite3.Connection, photo_id: int) -> bytes | None:
    """Of a photo, by its number."""
    row = db.execute("SELECT digest FROM photo WHERE photo_id = ?", (photo_id,)).fetchone()
    return None if row is None else bytes(row[0])


def news(db: sqlite3.Connection) -> str:
    """What changes whenever something does: the last entry of the journal, the last run and how far it got."""
    row = db.execute(
        """SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'journal') || ' '
               || (SELECT count(*) FROM journal WHERE undone_at IS NOT NULL) || ' '
               || coalesce((SELECT run_id || ' ' || photos_new || ' ' || coalesce(ended_at, '')
                            FROM run ORDER BY run_id DESC LIMIT 1), '')"""
    ).fetchone()
    return row[0] or ""


def last_entry(db: sqlite3.Connection) -> Row | None:
    """Number and summary of the last change of faces or people that stands."""
    row = db.execute(
        """SELECT journal_id, summary FROM journal
           WHERE undone_at IS NULL AND NOT erased AND command <> 'undo' AND command NOT LIKE 'root %'
           ORDER BY journal_id DESC LIMIT 1"""
    ).fetchone()
    return dict(row) if row else None


# ------------------------------------------------------------------------------------- people and clusters


@dataclass(frozen=True, slots=True)
class Tile:
    """A person, or a cluster that nobody named, to be shown by one face."""

    person_id: int | None
    cluster_id: int  # the largest of a person's
    name: str | None
    faces: int
    clusters: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a tile shows beside name and count."""

    face_id: int
    first: str | None  # days, as 2019-07-01, of the first and the last dated photo
    last: str | None


def is_in(db: sqlite3.Connection, face_id: int, cluster_id: int) -> bool:
    """Whether a face is in a cluster."""
    row = db.execute("SELECT 1 FROM face WHERE face_id = ? AND cluster_id = ?", (face_id, cluster_id))
    return row.fetchone() is not None


def people(db: sqlite3.Connection, *, by_name: bool, offset: int, limit: int) -> list[Tile]:
    """Who has a name and a face, those with most faces first, or by name. Counts are those of the averages."""
    order = "person.name COLLATE NOCASE" if by_name else "count DESC, person.name"
    rows = db.execute(
        f"""SELECT person_id, max(average.faces), cluster_id, person.name, sum(average.faces) AS count, count(*)
            FROM person JOIN cluster USING (person_id) JOIN average USING (cluster_id)
            WHERE backend = {SHOWN} GROUP BY person_id ORDER BY {order} LIMIT ? OFFSET ?""",
        (limit, offset),
    )
    return [Tile(row[0], row[2], row[3], row[4], row[5]) for row in rows]


def unknown(db: sqlite3.Connection, *, offset: int, limit: int, least: int = 2) -> list[Tile]:
    """Clusters that nobody named, the largest first."""
    rows = db.execute(
        f"""SELECT cluster_id, faces FROM cluster JOIN average USING (cluster_id)
            WHERE person_id IS NULL AND NOT ignored AND backend = {SHOWN} AND faces >= ?
            ORDER BY faces DESC, cluster_id LIMIT ? OFFSET ?""",
        (least, limit, offset),
    )
    return [Tile(None, row[0], None, row[1], 1) for row in rows]


def numbers(db: sqlite3.Connection) -> Row:
    """How many people, unnamed clusters worth a look, photos and faces there are; cheap."""
    row = db.execute(
        f"""SELECT (SELECT count(*) FROM person) AS people,
                   (SELECT count(*) FROM cluster JOIN average USING (cluster_id)
                    WHERE person_id IS NULL AND NOT ignored AND backend = {SHOWN} AND faces > 1) AS unknown,
                   (SELECT count(*) FROM photo) AS photos"""
    ).fetchone()
    return dict(row)


AMONG = 200  # faces of a cluster out of which the one is chosen that stands for it


def look(db: sqlite3.Connection, tile: Tile) -> Look | None:
    """A sharp, large face of a tile's cluster, and from when to when all its photos are; None for an empty one."""
    face = db.execute(
        """SELECT face_id FROM (SELECT * FROM face WHERE cluster_id = ? LIMIT ?)
           ORDER BY counts DESC, min(("right" - "left") * (bottom - top), 0.05) * (1 + coalesce(sharpness, 0)) DESC,
                    face_id LIMIT 1""",
        (tile.cluster_id, AMONG),
    ).fetchone()
    if face is None:
        return None
    days = db.execute(
        """SELECT substr(min(taken_at), 1, 10), substr(max(taken_at), 1, 10)
           FROM cluster JOIN face ON face.cluster_id = cluster.cluster_id JOIN photo USING (photo_id)
           WHERE cluster.cluster_id IN (
               SELECT :cluster UNION SELECT cluster_id FROM cluster WHERE person_id = :person)""",
        {"person": tile.person_id, "cluster": tile.cluster_id},
    ).fetchone()
    return Look(face[0], days[0], days[1])
