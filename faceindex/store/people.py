"""Persons and clusters, as humans change them. Call within journal.entry()."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from faceindex.errors import UsageProblem
from faceindex.store import averages


@dataclass(frozen=True, slots=True)
class Cluster:
    cluster_id: int
    person_id: int | None
    name: str | None
    faces: int


def cluster(db: sqlite3.Connection, cluster_id: int) -> Cluster:
    """A cluster with faces; raises UsageProblem where there is none of that number."""
    row = db.execute(
        """SELECT cluster_id, person_id, person.name, coalesce(average.faces, 0) AS faces
           FROM cluster LEFT JOIN average USING (cluster_id) LEFT JOIN person USING (person_id)
           WHERE cluster_id = ?""",
        (cluster_id,),
    ).fetchone()
    if row is None or not row["faces"]:
        raise UsageProblem(f"there is no cluster {cluster_id}; 'faceindex cluster list' shows those there are")
    return Cluster(*row)


def clean_name(name: str) -> str:
    """A name as it is stored: composed, without stray space. Raises UsageProblem if nothing is left."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name or not name.isprintable():
        raise UsageProblem("a name needs at least one letter and no control characters")
    return name


def person_id(db: sqlite3.Connection, name: str) -> int | None:
    """Id of the person of exactly this name."""
    row = db.execute("SELECT person_id FROM person WHERE name = ?", (clean_name(name),)).fetchone()
    return row[0] if row else None


def label(db: sqlite3.Connection, journal_id: int, cluster_id: int, name: str) -> int:
    """Name a cluster, and so each of its faces; returns the person_id.

    Two clusters named alike belong to one person and keep both their averages.
    """
    named = cluster(db, cluster_id)
    db.execute("INSERT INTO person (name) VALUES (?) ON CONFLICT DO NOTHING", (clean_name(name),))
    person = person_id(db, name)
    assert person is not None
    db.execute("UPDATE cluster SET person_id = ? WHERE cluster_id = ?", (person, cluster_id))
    _label_faces(db, journal_id, cluster_id, person, named.person_id)
    _forget_nobody(db)
    return person


def _label_faces(
    db: sqlite3.Connection, journal_id: int, cluster_id: int, person: int, before: int | None
) -> None:
    """Give every face of a cluster its name, but for those that a human called somebody else."""
    db.execute(
        """INSERT INTO label (face_id, person_id, source, journal_id)
           SELECT face_id, :person, 'human', :journal FROM face WHERE cluster_id = :cluster
           ON CONFLICT (face_id) DO UPDATE SET person_id = :person, source = 'human', journal_id = :journal
               WHERE label.person_id = :before AND label.person_id <> :person""",
        {"person": person, "journal": journal_id, "cluster": cluster_id, "before": before},
    )


def _forget_nobody(db: sqlite3.Connection) -> None:
    """Delete names that no cluster, face or tag bears any more, as after a typing error put right."""
    db.execute(
        """DELETE FROM person WHERE born IS NULL
           AND person_id NOT IN (SELECT person_id FROM cluster WHERE person_id IS NOT NULL)
           AND person_id NOT IN (SELECT person_id FROM label)
           AND person_id NOT IN (SELECT person_id FROM rejection WHERE person_id IS NOT NULL)"""
    )


def unlabel(db: sqlite3.Connection, cluster_id: int) -> str:
    """Take a cluster's name away, from its faces too; returns the name."""
    named = cluster(db, cluster_id)
    if named.name is None:
        raise UsageProblem(f"cluster {cluster_id} has no name")
    db.execute("UPDATE cluster SET person_id = NULL WHERE cluster_id = ?", (cluster_id,))
    db.execute(
        "DELETE FROM label WHERE person_id = ? AND face_id IN (SELECT face_id FROM face WHERE cluster_id = ?)",
        (named.person_id, cluster_id),
    )
    _forget_nobody(db)
    return named.name


def merge(db: sqlite3.Connection, journal_id: int, into: int, others: Sequence[int]) -> Cluster:
    """Make one cluster of several; the others are gone afterwards, and undo brings them back.

    Raises UsageProblem where two of them bear different names.
    """
    others = list(dict.fromkeys(others))
    if into in others:
        raise UsageProblem(f"cluster {into} cannot be merged into itself")
    parts = [cluster(db, number) for number in (into, *others)]
    named = {part.name: part for part in parts if part.name is not None}
    if len(named) > 1:
        one, other = list(named.values())[:2]
        raise UsageProblem(
            f"cluster {one.cluster_id} is {one.name} and cluster {other.cluster_id} is {other.name}; "
            "take one of the names away with 'faceindex cluster unlabel' first"
        )
    for part in parts[1:]:
        _absorb(db, into, part.cluster_id)
    for part in named.values():
        assert part.person_id is not None
        db.execute("UPDATE cluster SET person_id = ? WHERE cluster_id = ?", (part.person_id, into))
        _label_faces(db, journal_id, into, part.person_id, None)
    return cluster(db, into)


def _absorb(db: sqlite3.Connection, into: int, other: int) -> None:
    averages.assign(db, dict.fromkeys(averages.faces_of(db, other), into))
    db.execute("UPDATE OR IGNORE rejection SET cluster_id = ? WHERE cluster_id = ?", (into, other))
    db.execute("DELETE FROM rejection WHERE cluster_id = ?", (other,))
    db.execute("DELETE FROM cluster WHERE cluster_id = ?", (other,))


def rename(db: sqlite3.Connection, old: str, new: str) -> None:
    """Give a person another name; raises UsageProblem where there is none, or the new name is taken."""
    person = person_id(db, old)
    if person is None:
        raise UsageProblem(f"there is nobody called {old!r}; 'faceindex person list' shows who there is")
    new = clean_name(new)
    if person_id(db, new) not in (None, person):
        raise UsageProblem(
            f"there is a {new} already; to make them one person, name {old}'s clusters {new!r} "
            "with 'faceindex cluster label'"
        )
    db.execute("UPDATE person SET name = ? WHERE person_id = ?", (new, person))
