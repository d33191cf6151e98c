"""What humans said of single faces."""

from __future__ import annotations

import sqlite3


def without_cluster(db: sqlite3.Connection, backend: str) -> list[tuple[int, int]]:
    """(face_id, person_id) of labelled faces that are in no cluster yet."""
    rows = db.execute(
        """SELECT face_id, person_id FROM label JOIN face USING (face_id)
           WHERE cluster_id IS NULL AND backend = ?
             AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
           ORDER BY face_id""",
        (backend,),
    )
    return [(row[0], row[1]) for row in rows]
