"""What humans said of single faces, and where a scan carried it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from faceindex.store import averages


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A labelled face that is in no cluster yet."""

    face_id: int
    person_id: int
    source_id: int | None  # the cluster that the label was carried from; None: it was said of this very face


def without_cluster(db: sqlite3.Connection, backend: str) -> list[Unsettled]:
    """Labelled faces that are in no cluster yet, in an order that depends on the pictures alone."""
    rows = db.execute(
        """WITH RECURSIVE
           origin (face_id, carried_from) AS (  -- back to a face that is in a cluster
               SELECT face_id, carried_from FROM label JOIN face USING (face_id)
               WHERE cluster_id IS NULL AND backend = :backend
               UNION
               SELECT origin.face_id, label.carried_from FROM origin JOIN label ON label.face_id = origin.carried_from
               JOIN face ON face.face_id = label.face_id WHERE cluster_id IS NULL
           ),
           source AS MATERIALIZED (
               SELECT origin.face_id, cluster_id FROM origin JOIN face ON face.face_id = carried_from
               WHERE cluster_id IS NOT NULL
           )
           SELECT face.face_id, label.person_id, source.cluster_id
           FROM label JOIN face USING (face_id) JOIN photo USING (photo_id)
           LEFT JOIN source ON source.face_id = face.face_id
           WHERE face.cluster_id IS NULL AND face.backend = :backend
             AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
           ORDER BY photo.digest, face.top, face."left", face.bottom, face."right" """,
        {"backend": backend},
    )
    return [Unsettled(*row) for row in rows]


def kin(db: sqlite3.Connection, backend: str) -> set[tuple[int | None, int]]:
    """(cluster, cluster of this backend) where the second holds labels that were carried from the first."""
    rows = db.execute(
        """SELECT DISTINCT source.cluster_id, face.cluster_id
           FROM label JOIN face USING (face_id) JOIN face AS source ON source.face_id = label.carried_from
           WHERE face.backend = ? AND face.cluster_id IS NOT NULL AND source.cluster_id IS NOT NULL""",
        (backend,),
    )
    return {(row[0], row[1]) for row in rows}


def open_clusters(db: sqlite3.Connection, face: Unsettled) -> list[int]:
    """Clusters of a face's person that hold no other face of its photo, and from which it was not rejected."""
    rows = db.execute(
        """SELECT cluster.cluster_id
           FROM face JOIN cluster ON cluster.person_id = :person AND cluster.backend = face.backend
           JOIN average ON average.cluster_id = cluster.cluster_id
           WHERE face.face_id = :face AND NOT EXISTS (
               SELECT 1 FROM face AS mate
               WHERE mate.photo_id = face.photo_id AND mate.cluster_id = cluster.cluster_id)
             AND NOT EXISTS (
               SELECT 1 FROM rejection
               WHERE rejection.face_id = face.face_id AND rejection.cluster_id = cluster.cluster_id)
           ORDER BY cluster.cluster_id""",
        {"face": face.face_id, "person": face.person_id},
    )
    return [row[0] for row in rows]


def copies(db: sqlite3.Connection, cluster_id: int, person_id: int | None) -> list[int]:
    """Faces that bear this person's label because a scan carried it there from a face of the cluster."""
    rows = db.execute(
        """WITH RECURSIVE
           carried AS MATERIALIZED (
               SELECT face_id, carried_from FROM label WHERE person_id = :person AND carried_from IS NOT NULL
           ),
           copy (face_id) AS (  -- a copy may have been carried on
               SELECT carried.face_id FROM carried JOIN face AS source ON source.face_id = carried_from
               WHERE source.cluster_id = :cluster
               UNION
               SELECT carried.face_id FROM copy JOIN carried ON carried_from = copy.face_id
           )
           SELECT face_id FROM copy ORDER BY face_id""",
        {"cluster": cluster_id, "person": person_id},
    )
    return [row[0] for row in rows]


def release(db: sqlite3.Connection, face_ids: Sequence[int]) -> None:
    """Take out of their clusters those faces that only a label put there; a scan places them anew.

    A cluster that so loses the last label of its person was founded in their name, and loses the name too.
    """
    rows = db.execute(
        """SELECT face_id, cluster_id FROM face
           WHERE face_id IN (SELECT value FROM json_each(?)) AND cluster_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM match WHERE match.face_id = face.face_id)""",
        (json.dumps(list(face_ids)),),
    ).fetchall()
    averages.assign(db, {row["face_id"]: None for row in rows})
    db.execute(
        """UPDATE cluster SET person_id = NULL
           WHERE cluster_id IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
               SELECT 1 FROM face JOIN label USING (face_id)
               WHERE face.cluster_id = cluster.cluster_id AND label.person_id = cluster.person_id)""",
        (json.dumps(sorted({row["cluster_id"] for row in rows})),),
    )
