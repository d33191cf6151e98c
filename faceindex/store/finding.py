"""Photos by what is wished for: who is on them, when, where, by which camera; the newest first, a page at a time.

A page looks at so many photos and no more, so it is quick whatever is wished; the next goes on where it stopped.
Dates are the camera's; photos without one come last.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from faceindex.store.gallery import SHOWN
from faceindex.store.paths import join, path_of

LOOKED_AT = 5_000  # photos that one page looks at …
PLAIN = 300  # … where it asks of each only whether it is there
NEAR = 500  # photos on either side among which the one beside is looked for
FEW_FILES = 20_000  # so many in the folders wished for, and the search begins there

# Photos on which some of the wished people are, each with how many of them.
ON = f"""
    SELECT photo_id FROM (
        SELECT label.person_id, face.photo_id FROM label JOIN face USING (face_id)
        WHERE label.person_id IN (SELECT value FROM json_each(:people)) AND face.backend = {SHOWN}
          AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
        UNION ALL
        SELECT cluster.person_id, face.photo_id
        FROM cluster JOIN face ON face.cluster_id = cluster.cluster_id AND face.backend = cluster.backend
        WHERE cluster.person_id IN (SELECT value FROM json_each(:people)) AND cluster.backend = {SHOWN}
          AND NOT EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id)
          AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id))
    GROUP BY photo_id HAVING count(DISTINCT person_id) >= :least"""

PRESENT = """EXISTS (SELECT 1 FROM file CROSS JOIN folder USING (folder_id) CROSS JOIN root USING (root_id)
             WHERE file.digest = photo.digest AND file.gone IS NULL AND root.removed_at IS NULL)"""

IN_FOLDERS = """EXISTS (SELECT 1 FROM file WHERE file.digest = photo.digest AND file.gone IS NULL
                        AND file.folder_id IN (SELECT value FROM json_each(:folders)))"""

# Faces that count on a photo, as opposed to those that were ignored, with who each is.
FACES = f"""
    SELECT 1 FROM face LEFT JOIN label ON label.face_id = face.face_id
    LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
    WHERE face.photo_id = photo.photo_id AND face.backend = {SHOWN}
      AND (label.face_id IS NOT NULL OR NOT coalesce(cluster.ignored, 0))
      AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)"""
WHO = "coalesce(label.person_id, cluster.person_id)"
OTHERS = f"NOT EXISTS ({FACES} AND coalesce({WHO}, 0) NOT IN (SELECT value FROM json_each(:people)))"
NOBODY = f"NOT EXISTS ({FACES})"
UNKNOWN = f"EXISTS ({FACES} AND {WHO} IS NULL)"


@dataclass(frozen=True, slots=True)
class Wish:
    """What photos are to be found; nothing wished for means all."""

    people: tuple[int, ...] = ()  # person_ids: all of them …
    any_of: bool = False  # … or one at least
    alone: bool = False  # and nobody else
    first: str = ""  # days, 2019-07-01
    last: str = ""
    undated: bool = False  # only those whose camera told no date
    folders: tuple[int, ...] | None = None  # folder_ids; None: anywhere
    camera: str = ""
    nobody: bool = False  # without any face
    unknown: bool = False  # with a face that nobody named
    cluster: int | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a photo stands in the order of all."""

    taken: str  # "" where its camera told no date
    photo_id: int


@dataclass(frozen=True, slots=True)
class Found:
    """A page of photos, and where the next one begins."""

    photos: tuple[Spot, ...]
    rest: Spot | None  # the last that was looked at; None: there are no more


def spot(db: sqlite3.Connection, photo_id: int) -> Spot | None:
    """Where a photo stands."""
    row = db.execute("SELECT coalesce(taken_at, '') FROM photo WHERE photo_id = ?", (photo_id,)).fetchone()
    return None if row is None else Spot(row[0], photo_id)


def older(db: sqlite3.Connection, wish: Wish, after: Spot | None, count: int) -> Found:
    """The next photos, from the newest to the oldest."""
    quick, slow, parameters = _conditions(db, wish)
    if after is not None:
        quick.append("(coalesce(taken_at, ''), photo_id) < (:taken, :after)")
        parameters |= {"taken": after.taken, "after": after.photo_id}
    most = LOOKED_AT if len(slow) > 1 else max(PLAIN, 2 * count)
    rows = db.execute(
        f"""SELECT taken, photo_id, {" AND ".join(slow)} AS fits
            FROM (SELECT photo_id, digest, coalesce(taken_at, '') AS taken FROM photo
                  WHERE {" AND ".join(quick) or "true"} ORDER BY taken DESC, photo_id DESC LIMIT :most) AS photo""",
        {**parameters, "most": most},
    )
    return _page(rows, count, most)


def neighbours(db: sqlite3.Connection, wish: Wish, here: Spot) -> tuple[int | None, int | None]:
    """The photos before and after one in the order of those wished for, the newest first."""
    quick, slow, parameters = _conditions(db, wish)
    beyond = "(taken, photo_id) {} (:taken, :here) ORDER BY taken {}, photo_id {} LIMIT :most"
    rows = db.execute(
        f"""WITH wished AS MATERIALIZED (SELECT photo_id, digest, coalesce(taken_at, '') AS taken FROM photo
                                         WHERE {" AND ".join(quick) or "true"})
            SELECT after, photo_id, {" AND ".join(slow)} FROM (
                SELECT * FROM (SELECT 0 AS after, * FROM wished WHERE {beyond.format(">", "ASC", "ASC")})
                UNION ALL
                SELECT * FROM (SELECT 1 AS after, * FROM wished WHERE {beyond.format("<", "DESC", "DESC")})
            ) AS photo""",
        {**parameters, "taken": here.taken, "here": here.photo_id, "most": NEAR},
    )
    found: dict[int, int] = {}
    for after, photo_id, fits in rows:
        if fits:
            found.setdefault(after, photo_id)
    return found.get(0), found.get(1)


