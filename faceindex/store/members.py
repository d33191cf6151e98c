"""The faces of a person or a cluster: in which order they are looked at, and what is known of each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex import distance
from faceindex.store import averages, encodings, settings
from faceindex.store.gallery import SHOWN, Tile

Faces = NDArray[np.int64]  # face_ids, in order
DOUBT, NEWEST, OLDEST = "doubt", "newest", "oldest"
ORDERS = (DOUBT, NEWEST, OLDEST)
MOST_NAMED = 2000  # clusters with a name with which another is compared
NEAR, ENOUGH = 0.8, 8  # of the usual distance, from so many clusters on: farther ones are not worth showing

# What faces are ordered by: their distance where the machine put them into this very cluster, or their day.
DISTANCE = "match.distance", "LEFT JOIN match ON match.face_id = face.face_id AND match.cluster_id = face.cluster_id"
DAY = "taken_at", "CROSS JOIN photo ON photo.photo_id = face.photo_id"
# face_id, cluster_id, journal_id of its label, and one of those.
PLAIN = """SELECT face.face_id, face.cluster_id, NULL, {by} FROM face {join}
           WHERE face.cluster_id = :id AND face.backend = :backend"""
THEIRS = """SELECT face.face_id, face.cluster_id, label.journal_id, {by}
            FROM cluster CROSS JOIN face ON face.cluster_id = cluster.cluster_id
            LEFT JOIN label ON label.face_id = face.face_id {join}
            WHERE cluster.person_id = :id AND face.backend = :backend
              AND (label.face_id IS NULL OR label.person_id = :id)"""
SAID = "SELECT face_id FROM label WHERE person_id = ?"
ELSEWHERE = """SELECT face.face_id, NULL, label.journal_id, {by} FROM json_each(:faces) AS said
               CROSS JOIN face ON face.face_id = said.value JOIN label ON label.face_id = face.face_id {join}
               WHERE backend = :backend AND face.face_id NOT IN (SELECT face_id FROM ignored)"""


@dataclass(frozen=True, slots=True)
class Known:
    """A person as their page heads it."""

    person_id: int
    name: str
    born: str | None
    clusters: int


@dataclass(frozen=True, slots=True)
class Member:
    """A face, as a tile of its person or cluster."""

    face_id: int
    photo_id: int
    day: str | None  # 2019-07-01
    cluster_id: int | None
    said_by: str | None  # human, tag; None: the machine put it there
    name: str | None  # of whom that says


def person(db: sqlite3.Connection, person_id: int) -> Known | None:
    """Somebody, by number."""
    row = db.execute(
        f"""SELECT person_id, name, born, (SELECT count(*) FROM cluster JOIN average USING (cluster_id)
                                           WHERE cluster.person_id = person.person_id AND backend = {SHOWN})
            FROM person WHERE person_id = ?""",
        (person_id,),
    ).fetchone()
    return None if row is None else Known(*row)


def groups(db: sqlite3.Connection, person_id: int, limit: int) -> list[Tile]:
    """The clusters of a person, the largest first."""
    rows = db.execute(
        f"""SELECT cluster_id, person.name, faces FROM cluster JOIN average USING (cluster_id)
            JOIN person USING (person_id) WHERE person_id = ? AND backend = {SHOWN}
            ORDER BY faces DESC, cluster_id LIMIT ?""",
        (person_id, limit),
    )
    return [Tile(None, row[0], row[1], row[2], 1) for row in rows]


def apart(db: sqlite3.Connection, cluster_id: int, limit: int) -> list[Tile]:
    """Clusters that a human said are other people than this one, those parted last first."""
    rows = db.execute(
        """SELECT cluster_id, person_id, person.name, faces
           FROM (SELECT other_id AS cluster_id, journal_id FROM different WHERE one_id = :id
                 UNION ALL SELECT one_id, journal_id FROM different WHERE other_id = :id) AS parted
           CROSS JOIN cluster USING (cluster_id) JOIN average USING (cluster_id) LEFT JOIN person USING (person_id)
           ORDER BY parted.journal_id DESC, cluster_id LIMIT :limit""",
        {"id": cluster_id, "limit": limit},
    )
    return [Tile(None, row[0], row[2], row[3], 1) for row in rows]


def like(db: sqlite3.Connection, cluster_id: int, limit: int) -> list[Tile]:
    """Of the people with a name those whose average is nearest to that of a cluster; of each their nearest cluster."""
    parted = {tile.cluster_id for tile in apart(db, cluster_id, MOST_NAMED)}
    rows = db.execute(
        f"""SELECT cluster_id, person_id, person.name, faces FROM cluster JOIN average USING (cluster_id)
            JOIN person USING (person_id) WHERE person_id > 0 AND backend = {SHOWN} AND cluster_id <> ? LIMIT ?""",
        (cluster_id, MOST_NAMED),
    ).fetchall()
    rows = sorted((row for row in rows if row[0] not in parted), key=lambda row: int(row[0]))
    if not rows:
        return []
    points = encodings.means(db, [row[0] for row in rows])
    gaps = np.linalg.norm(points - encodings.means(db, [cluster_id]), axis=1)
    nearest: dict[int, Tile] = {}
    usual = float(np.median(gaps)) if len(gaps) >= ENOUGH else np.inf
    for place in gaps.argsort(kind="stable")[: np.count_nonzero(gaps < NEAR * usual)].tolist():
        row = rows[place]
        nearest.setdefault(row[1], Tile(None, row[0], row[2], row[3], 1))
        if len(nearest) == limit:
            break
    return list(nearest.values())


def ignored(db: sqlite3.Connection, offset: int, limit: int) -> list[Tile]:
    """Clusters that were put out of the way, the largest first."""
    rows = db.execute(
        f"""SELECT cluster_id, faces FROM cluster JOIN average USING (cluster_id)
            WHERE ignored AND backend = {SHOWN} ORDER BY faces DESC, cluster_id LIMIT ? OFFSET ?""",
        (limit, offset),
    )
    return [Tile(None, row[0], None, row[1], 1) for row in rows]


def ignored_faces(db: sqlite3.Connection, limit: int) -> list[int]:
    """Single faces that were put out of the way, the last first."""
    rows = db.execute(
        f"""SELECT face_id FROM ignored CROSS JOIN face USING (face_id) WHERE backend = {SHOWN}
            ORDER BY ignored.face_id DESC LIMIT ?""",
        (limit,),
    )
    return [row[0] for row in rows]


def of_person(db: sqlite3.Connection, person_id: int, order: str) -> Faces:
    """All faces that bear this name, by whoever's word, in one of the ORDERS."""
    found = _rows(db, THEIRS, order, id=person_id)
    elsewhere = {row[0] for row in db.execute(SAID, (person_id,))} - {row[0] for row in found}
    if elsewhere:
        found += _rows(db, ELSEWHERE, order, faces=json.dumps(sorted(elsewhere)))
    return _ordered(db, found, order)


