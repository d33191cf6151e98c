"""What to ask a human about: arrays for suggesting.py, and the facts that a question shows.

An owner is a person_id, or the negative number of an unnamed cluster, as in `encodings.Averages`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceindex.store import averages, cohorts, encodings
from faceindex.store.encodings import Weights
from faceindex.suggesting import Faces, Known, Measure

BLOCK = 10_000  # faces read at once
ENDLESS = 2**62  # no cluster has so high a number
EXAMPLES = 3  # paths that a question shows


@dataclass(frozen=True, slots=True)
class InForce:
    """What faces are compared by today."""

    weights: Weights
    cohort_id: int | None
    measure: Measure


@dataclass(frozen=True, slots=True)
class Members:
    """Faces in clusters, with their ids; row i of every array is the same face."""

    ids: NDArray[np.int64]
    faces: Faces


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a question: a cluster, as a human knows it."""

    cluster_id: int
    name: str | None
    faces: int
    photos: int
    paths: tuple[str, ...]  # a few examples


@dataclass(frozen=True, slots=True)
class FaceAt:
    """A face, and the photo it is on."""

    face_id: int
    cluster_id: int | None
    name: str | None  # of its label, else of its cluster
    path: str | None


# ------------------------------------------------------------------------------------------- arrays


def in_force(db: sqlite3.Connection, backend: str, distance: str = "normalised") -> InForce | None:
    """Today's weights and cohort; None where nothing was ever matched."""
    weights = encodings.latest_weights(db, backend)
    if weights is None:
        return None
    stored = cohorts.latest(db, backend) if distance == "normalised" else None
    return InForce(
        weights, stored.cohort_id if stored else None, Measure(weights.vector, stored.cohort if stored else None)
    )


def known(db: sqlite3.Connection, backend: str) -> Known:
    """Every cluster with faces, but for ignored ones."""
    rows = db.execute(
        """SELECT cluster_id, faces, iif(counted_total IS NULL, faces, counted) AS counted, ignored
           FROM average JOIN cluster USING (cluster_id) WHERE backend = ? AND faces > 0 ORDER BY cluster_id""",
        (backend,),
    ).fetchall()
    numbers = np.array([tuple(row) for row in rows] or np.zeros((0, 4)), np.int64)
    found = encodings.all_averages(db, backend)
    whole = Known(found.cluster_ids, found.persons, found.named, found.means, numbers[:, 2], numbers[:, 1])
    return whole.only(numbers[:, 3] == 0)


def never(db: sqlite3.Connection, backend: str, cluster_id: int | None = None) -> NDArray[np.int64]:
    """(K, 2) pairs (cluster_id, owner) of which nobody is to be asked: an unnamed cluster is not that owner.

    They are on one photo, or a human said so, or the photo is older than the person. Of all clusters, or one.
    """
    first, last = (0, ENDLESS) if cluster_id is None else (cluster_id, cluster_id)
    rows = db.execute(
        """WITH unnamed AS MATERIALIZED (
               SELECT face_id, photo_id, cluster_id FROM cluster CROSS JOIN face USING (cluster_id)
               WHERE cluster.backend = :backend AND person_id IS NULL AND NOT ignored
                 AND cluster_id BETWEEN :first AND :last
           )
           SELECT unnamed.cluster_id, coalesce(label.person_id, cluster.person_id, -cluster.cluster_id)
           FROM unnamed JOIN face AS mate USING (photo_id) LEFT JOIN label ON label.face_id = mate.face_id
           LEFT JOIN cluster ON cluster.cluster_id = mate.cluster_id
           WHERE mate.face_id <> unnamed.face_id AND mate.backend = :backend
             AND (label.face_id IS NOT NULL OR cluster.cluster_id IS NOT NULL)
           UNION
           SELECT unnamed.cluster_id, coalesce(rejection.person_id, cluster.person_id, -cluster.cluster_id)
           FROM unnamed JOIN rejection USING (face_id)
           LEFT JOIN cluster ON cluster.cluster_id = rejection.cluster_id
           UNION
           SELECT one_id, coalesce(person_id, -cluster_id) FROM different JOIN cluster ON cluster_id = other_id
           WHERE one_id BETWEEN :first AND :last
           UNION
           SELECT other_id, coalesce(person_id, -cluster_id) FROM different JOIN cluster ON cluster_id = one_id
           WHERE other_id BETWEEN :first AND :last
           UNION
           SELECT unnamed.cluster_id, -face.cluster_id  -- the other way round: that face is not of this cluster
           FROM rejection JOIN face USING (face_id) JOIN cluster AS unnamed ON unnamed.cluster_id = rejection.cluster_id
           WHERE unnamed.person_id IS NULL AND face.cluster_id IS NOT NULL
             AND unnamed.cluster_id BETWEEN :first AND :last
           UNION
           SELECT unnamed.cluster_id, person_id FROM person JOIN photo
                  ON substr(photo.taken_at, 1, length(person.born)) < person.born
           JOIN unnamed USING (photo_id)""",
        {"backend": backend, "first": first, "last": last},
    ).fetchall()
    return np.array([tuple(row) for row in rows] or np.zeros((0, 2)), np.int64)


