"""What other programs guessed of faces, and nobody has said yes or no to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceindex.store import questions

BLOCK = 10_000  # faces looked at in one go


@dataclass(frozen=True, slots=True)
class Guess:
    """A name for a face, by a program."""

    face_id: int
    cluster_id: int | None
    owned: bool  # its cluster has a name
    name: str
    person_id: int | None  # None: nobody has that name yet
    source: str  # which programs say so


def of_all(db: sqlite3.Connection, backend: str) -> list[Guess]:
    """Guesses for faces that nobody named or ignored, and that may be whom they are taken for."""
    return _open(db, backend, "", 0)


def of_face(db: sqlite3.Connection, backend: str, face_id: int) -> list[Guess]:
    """The same for one face."""
    return _open(db, backend, "AND tag.face_id = :one", face_id)


def of_cluster(db: sqlite3.Connection, backend: str, cluster_id: int) -> list[Guess]:
    """The same for the faces of a cluster."""
    return _open(db, backend, "AND face.cluster_id = :one", cluster_id)


def _open(db: sqlite3.Connection, backend: str, which: str, one: int) -> list[Guess]:
    rows = db.execute(
        f"""SELECT face.face_id, face.cluster_id, cluster.person_id IS NOT NULL, tag.name, person.person_id,
                  group_concat(DISTINCT tag.source)
           FROM tag LEFT JOIN journal USING (journal_id) JOIN face ON face.face_id = tag.face_id
           JOIN encoding ON encoding.face_id = face.face_id
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id LEFT JOIN person ON person.name = tag.name
           WHERE word = 'guessed' AND tag.name IS NOT NULL AND undone_at IS NULL AND face.backend = :backend {which}
             AND coalesce(cluster.ignored, 0) = 0 AND cluster.person_id IS NOT coalesce(person.person_id, 0)
             AND NOT EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id)
             AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
           GROUP BY face.face_id, tag.name ORDER BY face.face_id, tag.name""",
        {"backend": backend, "one": one},
    )
    found = [Guess(row[0], row[1], bool(row[2]), row[3], row[4], row[5]) for row in rows]
    return [guess for first in range(0, len(found), BLOCK) for guess in _possible(db, found[first : first + BLOCK])]


def _possible(db: sqlite3.Connection, some: Sequence[Guess]) -> Iterator[Guess]:
    """Those that neither a human's word, nor another face of the photo, nor a birth rules out."""
    never = set(map(tuple, questions.never_of_faces(db, sorted({guess.face_id for guess in some})).tolist()))
    yield from (guess for guess in some if (guess.face_id, guess.person_id) not in never)


def largest(db: sqlite3.Connection, backend: str) -> dict[int, int]:
    """person_id to the largest of their clusters: what a face can be compared with by eye."""
    rows = db.execute(
        """SELECT person_id, cluster_id, max(faces) FROM cluster JOIN average USING (cluster_id)
           WHERE backend = ? AND person_id IS NOT NULL AND faces > 0 GROUP BY person_id""",
        (backend,),
    )
    return {row[0]: row[1] for row in rows}


def refuse(db: sqlite3.Connection, journal_id: int, face_ids: Sequence[int], name: str) -> None:
    """Remember for ever that faces are not the person of this name, who may be nobody yet: within journal.entry()."""
    db.execute("INSERT INTO person (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    db.executemany(
        """INSERT INTO rejection (face_id, person_id, journal_id)
           SELECT ?, person_id, ? FROM person WHERE name = ? ON CONFLICT DO NOTHING""",
        [(face_id, journal_id, name) for face_id in face_ids],
    )