def of_cluster(db: sqlite3.Connection, cluster_id: int, order: str) -> Faces:
    """All faces of a cluster, in one of the ORDERS."""
    return _ordered(db, _rows(db, PLAIN, order, id=cluster_id), order)


def _rows(db: sqlite3.Connection, whose: str, order: str, **bound: int | str) -> list[sqlite3.Row]:
    by, join = DISTANCE if order == DOUBT else DAY
    return db.execute(whose.format(by=by, join=join), {"backend": _backend(db), **bound}).fetchall()


def _backend(db: sqlite3.Connection) -> str:
    return settings.get(db, "backend") or "dlib"


def _ordered(db: sqlite3.Connection, found: Sequence[sqlite3.Row], order: str) -> Faces:
    if not found:
        return np.zeros(0, np.int64)
    faces, homes, entries, by = zip(*map(tuple, found), strict=True)
    if order != DOUBT:
        return _by_day(dict(zip(faces, by, strict=True)), newest=order == NEWEST)
    numbers, away = np.array(faces, np.int64), np.array(by, np.float64)  # None is NaN
    unknown = np.isnan(away)
    away[unknown] = _away(db, numbers[unknown], np.array([home or 0 for home in homes], np.int64)[unknown])
    of_faces = _of_faces(db, set(entries) - {None})
    sure = np.fromiter((entry in of_faces for entry in entries), bool, len(entries))
    return numbers[np.lexsort((numbers, -away, sure))]


def _by_day(days: dict[int, str | None], *, newest: bool) -> Faces:
    """By the day of their photo, of one day by number; those without one last."""
    faces = sorted(days, reverse=newest)
    dated = sorted((face for face in faces if days[face]), key=lambda face: days[face] or "", reverse=newest)
    return np.array([*dated, *(face for face in faces if not days[face])], np.int64)


def _of_faces(db: sqlite3.Connection, entries: set[int]) -> set[int]:
    """Those of these entries of the journal that were about single faces, not about clusters or people as a whole."""
    rows = db.execute(
        """SELECT journal_id FROM json_each(?) CROSS JOIN journal ON journal_id = value
           WHERE command NOT LIKE 'cluster %' AND command NOT LIKE 'person %'""",
        (json.dumps(list(entries)),),
    )
    return {row[0] for row in rows}


def _away(db: sqlite3.Connection, faces: Faces, homes: Faces) -> NDArray[np.float32]:
    """How far faces are from the averages of their clusters (0: of none, and so 0): where the machine did not say."""
    away = np.zeros(len(faces), np.float32)
    rows = db.execute(
        "SELECT face_id, vector FROM json_each(?) CROSS JOIN encoding ON face_id = value ORDER BY face_id",
        (json.dumps(faces[homes > 0].tolist()),),
    ).fetchall()
    there = np.isin(faces, [row[0] for row in rows]) & (homes > 0)
    if not rows:
        return away
    vectors = averages.stacked([row[1] for row in rows])[np.argsort(np.argsort(faces[there]))]
    weights = encodings.latest_weights(db, _backend(db))
    scale = np.ones(vectors.shape[1], np.float32) if weights is None else weights.vector
    numbers, places = np.unique(homes[there], return_inverse=True)
    away[there] = distance.paired(vectors, encodings.means(db, numbers.tolist())[places.reshape(-1)], scale)
    return away


def shown(db: sqlite3.Connection, face_ids: Sequence[int]) -> list[Member]:
    """These faces in their order, but for those that are gone, or on photos of which no copy is there."""
    rows = db.execute(
        """SELECT face.face_id, face.photo_id, substr(taken_at, 1, 10), face.cluster_id, label.source,
                  coalesce(said.name, whose.name)
           FROM json_each(:faces) AS asked CROSS JOIN face ON face.face_id = asked.value
           JOIN photo USING (photo_id) LEFT JOIN label ON label.face_id = face.face_id
           LEFT JOIN person AS said ON said.person_id = label.person_id
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           LEFT JOIN person AS whose ON whose.person_id = cluster.person_id
           WHERE EXISTS (SELECT 1 FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
                         WHERE file.digest = photo.digest AND file.gone IS NULL AND root.removed_at IS NULL)""",
        {"faces": json.dumps(list(map(int, face_ids)))},
    )
    found = {row[0]: Member(*row) for row in rows}
    return [found[face] for face in face_ids if face in found]
