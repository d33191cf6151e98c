"""Why a face is where it is: what was said of it, what the machine thought, what binds it."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceindex.distance import distances
from faceindex.errors import UsageProblem
from faceindex.store import averages
from faceindex.store.questions import BLOCK

Row = dict[str, Any]
CANDIDATES = 50  # faces looked at more closely to find the nearest few


def face(db: sqlite3.Connection, face_id: int) -> Row:
    """The face, its photo, who it is taken for and by whom; raises UsageProblem where there is none of that number."""
    row = db.execute(
        """SELECT face.face_id AS face, face.photo_id AS photo, face.backend,
                  (SELECT min(path) FROM files WHERE files.photo_id = face.photo_id AND state = 'present') AS path,
                  face."left", face.top, face."right", face.bottom, face.detector, face.score, face.counts,
                  face.cluster_id AS cluster, person.name AS person, label.source AS labelled,
                  label.carried_from, journal.journal_id AS entry, journal.at AS labelled_at, journal.command,
                  ignored.face_id IS NOT NULL AS ignored, coalesce(cluster.ignored, 0) AS cluster_ignored,
                  encoding.face_id IS NOT NULL AS encoded
           FROM face LEFT JOIN label USING (face_id) LEFT JOIN journal ON journal.journal_id = label.journal_id
           LEFT JOIN ignored ON ignored.face_id = face.face_id LEFT JOIN encoding ON encoding.face_id = face.face_id
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           LEFT JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
           WHERE face.face_id = ?""",
        (face_id,),
    ).fetchone()
    if row is None:
        raise UsageProblem(
            f"there is no face {face_id}; 'faceindex photo show' and 'faceindex cluster show' tell the numbers"
        )
    flags = {name: bool(row[name]) for name in ("counts", "ignored", "cluster_ignored", "encoded")}
    return {**dict(row), **flags}


def match(db: sqlite3.Connection, face_id: int) -> Row | None:
    """What the machine thought when it last placed the face."""
    row = db.execute(
        """SELECT match.cluster_id AS cluster, match.distance, match.normalised, match.threshold, match.founded,
                  match.runner_up_id AS runner_up, person.name AS runner_up_person,
                  match.runner_up_distance, match.runner_up_normalised, match.run_id AS run, run.started_at AS at,
                  match.weights_id AS weights, match.cohort_id AS cohort
           FROM match JOIN run ON run.run_id = match.run_id
           LEFT JOIN cluster ON cluster.cluster_id = match.runner_up_id LEFT JOIN person USING (person_id)
           WHERE face_id = ?""",
        (face_id,),
    ).fetchone()
    return {**dict(row), "founded": bool(row["founded"])} if row else None


def constraints(db: sqlite3.Connection, face_id: int) -> list[Row]:
    """What binds the face: kind, the cluster, person and other face it is about, and the journal's entry."""
    rows = db.execute(
        """SELECT 'photo' AS kind, mate.cluster_id AS cluster, person.name AS person, mate.face_id AS face,
                  NULL AS entry
           FROM face JOIN face AS mate USING (photo_id, backend) LEFT JOIN label ON label.face_id = mate.face_id
           LEFT JOIN cluster ON cluster.cluster_id = mate.cluster_id
           LEFT JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
           WHERE face.face_id = :face AND mate.face_id <> :face
             AND (mate.cluster_id IS NOT NULL OR person.person_id IS NOT NULL)
           UNION ALL
           SELECT 'rejected', cluster_id, person.name, NULL, journal_id
           FROM rejection LEFT JOIN person USING (person_id) WHERE face_id = :face
           UNION ALL
           SELECT 'different', cluster.cluster_id, person.name, NULL, journal_id
           FROM face JOIN different ON face.cluster_id IN (one_id, other_id)
           JOIN cluster ON cluster.cluster_id = iif(one_id = face.cluster_id, other_id, one_id)
           LEFT JOIN person ON person.person_id = cluster.person_id WHERE face_id = :face
           UNION ALL
           SELECT 'unborn', NULL, name, NULL, NULL
           FROM face JOIN photo USING (photo_id) JOIN person
                ON substr(photo.taken_at, 1, length(person.born)) < person.born WHERE face_id = :face""",
        {"face": face_id},
    )
    return [dict(row) for row in rows]


def vector(db: sqlite3.Connection, face_id: int) -> NDArray[np.float32]:
    """A face's encoding, (1, D)."""
    row = db.execute("SELECT vector FROM encoding WHERE face_id = ?", (face_id,)).fetchone()
    return averages.stacked([row[0]])


def nearest_faces(db: sqlite3.Connection, face_id: int, weights: NDArray[np.float32]) -> list[Row]:
    """The faces of other clusters that are nearest by plain distance, with their encodings, from blocks."""
    mine = vector(db, face_id)
    cursor = db.execute(
        """SELECT other.face_id AS face, other.photo_id AS photo, other.cluster_id AS cluster, vector
           FROM face JOIN face AS other ON other.backend = face.backend
           JOIN encoding ON encoding.face_id = other.face_id
           WHERE face.face_id = ? AND other.cluster_id IS NOT NULL AND other.cluster_id IS NOT face.cluster_id
             AND other.face_id <> face.face_id ORDER BY other.face_id""",
        (face_id,),
    )
    best: list[Row] = []
    while rows := cursor.fetchmany(BLOCK):
        away = distances(averages.stacked([row["vector"] for row in rows]), mine, weights)[:, 0]
        near = np.argsort(away, kind="stable")[:CANDIDATES].tolist()
        best += [{**dict(rows[place]), "distance": float(away[place])} for place in near]
        best = sorted(best, key=lambda row: (row["distance"], row["face"]))[:CANDIDATES]
    return best


def path_of(db: sqlite3.Connection, photo_id: int) -> str | None:
    """Where a photo is, for a human to read."""
    row = db.execute("SELECT min(path) FROM files WHERE photo_id = ? AND state = 'present'", (photo_id,)).fetchone()
    return str(row[0]) if row[0] is not None else None
