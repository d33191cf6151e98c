"""Erasing a person for good: encodings, name, clusters, and what the journal remembers of them.

Their faces stay as boxes among the ignored, so no scan enrols them again. Not to be undone.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from faceindex.db import now
from faceindex.errors import FaceindexError
from faceindex.store import averages, people

LIST = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Memory:
    """What the index knows of a person."""

    person_id: int
    persons: tuple[int, ...]  # this one, and those who bore the name in what was taken back since
    faces: tuple[int, ...]  # labelled theirs, or in their clusters and not labelled somebody else's
    photos: int
    clusters: tuple[int, ...]
    names: tuple[str, ...]  # this one, and those they had before that nobody else bears
    entries: tuple[int, ...]  # of the journal, that spoke of them


def memory(db: sqlite3.Connection, name: str) -> Memory:
    """All that forget() would erase; raises UsageProblem where nobody has that name."""
    person = people.known_person(db, name)
    faces = db.execute(
        """SELECT face_id, photo_id FROM face LEFT JOIN label USING (face_id)
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           WHERE coalesce(label.person_id, cluster.person_id) = ? ORDER BY face_id""",
        (person,),
    ).fetchall()
    clusters = [row[0] for row in db.execute("SELECT cluster_id FROM cluster WHERE person_id = ?", (person,))]
    numbers = tuple(row["face_id"] for row in faces)
    names = _names(db, person)
    persons = _persons(db, person, names)
    return Memory(
        person,
        persons,
        numbers,
        len({row["photo_id"] for row in faces}),
        tuple(clusters),
        names,
        _entries(db, persons, numbers, clusters),
    )


def _names(db: sqlite3.Connection, person: int) -> tuple[str, ...]:
    rows = db.execute(
        """SELECT name FROM person WHERE person_id = :person
           UNION
           SELECT json_extract(image, '$.name') FROM (
               SELECT table_name, before AS image FROM journal_change
               UNION ALL SELECT table_name, after FROM journal_change)
           WHERE table_name = 'person' AND json_extract(image, '$.person_id') = :person
             AND json_extract(image, '$.name') NOT IN (SELECT name FROM person WHERE person_id <> :person)""",
        {"person": person},
    )
    return tuple(row[0] for row in rows)


def _persons(db: sqlite3.Connection, person: int, names: Sequence[str]) -> tuple[int, ...]:
    """Who is meant by these names in the journal, and is nobody else now."""
    rows = db.execute(
        """SELECT :person UNION
           SELECT json_extract(image, '$.person_id') FROM (
               SELECT table_name, before AS image FROM journal_change
               UNION ALL SELECT table_name, after FROM journal_change)
           WHERE table_name = 'person' AND json_extract(image, '$.name') IN (SELECT value FROM json_each(:names))
             AND json_extract(image, '$.person_id') NOT IN (SELECT person_id FROM person)""",
        {"person": person, "names": json.dumps(list(names))},
    )
    return tuple(row[0] for row in rows)


@dataclass(frozen=True, slots=True)
class Kept:
    """File and folder names that hold a name of somebody; they are not this program's to change."""

    number: int
    example: str


def kept_in_names(db: sqlite3.Connection, names: Sequence[str]) -> Kept | None:
    """Names of files and folders, there or gone, that hold one of these names, in small letters or capitals."""
    wanted = [_folded(name) for name in names]
    rows = db.execute("SELECT path FROM root UNION ALL SELECT path FROM folder UNION ALL SELECT name FROM file")
    number, example = 0, ""
    for (path,) in rows:
        last = path.rsplit("/", 1)[-1]
        if any(name in _folded(last) for name in wanted):
            number, example = number + 1, example or last
    return Kept(number, example) if number else None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


# Rows of the journal about a person, their faces or their clusters. Which of the images names them does not matter.
ABOUT = """
    WITH image AS (
        SELECT journal_id, change_no, table_name, before AS row FROM journal_change WHERE before IS NOT NULL
        UNION ALL
        SELECT journal_id, change_no, table_name, after FROM journal_change WHERE after IS NOT NULL
    ), about AS (
        SELECT journal_id, change_no FROM image
        WHERE (table_name <> 'root' AND json_extract(row, '$.person_id') IN (SELECT value FROM json_each(:persons)))
           OR (table_name IN ('face', 'label', 'rejection', 'ignored', 'encoding')
               AND json_extract(row, '$.face_id') IN (SELECT value FROM json_each(:faces)))
           OR (table_name IN ('cluster', 'rejection')
               AND json_extract(row, '$.cluster_id') IN (SELECT value FROM json_each(:clusters)))
           OR (table_name = 'different'
               AND (json_extract(row, '$.one_id') IN (SELECT value FROM json_each(:clusters))
                    OR json_extract(row, '$.other_id') IN (SELECT value FROM json_each(:clusters))))
           OR (table_name = 'face' AND json_extract(row, '$.cluster_id') IN (SELECT value FROM json_each(:clusters)))
    )"""


