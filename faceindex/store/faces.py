"""What a human says of single faces: where they belong, who they are not, who they are. Call within journal.entry()."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex.errors import UsageProblem
from faceindex.models import Box
from faceindex.store import averages, encodings, labels, parting, people
from faceindex.store.labels import Unsettled

LIST = "(SELECT value FROM json_each(?))"
DIGITS = 6  # of the numbers of a box: so many survive the journal to the last bit


@dataclass(frozen=True, slots=True)
class Known:
    """A face in the index, and who it is taken for."""

    face_id: int
    backend: str
    cluster_id: int | None
    owner: int | None  # person_id of its cluster
    labelled: int | None  # person_id that a human said


def known(db: sqlite3.Connection, face_ids: Sequence[int]) -> list[Known]:
    """These faces, each once; raises UsageProblem where there is none of a number, or its person was forgotten."""
    face_ids = list(dict.fromkeys(face_ids))
    rows = db.execute(
        f"""SELECT face.face_id, face.backend, face.cluster_id, cluster.person_id, label.person_id AS labelled,
                   encoding.face_id IS NOT NULL AS encoded
            FROM face LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
            LEFT JOIN label ON label.face_id = face.face_id LEFT JOIN encoding ON encoding.face_id = face.face_id
            WHERE face.face_id IN {LIST}""",
        (json.dumps(face_ids),),
    ).fetchall()
    found = {row[0]: Known(*row[:5]) for row in rows}
    for number in face_ids:
        if number not in found:
            raise UsageProblem(
                f"there is no face {number}; 'faceindex photo show' and 'faceindex cluster show' tell the numbers"
            )
    for row in rows:
        if not row["encoded"]:
            raise UsageProblem(f"face {row[0]} is of somebody who was forgotten; nothing can be said of it any more")
    return [found[number] for number in face_ids]


def move(db: sqlite3.Connection, journal_id: int, face_ids: Sequence[int], cluster_id: int | None) -> int:
    """Put faces into a cluster, None for a new one; returns its number.

    They take its name; a name from the cluster they leave stays behind, one given to the very face goes along
    to an unnamed cluster. Two faces of one photo may so come together: that is a human's to say.
    Raises UsageProblem where the cluster is not there, or of another backend.
    """
    found = known(db, face_ids)
    backends = {face.backend for face in found}
    if cluster_id is None:
        target = parting.found_cluster(db, found[0].backend)
        backend, person = found[0].backend, None
    else:
        into = people.cluster(db, cluster_id)
        target, backend, person = cluster_id, into.backend, into.person_id
    if backends != {backend}:
        raise UsageProblem(
            "encodings of different backends cannot be in one cluster; use 'faceindex face label' instead"
        )
    for face in found:
        if face.cluster_id != target:
            parting.unname(db, [face.face_id], face.owner)
    _unsay(db, "ignored", found)
    db.execute(
        f"DELETE FROM rejection WHERE (cluster_id = ? OR person_id IS ?) AND face_id IN {LIST}",
        (target, person if person is not None else 0, _list(found)),
    )
    averages.assign(db, {face.face_id: target for face in found})
    if person is not None:
        there = [face for face in found if (face.cluster_id, face.labelled) == (target, person)]
        _call(db, journal_id, [face for face in found if face not in there], person)
    return target


def reject(db: sqlite3.Connection, journal_id: int, face_ids: Sequence[int]) -> list[Known]:
    """Remember for ever that faces are not who they are taken for; they leave their clusters, a scan places them anew.

    With a name, that is: not this person; without one: not of this cluster. Raises UsageProblem for a face that
    is taken for nobody.
    """
    found = known(db, face_ids)
    for face in found:
        person = face.owner if face.labelled is None else face.labelled
        if person is None and face.cluster_id is None:
            raise UsageProblem(f"face {face.face_id} is in no cluster and has no name, so there is nothing to reject")
        db.execute(
            """INSERT INTO rejection (face_id, person_id, cluster_id, journal_id) VALUES (?, ?, ?, ?)
               ON CONFLICT DO NOTHING""",
            (face.face_id, person, face.cluster_id if person is None else None, journal_id),
        )
    _unsay(db, "label", found)
    averages.assign(db, {face.face_id: None for face in found})
    _forget_unused(db, found)
    return found


def ignore(db: sqlite3.Connection, journal_id: int, face_ids: Sequence[int]) -> int:
    """Leave faces alone from now on: a stranger, no face. They leave their clusters. Returns how many are new."""
    found = known(db, face_ids)
    added = db.executemany(
        "INSERT INTO ignored (face_id, journal_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(face.face_id, journal_id) for face in found],
    )
    averages.assign(db, {face.face_id: None for face in found})
    return added.rowcount


def unignore(db: sqlite3.Connection, face_ids: Sequence[int]) -> int:
    """Have faces count again; a scan places them. Returns how many were ignored.

    Raises UsageProblem for one that is out of the way with its whole cluster.
    """
    found = known(db, face_ids)
    for face in found:
        if face.cluster_id is not None and people.cluster(db, face.cluster_id).ignored:
            raise UsageProblem(
                f"face {face.face_id} is ignored with its cluster; use 'faceindex cluster unignore {face.cluster_id}'"
            )
    return _unsay(db, "ignored", found)


def label(db: sqlite3.Connection, journal_id: int, face_ids: Sequence[int], name: str) -> int:
    """Say who single faces are; returns the person_id.

    A face leaves a cluster of somebody else, or of nobody, for the nearest of this person's clusters that holds no
    other face of its photo and that it was not rejected from; where there is none it founds one.
    """
    found = known(db, face_ids)
    db.execute("INSERT INTO person (name) VALUES (?) ON CONFLICT DO NOTHING", (people.clean_name(name),))
    person = people.known_person(db, name)
    _unsay(db, "ignored", found)
    db.execute(f"DELETE FROM rejection WHERE person_id = ? AND face_id IN {LIST}", (person, _list(found)))
    _call(db, journal_id, found, person)
    for face in found:
        if face.owner != person or face.cluster_id is None:
            averages.assign(db, {face.face_id: None})
            averages.assign(db, {face.face_id: _home(db, face, person)})
    _forget_unused(db, found)
    return person


def _home(db: sqlite3.Connection, face: Known, person: int) -> int:
    """The cluster of a person where a face belongs."""
    near = labels.open_clusters(db, Unsettled(face.face_id, person, None))
    if not near:
        return parting.found_cluster(db, face.backend, person)
    gaps = encodings.means(db, near) - encodings.vector(db, face.face_id)
    return sorted(near)[int(np.linalg.norm(gaps, axis=1).argmin())]


def _call(db: sqlite3.Connection, journal_id: int, found: Sequence[Known], person: int) -> None:
    """Have these very faces be somebody. What a human said of one already, and not of its cluster, stays as it is."""
    db.executemany(
        """INSERT INTO label (face_id, person_id, source, journal_id) VALUES (?, ?, 'human', ?)
           ON CONFLICT (face_id) DO UPDATE
               SET person_id = excluded.person_id, source = 'human', journal_id = excluded.journal_id,
                   carried_from = NULL
               WHERE label.person_id <> excluded.person_id OR label.source <> 'human'
                  OR label.carried_from IS NOT NULL OR label.journal_id IN (
                     SELECT journal_id FROM journal WHERE command LIKE 'cluster %' OR command LIKE 'person %')""",
        [(face.face_id, person, journal_id) for face in found],
    )
    _forget_unused(db, found)


def _unsay(db: sqlite3.Connection, table: str, found: Sequence[Known]) -> int:
    return db.execute(f"DELETE FROM {table} WHERE face_id IN {LIST}", (_list(found),)).rowcount


def _forget_unused(db: sqlite3.Connection, found: Sequence[Known]) -> None:
    for person in {face.labelled for face in found} - {None}:
        people.forget_unused(db, person)


def _list(found: Sequence[Known]) -> str:
    return json.dumps([face.face_id for face in found])


# --- faces that the detector missed ---


@dataclass(frozen=True, slots=True)
class Place:
    """A photo on which a face can be added."""

    photo_id: int
    width: int
    height: int
    run_id: int  # that examined it


def place(db: sqlite3.Connection, photo_id: int, backend: str) -> Place:
    """Raises UsageProblem where this backend has not examined the photo yet."""
    row = db.execute(
        "SELECT photo_id, width, height, run_id FROM photo JOIN examination USING (photo_id)"
        " WHERE photo_id = ? AND backend = ?",
        (photo_id, backend),
    ).fetchone()
    if row is None:
        raise UsageProblem(f"{backend} has not looked at this photo yet; run 'faceindex scan' first")
    return Place(*row)


def add(db: sqlite3.Connection, where: Place, backend: str, box: Box, encoding: NDArray[np.float32]) -> int:
    """A face that a human saw; returns its number."""
    sides = (round(side, DIGITS) for side in (box.left, box.top, box.right, box.bottom))
    cursor = db.execute(
        """INSERT INTO face (photo_id, backend, detector, score, "left", top, "right", bottom, run_id)
           VALUES (?, ?, 'human', 0.0, ?, ?, ?, ?, ?)""",
        (where.photo_id, backend, *sides, where.run_id),
    )
    assert cursor.lastrowid is not None
    db.execute(
        "INSERT INTO encoding (face_id, vector) VALUES (?, ?)", (cursor.lastrowid, encoding.astype("<f4").tobytes())
    )
    return cursor.lastrowid
