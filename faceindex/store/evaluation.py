"""What `eval` tests: faces that humans named, the averages of people, and faces of strangers."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from faceindex.errors import UsageProblem
from faceindex.evaluating.seen import NOWHERE, Answers, Averages, Labelled, Measure
from faceindex.growing import out_of_reach
from faceindex.store import ages, averages, cohorts, encodings

FEW = 1_000  # averages read at once


def answers(db: sqlite3.Connection, backend: str) -> Answers:
    """All of it, from one moment; raises UsageProblem where no scan has compared faces yet."""
    db.execute("BEGIN")
    try:
        weights, stored = encodings.latest_weights(db, backend), cohorts.latest(db, backend)
        if weights is None:
            raise UsageProblem("no faces have been compared yet; run 'faceindex scan' and name a few clusters first")
        people, columns = _averages(db, backend)
        return Answers(
            _dated(db, backend, _labelled(db, backend, columns), people, columns),
            people,
            _dated(db, backend, _strangers(db, backend), people, columns),
            Measure(weights.vector, stored.cohort if stored else None),
            dict(map(tuple, db.execute("SELECT person_id, name FROM person"))),
        )
    finally:
        db.rollback()


def _averages(db: sqlite3.Connection, backend: str) -> tuple[Averages, dict[int, int]]:
    """The averages of clusters with a name, and in which column each cluster's is."""
    cursor = db.execute(
        """SELECT cluster_id, person_id, iif(counted_total IS NULL, faces, counted), coalesce(counted_total, total)
           FROM average JOIN cluster USING (cluster_id)
           WHERE backend = ? AND person_id IS NOT NULL AND faces > 0 ORDER BY cluster_id""",
        (backend,),
    )
    numbers, totals = np.zeros((0, 3), np.int64), []
    while rows := cursor.fetchmany(FEW):
        numbers = np.concatenate([numbers, np.array([row[:3] for row in rows], np.int64)])
        totals.append(np.frombuffer(b"".join(row[3] for row in rows), "<i8").reshape(len(rows), -1))
    columns = {cluster: column for column, cluster in enumerate(numbers[:, 0].tolist())}
    sums = np.concatenate(totals) if totals else np.zeros((0, 0), np.int64)
    return Averages(sums, numbers[:, 2], numbers[:, 1]), columns


def _labelled(db: sqlite3.Connection, backend: str, columns: dict[int, int]) -> Labelled:
    """Faces that bear a name by a human or a tag, and the averages that they move."""
    rows = db.execute(
        """SELECT photo_id, label.person_id,
                  iif(counts OR average.counted = 0, face.cluster_id, NULL), vector
           FROM label JOIN face USING (face_id) JOIN encoding USING (face_id)
           LEFT JOIN average USING (cluster_id)
           WHERE backend = ? AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
           ORDER BY face.face_id""",
        (backend,),
    ).fetchall()
    moved = np.array([columns.get(row[2], -1) for row in rows], np.int64)
    return _faces(rows, moved)


def _strangers(db: sqlite3.Connection, backend: str) -> Labelled:
    """Faces of clusters that a human ignored; a cohort counts each of these clusters as -cluster_id."""
    rows = db.execute(
        """SELECT photo_id, -cluster_id, NULL, vector
           FROM cluster JOIN face USING (cluster_id) JOIN encoding USING (face_id)
           WHERE cluster.backend = ? AND cluster.ignored AND person_id IS NULL
             AND NOT EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id)
           ORDER BY face.face_id""",
        (backend,),
    ).fetchall()
    return _faces(rows, np.full(len(rows), NOWHERE))


def _dated(
    db: sqlite3.Connection, backend: str, faces: Labelled, people: Averages, columns: dict[int, int]
) -> Labelled:
    """The same faces with the averages that they cannot belong to by their photos' dates."""
    far = out_of_reach(ages.taken(db, faces.photos), ages.spans(db, backend))
    never = {(row, columns[cluster]) for row, cluster in far if cluster in columns}
    for photo, person in ages.unborn(db, faces.photos):
        rows, owned = np.flatnonzero(faces.photos == photo), np.flatnonzero(people.persons == person)
        never.update((row, column) for row in rows.tolist() for column in owned.tolist())
    return replace(faces, never=np.array(sorted(never), np.int64).reshape(-1, 2))


def _faces(rows: list[sqlite3.Row], columns: NDArray[np.int64]) -> Labelled:
    numbers = np.array([row[:2] for row in rows] or np.zeros((0, 2)), np.int64)
    return Labelled(averages.stacked([row[3] for row in rows]), numbers[:, 0], numbers[:, 1], columns)