def _about(persons: tuple[int, ...], faces: tuple[int, ...], clusters: list[int]) -> dict[str, object]:
    return {"persons": json.dumps(persons), "faces": json.dumps(faces), "clusters": json.dumps(clusters)}


def _entries(
    db: sqlite3.Connection, persons: tuple[int, ...], faces: tuple[int, ...], clusters: list[int]
) -> tuple[int, ...]:
    rows = db.execute(
        f"{ABOUT} SELECT DISTINCT journal_id FROM about ORDER BY journal_id", _about(persons, faces, clusters)
    )
    return tuple(row[0] for row in rows)


def erase(db: sqlite3.Connection, known: Memory) -> None:
    """Delete all of it. Within a transaction, with secure_delete on; compact() afterwards.

    Their clusters' other faces, whom a human called somebody else, are placed anew by the next scan.
    """
    faces, clusters = json.dumps(known.faces), json.dumps(known.clusters)
    _erase_journal(db, known)
    averages.assign(db, dict.fromkeys(known.faces))
    averages.assign(db, {face: None for cluster in known.clusters for face in averages.faces_of(db, cluster)})
    (journal_id,) = db.execute(
        "INSERT INTO journal (at, command, summary, erased) VALUES (?, 'forget', ?, 1) RETURNING journal_id",
        (now(), f"somebody was forgotten, with {len(known.faces)} faces"),
    ).fetchone()
    for table in ("encoding", "match", "cohort_face", "label", "rejection", "ignored"):
        db.execute(f"DELETE FROM {table} WHERE face_id IN {LIST}", (faces,))
    db.execute("INSERT INTO ignored (face_id, journal_id) SELECT value, ? FROM json_each(?)", (journal_id, faces))
    db.execute("DELETE FROM label WHERE person_id = ?", (known.person_id,))
    db.execute(f"DELETE FROM rejection WHERE person_id = ? OR cluster_id IN {LIST}", (known.person_id, clusters))
    db.execute(f"DELETE FROM different WHERE one_id IN {LIST} OR other_id IN {LIST}", (clusters, clusters))
    db.execute(f"DELETE FROM cluster WHERE cluster_id IN {LIST}", (clusters,))
    db.execute("DELETE FROM person WHERE person_id = ?", (known.person_id,))
    db.executemany("DELETE FROM tag WHERE name = ?", [(name,) for name in known.names])


def _erase_journal(db: sqlite3.Connection, known: Memory) -> None:
    """Delete the rows about them; an entry that had some tells nothing any more, and cannot be undone."""
    parameters = _about(known.persons, known.faces, list(known.clusters))
    db.execute(
        f"{ABOUT} DELETE FROM journal_change WHERE (journal_id, change_no) IN (SELECT * FROM about)",
        parameters,
    )
    db.executemany(
        "UPDATE journal SET erased = 1, summary = command || ' of somebody who was forgotten' WHERE journal_id = ?",
        [(journal_id,) for journal_id in known.entries],
    )
    _strike_out(db, known)


def _strike_out(db: sqlite3.Connection, known: Memory) -> None:
    """Take their names out of the summaries of other entries; Anna stays Anna where Ann is forgotten."""
    others = {row[0] for row in db.execute("SELECT name FROM person WHERE person_id <> ?", (known.person_id,))}
    longest_first = sorted({*known.names, *others}, key=len, reverse=True)
    any_name = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    for journal_id, summary in db.execute(
        "SELECT journal_id, summary FROM journal WHERE command NOT LIKE 'root%'"
    ).fetchall():
        told = any_name.sub(lambda found: "somebody" if found[0] in known.names else found[0], summary)
        if told != summary:
            db.execute("UPDATE journal SET summary = ? WHERE journal_id = ?", (told, journal_id))


def compact(db: sqlite3.Connection) -> None:
    """Write the file anew without what was deleted, and empty its log.

    Raises FaceindexError where somebody else reads the index and so holds the log.
    """
    db.execute("VACUUM")
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise FaceindexError(
            "it is forgotten, but another program holds the index open, so its log may still hold some of it; "
            "close that program, and open the index once more, with 'faceindex status'"
        )
