"""Clusters of which no human ever said anything: the machine may put them together afresh, if asked to."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex.store import averages


@dataclass(frozen=True, slots=True)
class Untouched:
    """Their faces; row i of every array is the same face."""

    face_ids: NDArray[np.int64]  # (N,)
    photo_ids: NDArray[np.int64]  # (N,)
    clusters: NDArray[np.int64]  # (N,)
    counts: NDArray[np.bool_]  # (N,)
    vectors: NDArray[np.float32]  # (N, D)


def untouched(db: sqlite3.Connection, backend: str) -> Untouched:
    """Faces of clusters that have no name, are not ignored, and of which no standing entry of the journal says
    anything; what `rematch` and `recluster` did is no human's word."""
    rows = db.execute(
        """WITH change AS MATERIALIZED (
               SELECT before, after, journal_change.cluster_id FROM journal_change JOIN journal USING (journal_id)
               WHERE undone_at IS NULL AND command NOT IN ('undo', 'cluster rematch', 'cluster recluster')
                 AND table_name IN ('face', 'cluster', 'label', 'rejection', 'ignored')
           ), said (cluster_id) AS MATERIALIZED (
               SELECT json_extract(before, '$.cluster_id') FROM change
               UNION SELECT json_extract(after, '$.cluster_id') FROM change
               UNION SELECT cluster_id FROM change
               UNION SELECT one_id FROM different UNION SELECT other_id FROM different
               UNION SELECT cluster_id FROM face JOIN label USING (face_id)
           )
           SELECT face_id, photo_id, cluster_id, counts, vector
           FROM cluster JOIN face USING (cluster_id) JOIN encoding USING (face_id)
           WHERE cluster.backend = ? AND person_id IS NULL AND NOT ignored
             AND cluster_id NOT IN (SELECT cluster_id FROM said WHERE cluster_id IS NOT NULL)
           ORDER BY face_id""",
        (backend,),
    ).fetchall()
    numbers = np.array([tuple(row)[:4] for row in rows] or np.zeros((0, 4)), np.int64)
    vectors = averages.stacked([row[4] for row in rows])
    return Untouched(numbers[:, 0], numbers[:, 1], numbers[:, 2], numbers[:, 3] > 0, vectors)
