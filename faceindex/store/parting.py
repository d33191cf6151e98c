"""Clusters told apart: different people, split, strangers out of the way. Call within journal.entry()."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from faceindex import splitting
from faceindex.errors import UsageProblem
from faceindex.store import averages, constraints, people


def different(db: sqlite3.Connection, journal_id: int, one: int, other: int) -> None:
    """Remember that two clusters are different people; raises UsageProblem where they bear one name, or are one."""
    a, b = people.cluster(db, one), people.cluster(db, other)
    if one == other:
        raise UsageProblem(f"cluster {one} is the same as itself; name two clusters")
    if a.person_id is not None and a.person_id == b.person_id:
        raise UsageProblem(
            f"clusters {one} and {other} are both {a.name}; take the name of one away with 'faceindex cluster unlabel'"
        )
    constraints.part(db, journal_id, one, other)


def split_into(db: sqlite3.Connection, journal_id: int, cluster_id: int, count: int) -> list[int]:
    """Split a cluster by the likeness of its faces; returns the numbers of the new clusters.

    The largest part keeps number and name; of equal ones the part with the lowest face number.
    """
    found = people.cluster(db, cluster_id)
    if found.faces == 1:
        raise UsageProblem(f"cluster {cluster_id} has one face, so it cannot be split")
    if not 2 <= count <= found.faces:
        raise UsageProblem(
            f"cluster {cluster_id} has {found.faces} faces; it can be split into {found.faces} parts at most"
        )
    rows = db.execute(
        """SELECT face_id, photo_id, vector FROM face JOIN encoding USING (face_id)
           WHERE cluster_id = ? ORDER BY face_id""",
        (cluster_id,),
    ).fetchall()
    parts = splitting.split(averages.stacked([row["vector"] for row in rows]), [row["photo_id"] for row in rows], count)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, part in zip(rows, np.asarray(parts).tolist(), strict=True):
        members[part].append(row["face_id"])
    largest = max(members.values(), key=lambda faces: (len(faces), -faces[0]))
    return [_leave(db, journal_id, found, faces) for faces in members.values() if faces is not largest]


def split_off(db: sqlite3.Connection, journal_id: int, cluster_id: int, face_ids: Sequence[int]) -> int:
    """Have these faces leave their cluster for a new one; returns its number."""
    found = people.cluster(db, cluster_id)
    there = set(averages.faces_of(db, cluster_id))
    strangers = [face for face in face_ids if face not in there]
    if strangers:
        raise UsageProblem(
            f"face {strangers[0]} is not in cluster {cluster_id}; 'faceindex cluster show' lists its faces"
        )
    if there == set(face_ids):
        raise UsageProblem(f"these are all faces of cluster {cluster_id}; one has to stay")
    return _leave(db, journal_id, found, list(dict.fromkeys(face_ids)))


def _leave(db: sqlite3.Connection, journal_id: int, old: people.Cluster, face_ids: Sequence[int]) -> int:
    """A new unnamed cluster of these faces; the name they had from the cluster stays behind."""
    new = found_cluster(db, old.backend)
    averages.assign(db, dict.fromkeys(face_ids, new))
    unname(db, face_ids, old.person_id)
    constraints.part(db, journal_id, old.cluster_id, new)
    return new


def found_cluster(db: sqlite3.Connection, backend: str, person_id: int | None = None) -> int:
    """A new, empty cluster that no scan made."""
    cursor = db.execute("INSERT INTO cluster (backend, person_id) VALUES (?, ?)", (backend, person_id))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def next_cluster(db: sqlite3.Connection) -> int:
    """The number that the next new cluster will have; true as long as the transaction lasts."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'cluster'").fetchone()
    return 1 + (row[0] if row else 0)


def unname(db: sqlite3.Connection, face_ids: Iterable[int], person_id: int | None) -> None:
    """Take the name that faces had with their cluster, but not one that a human gave to the very face."""
    db.execute(
        """DELETE FROM label WHERE person_id = :person AND face_id IN (SELECT value FROM json_each(:faces))
           AND journal_id IN (
               SELECT journal_id FROM journal WHERE command LIKE 'cluster %' OR command LIKE 'person %')""",
        {"person": person_id, "faces": json.dumps(list(face_ids))},
    )


# --- strangers ---


def unnamed_on(db: sqlite3.Connection, photo_id: int, backend: str) -> list[int]:
    """Unnamed clusters with a face on this photo that are not ignored yet."""
    rows = db.execute(
        """SELECT DISTINCT cluster.cluster_id FROM face JOIN cluster USING (cluster_id)
           WHERE photo_id = ? AND face.backend = ? AND person_id IS NULL AND NOT ignored ORDER BY cluster.cluster_id""",
        (photo_id, backend),
    )
    return [row[0] for row in rows]


def unnamed_smaller(db: sqlite3.Connection, photos: int, backend: str) -> list[int]:
    """Unnamed clusters with faces on fewer photos than that, and not ignored yet."""
    rows = db.execute(
        """SELECT cluster.cluster_id FROM face JOIN cluster USING (cluster_id)
           WHERE cluster.backend = ? AND person_id IS NULL AND NOT ignored
           GROUP BY cluster.cluster_id HAVING count(DISTINCT photo_id) < ? ORDER BY cluster.cluster_id""",
        (backend, photos),
    )
    return [row[0] for row in rows]


def ignored_clusters(db: sqlite3.Connection, backend: str) -> list[int]:
    """Every ignored cluster."""
    rows = db.execute("SELECT cluster_id FROM cluster WHERE ignored AND backend = ? ORDER BY cluster_id", (backend,))
    return [row[0] for row in rows]


def ignore(db: sqlite3.Connection, clusters: Sequence[int]) -> int:
    """Put unnamed clusters out of the way; returns how many were not so yet. A named one is refused."""
    for number in clusters:
        found = people.cluster(db, number)
        if found.name is not None:
            raise UsageProblem(f"cluster {number} is {found.name}; only clusters without a name can be ignored")
    return _mark(db, clusters, ignored=1)


def unignore(db: sqlite3.Connection, clusters: Sequence[int]) -> int:
    """Show ignored clusters again; returns how many were ignored."""
    for number in clusters:
        people.cluster(db, number)
    return _mark(db, clusters, ignored=0)


def _mark(db: sqlite3.Connection, clusters: Sequence[int], ignored: int) -> int:
    return db.execute(
        """UPDATE cluster SET ignored = :ignored
           WHERE ignored <> :ignored AND cluster_id IN (SELECT value FROM json_each(:clusters))""",
        {"ignored": ignored, "clusters": json.dumps(list(clusters))},
    ).rowcount