def _page(rows: Iterable[tuple[str, int, int]], count: int, most: int) -> Found:
    fits: list[Spot] = []
    looked_at, last = 0, None
    for taken, photo_id, right in rows:
        if right and len(fits) == count:
            return Found(tuple(fits), last)
        looked_at, last = looked_at + 1, Spot(taken, photo_id)
        if right:
            fits.append(last)
    return Found(tuple(fits), last if looked_at == most else None)


def _conditions(db: sqlite3.Connection, wish: Wish) -> tuple[list[str], list[str], dict[str, Any]]:
    """What every photo is asked at once, what one after another until the page is full, and what both need."""
    quick, slow = [], [PRESENT]
    folders = wish.folders or ()
    parameters: dict[str, Any] = {
        "people": json.dumps(wish.people), "least": 1 if wish.any_of else len(set(wish.people)),
        "first": wish.first, "last": wish.last + "~", "camera": wish.camera, "cluster": wish.cluster,
        "folders": json.dumps(folders),
    }  # fmt: skip
    if wish.people:
        quick.append(f"photo_id IN ({ON})")
    if wish.cluster is not None:
        quick.append("photo_id IN (SELECT face.photo_id FROM face WHERE face.cluster_id = :cluster)")
    if wish.first:
        quick.append("taken_at >= :first")
    if wish.last:
        quick.append("taken_at < :last")  # "~" sorts after any hour of that day
    if wish.undated:
        quick.append("taken_at IS NULL")
    if wish.camera:
        quick.append("camera = :camera")
    if wish.folders is not None:
        slow.append(IN_FOLDERS)
        if _few(db, folders):
            quick.append("digest IN (SELECT file.digest FROM file WHERE folder_id IN "
                         "(SELECT value FROM json_each(:folders)))")  # fmt: skip
    slow += [sql for wanted, sql in ((wish.alone, OTHERS), (wish.nobody, NOBODY), (wish.unknown, UNKNOWN)) if wanted]
    return quick, slow, parameters


def _few(db: sqlite3.Connection, folders: Sequence[int]) -> bool:
    row = db.execute(
        """SELECT count(*) FROM (SELECT 1 FROM file WHERE folder_id IN (SELECT value FROM json_each(?)) LIMIT ?)""",
        (json.dumps(folders), FEW_FILES + 1),
    ).fetchone()
    return bool(row[0] <= FEW_FILES)


# ------------------------------------------------------------------------------- what can be wished for


def cameras(db: sqlite3.Connection) -> list[str]:
    """Every camera, by name."""
    rows = db.execute("SELECT DISTINCT camera FROM photo WHERE camera IS NOT NULL AND camera <> '' ORDER BY camera")
    return [row[0] for row in rows]


def photos_seen(db: sqlite3.Connection) -> int:
    """The number of the last photo ever: as long as it stays, no camera is new."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'photo'").fetchone()
    return row[0] if row else 0


def folders(db: sqlite3.Connection, typed: str) -> list[tuple[int, str]]:
    """Folders in use by what was typed: a whole path means that folder and all in it, else a part of the path."""
    rows = db.execute(
        """SELECT folder_id, root.path, root.raw_path, folder.path, folder.raw_path
           FROM folder JOIN root USING (root_id) WHERE removed_at IS NULL ORDER BY root.path, folder.path"""
    )
    found = []
    wanted = typed.rstrip("/") or "/"
    for row in rows:
        path = join("", path_of(row[1], row[2]).strip("/"), path_of(row[3], row[4])).rstrip("/") or "/"
        inside = path == wanted or path.startswith(wanted.rstrip("/") + "/")
        if inside or (not typed.startswith("/") and typed.casefold() in path.casefold()):
            found.append((row[0], path))
    return found


def names_on(db: sqlite3.Connection, photo_ids: Sequence[int]) -> dict[int, list[str]]:
    """Who is on each of these photos, by name."""
    rows = db.execute(
        f"""SELECT DISTINCT face.photo_id, person.name FROM json_each(?) AS wanted
            CROSS JOIN face ON face.photo_id = wanted.value AND face.backend = {SHOWN}
            LEFT JOIN label ON label.face_id = face.face_id
            LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
            JOIN person ON person.person_id = {WHO}
            WHERE NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id) ORDER BY person.name""",
        (json.dumps(list(photo_ids)),),
    )
    found: dict[int, list[str]] = {number: [] for number in photo_ids}
    for photo_id, name in rows:
        found[photo_id].append(name)
    return found


@dataclass(frozen=True, slots=True)
class Month:
    """The photos of a person in one month."""

    month: str  # 2019-07; "" are those without a date
    photos: int
    first: Spot
    last: Spot


def by_month(db: sqlite3.Connection, person_id: int) -> list[Month]:
    """How many photos show a person in each month."""
    rows = db.execute(
        f"""SELECT coalesce(substr(taken_at, 1, 7), '') AS month, count(*),
                   min(coalesce(taken_at, '') || ',' || photo_id), max(coalesce(taken_at, '') || ',' || photo_id)
            FROM photo WHERE photo_id IN ({ON}) AND {PRESENT} GROUP BY month ORDER BY month""",
        {"people": json.dumps([person_id]), "least": 1},
    )
    return [Month(row[0], row[1], _spot(row[2]), _spot(row[3])) for row in rows]


def _spot(written: str) -> Spot:
    taken, _, number = written.rpartition(",")
    return Spot(taken, int(number))