def in_rows(pairs: NDArray[np.int64], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same pairs with row numbers in place of ids (ascending); those of other ids are left out."""
    if not len(ids):
        return pairs[:0]
    place = np.minimum(np.searchsorted(ids, pairs[:, 0]), len(ids) - 1)
    there = ids[place] == pairs[:, 0]
    return np.stack([place[there], pairs[there, 1]], 1)


def to_doubt(db: sqlite3.Connection, backend: str, some: Known) -> Iterator[Members]:
    """Faces in named clusters that no human looked at one by one, in blocks: matched, or named in bulk."""
    yield from _members(
        db,
        """AND cluster.person_id IS NOT NULL AND NOT cluster.ignored AND (
               label.face_id IS NULL
               OR label.source = 'human' AND label.person_id = cluster.person_id AND EXISTS (
                   SELECT 1 FROM journal WHERE journal.journal_id = label.journal_id
                   AND (command LIKE 'cluster %' OR command LIKE 'person %')))""",
        backend,
        some,
    )


def machine_matched(db: sqlite3.Connection, backend: str, some: Known) -> Iterator[Members]:
    """Faces that the machine put into a cluster it had, in blocks; not those that founded one, nor labelled ones."""
    yield from _members(
        db,
        """AND label.face_id IS NULL AND EXISTS (
               SELECT 1 FROM match WHERE match.face_id = face.face_id AND NOT match.founded)""",
        backend,
        some,
    )


def one(db: sqlite3.Connection, face_id: int, some: Known) -> Members | None:
    """One face that is in a cluster, whatever was said of it."""
    row = db.execute("SELECT backend FROM face WHERE face_id = ?", (face_id,)).fetchone()
    return next(_members(db, f"AND face.face_id = {int(face_id)}", row[0], some), None)


def _members(db: sqlite3.Connection, which: str, backend: str, some: Known) -> Iterator[Members]:
    last = 0
    while True:
        rows = db.execute(
            f"""SELECT face.face_id, photo_id, face.cluster_id,
                       counts OR counted_total IS NULL, vector
                FROM face JOIN encoding USING (face_id) JOIN cluster USING (cluster_id)
                JOIN average ON average.cluster_id = cluster.cluster_id LEFT JOIN label USING (face_id)
                WHERE face.face_id > ? AND face.backend = ?
                  AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id) {which}
                ORDER BY face.face_id LIMIT {BLOCK}""",
            (last, backend),
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        found = _as_members(rows, some)
        if found.ids.size:
            yield found


def _as_members(rows: Sequence[sqlite3.Row], some: Known) -> Members:
    """Those of these faces whose clusters are among some."""
    numbers = np.array([tuple(row)[:4] for row in rows], np.int64)
    place = np.searchsorted(some.ids, numbers[:, 2])
    there = np.isin(numbers[:, 2], some.ids)
    vectors = averages.stacked([row[4] for row in rows])
    faces = Faces(vectors[there], numbers[there, 1], place[there], numbers[there, 3] > 0)
    return Members(numbers[there, 0], faces)


def never_of_faces(db: sqlite3.Connection, face_ids: Sequence[int]) -> NDArray[np.int64]:
    """(K, 2) pairs (face_id, owner): whom these faces cannot be; sorted by face."""
    rows = db.execute(
        """WITH asked AS MATERIALIZED (
               SELECT face_id, photo_id, cluster_id, backend FROM face
               WHERE face_id IN (SELECT value FROM json_each(?))
           )
           SELECT asked.face_id, coalesce(label.person_id, cluster.person_id, -cluster.cluster_id)
           FROM asked JOIN face AS mate USING (photo_id, backend) LEFT JOIN label ON label.face_id = mate.face_id
           LEFT JOIN cluster ON cluster.cluster_id = mate.cluster_id
           WHERE mate.face_id <> asked.face_id AND (label.face_id IS NOT NULL OR cluster.cluster_id IS NOT NULL)
           UNION
           SELECT asked.face_id, coalesce(rejection.person_id, cluster.person_id, -cluster.cluster_id)
           FROM asked JOIN rejection USING (face_id) LEFT JOIN cluster ON cluster.cluster_id = rejection.cluster_id
           UNION
           SELECT asked.face_id, coalesce(person_id, -other_id)
           FROM asked JOIN different ON one_id = asked.cluster_id JOIN cluster ON cluster.cluster_id = other_id
           UNION
           SELECT asked.face_id, coalesce(person_id, -one_id)
           FROM asked JOIN different ON other_id = asked.cluster_id JOIN cluster ON cluster.cluster_id = one_id
           UNION
           SELECT asked.face_id, person_id FROM asked JOIN photo USING (photo_id) JOIN person
                  ON substr(photo.taken_at, 1, length(person.born)) < person.born
           ORDER BY 1, 2""",
        (json.dumps(list(face_ids)),),
    ).fetchall()
    return np.array([tuple(row) for row in rows] or np.zeros((0, 2)), np.int64)


# -------------------------------------------------------------------------------------------- facts


def side(db: sqlite3.Connection, cluster_id: int) -> Side | None:
    """A cluster as it is now; None where it has no faces, or is to be left alone."""
    row = db.execute(
        """SELECT cluster.cluster_id, person.name, count(*), count(DISTINCT photo_id)
           FROM cluster JOIN face USING (cluster_id) LEFT JOIN person USING (person_id)
           WHERE cluster.cluster_id = ? AND NOT ignored GROUP BY cluster.cluster_id""",
        (cluster_id,),
    ).fetchone()
    if row is None:
        return None
    paths = db.execute(
        """SELECT min(files.path) FROM face JOIN files USING (photo_id)
           WHERE cluster_id = ? AND state = 'present' GROUP BY photo_id ORDER BY min(face_id) LIMIT ?""",
        (cluster_id, EXAMPLES),
    ).fetchall()
    return Side(row[0], row[1], row[2], row[3], tuple(path[0] for path in paths))


def face(db: sqlite3.Connection, face_id: int) -> FaceAt | None:
    """A face and its photo."""
    row = db.execute(
        """SELECT face_id, face.cluster_id, person.name,
                  (SELECT min(path) FROM files WHERE files.photo_id = face.photo_id AND state = 'present')
           FROM face LEFT JOIN label USING (face_id) LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           LEFT JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
           WHERE face_id = ?""",
        (face_id,),
    ).fetchone()
    return FaceAt(*row) if row else None


def unknown(db: sqlite3.Connection, backend: str, least: int) -> list[tuple[int, int, int]]:
    """Clusters without a name on so many photos or more: their numbers, faces and photos."""
    rows = db.execute(
        """SELECT cluster_id, count(*), count(DISTINCT photo_id) FROM cluster JOIN face USING (cluster_id)
           WHERE cluster.backend = ? AND person_id IS NULL AND NOT ignored
           GROUP BY cluster_id HAVING count(DISTINCT photo_id) >= ?""",
        (backend, least),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def photos_of(db: sqlite3.Connection, cluster_ids: Sequence[int]) -> dict[int, int]:
    """On how many photos each of these clusters is."""
    rows = db.execute(
        """SELECT cluster_id, count(DISTINCT photo_id) FROM face
           WHERE cluster_id IN (SELECT value FROM json_each(?)) GROUP BY cluster_id""",
        (json.dumps(list(cluster_ids)),),
    )
    return dict(map(tuple, rows.fetchall()))


def sizes_of(db: sqlite3.Connection, cluster_ids: Sequence[int]) -> dict[int, int]:
    """How many faces each of these clusters has."""
    rows = db.execute(
        "SELECT cluster_id, faces FROM average WHERE cluster_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(cluster_ids)),),
    )
    return dict(map(tuple, rows.fetchall()))


def names_of(db: sqlite3.Connection, cluster_ids: Sequence[int]) -> dict[int, str]:
    """The names of those of these clusters that have one."""
    rows = db.execute(
        """SELECT cluster_id, name FROM cluster JOIN person USING (person_id)
           WHERE cluster_id IN (SELECT value FROM json_each(?))""",
        (json.dumps(list(cluster_ids)),),
    )
    return dict(map(tuple, rows.fetchall()))


def may_be(db: sqlite3.Connection, cluster_id: int, other: int, backend: str) -> bool:
    """Whether neither a human's word nor a photo says that an unnamed cluster is not whose the other is."""
    pairs = never(db, backend, cluster_id)
    return not (pairs[:, 1] == _owner_of(db, other)).any()


def _owner_of(db: sqlite3.Connection, cluster_id: int) -> int:
    row = db.execute("SELECT coalesce(person_id, -cluster_id) FROM cluster WHERE cluster_id = ?", (cluster_id,))
    return int(row.fetchone()[0])


@contextlib.contextmanager
def at_one_moment(db: sqlite3.Connection) -> Iterator[None]:
    """What is read meanwhile belongs together, though others write; nobody is kept waiting."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def spot(db: sqlite3.Connection, face_id: int) -> list[dict[str, Any]]:
    """Where to cut a face out, as `listings.members` says it; empty where no copy of its photo is there."""
    rows = db.execute(
        """SELECT face_id AS face, "left", top, "right", bottom,
                  (SELECT min(file_id) FROM files WHERE files.photo_id = face.photo_id AND state = 'present') AS file_id
           FROM face WHERE face_id = ?""",
        (face_id,),
    )
    return [dict(row) for row in rows]
