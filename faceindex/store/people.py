"""Persons and clusters, as humans change them. Call within journal.entry()."""

from __future__ import annotations

import re
import shlex
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from faceindex.errors import UsageProblem
from faceindex.store import averages, constraints, labels
from faceindex.store.paths import shown

LONGEST_NAME = 200  # characters; more is a paste gone wrong
# Left-to-right and right-to-left marks that turn the rest of a line around, unseen.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Cluster:
    cluster_id: int
    person_id: int | None
    name: str | None
    faces: int
    backend: str
    ignored: bool


def cluster(db: sqlite3.Connection, cluster_id: int) -> Cluster:
    """A cluster with faces; raises UsageProblem where there is none of that number."""
    row = db.execute(
        """SELECT cluster_id, person_id, person.name, backend, ignored,
                  (SELECT count(*) FROM face WHERE face.cluster_id = cluster.cluster_id) AS faces
           FROM cluster LEFT JOIN person USING (person_id) WHERE cluster_id = ?""",
        (cluster_id,),
    ).fetchone()
    if row is None or not row["faces"]:
        raise UsageProblem(f"there is no cluster {cluster_id}; 'faceindex cluster list' shows those there are")
    return Cluster(cluster_id, row["person_id"], row["name"], row["faces"], row["backend"], bool(row["ignored"]))


def clean_name(name: str) -> str:
    """A name as it is stored: composed, without stray space; emoji and every script are welcome.

    Raises UsageProblem if nothing is left, or if it holds what no name does.
    """
    name = " ".join(unicodedata.normalize("NFC", name).split())
    kinds = {unicodedata.category(character) for character in name}
    if kinds & {"Cc", "Cs"} or TURNING & set(name):  # Cs: bytes that are not valid UTF-8
        raise UsageProblem("a name is text without control characters")
    if not kinds - {"Cf", "Mn", "Zs"}:
        raise UsageProblem("a name needs at least one letter")
    if len(name) > LONGEST_NAME:
        raise UsageProblem(f"a name has at most {LONGEST_NAME} characters; this has {len(name)}")
    return name


def birthday(text: str) -> str | None:
    """A year or a date as it is stored; None for "unknown"."""
    if text == "unknown":
        return None
    try:
        day = date.fromisoformat(text + "-01" * (2 - text.count("-")))
    except ValueError:
        day = None
    if day is None or not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
        raise UsageProblem(f"{text[:40]!r} is no day of birth; write it like 2014, 2014-05, 2014-05-30 or unknown")
    if day > date.today():
        raise UsageProblem(f"{text} is still to come; say when they were born, or unknown")
    return text


def person_id(db: sqlite3.Connection, name: str) -> int | None:
    """Id of the person of exactly this name."""
    row = db.execute("SELECT person_id FROM person WHERE name = ?", (clean_name(name),)).fetchone()
    return row[0] if row else None


def names(db: sqlite3.Connection) -> list[str]:
    """Everybody's name, those with most faces first."""
    rows = db.execute(
        """SELECT name FROM person LEFT JOIN (
               SELECT person_id, sum(faces) AS count FROM cluster JOIN average USING (cluster_id)
               WHERE person_id IS NOT NULL GROUP BY person_id
           ) USING (person_id) ORDER BY count DESC, name"""
    )
    return [row[0] for row in rows]


def called(db: sqlite3.Connection, name: str) -> str | None:
    """How somebody is called: by this very name, or by one that differs in capitals only."""
    known = names(db)
    return name if name in known else _like(known, name, str.casefold)


def sounding(db: sqlite3.Connection, name: str) -> str | None:
    """How somebody is called whose name differs in capitals and accents at most."""
    return called(db, name) or _like(names(db), name, _plain)


def _like(known: Iterable[str], name: str, seen: Callable[[str], str]) -> str | None:
    return next((each for each in known if seen(each) == seen(name)), None)


def _plain(name: str) -> str:
    """A name without its accents: those of Latin, Greek and Cyrillic; elsewhere marks are letters."""
    return "".join(each for each in unicodedata.normalize("NFD", name.casefold()) if not "\u0300" <= each <= "\u036f")


def alike(db: sqlite3.Connection, names: Collection[str | None]) -> list[list[str]]:
    """People whose names differ in capitals only, where one of them is among these."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for (name,) in db.execute("SELECT name FROM person ORDER BY name"):
        found[name.casefold()].append(name)
    return [same for same in found.values() if len(same) > 1 and not set(same).isdisjoint(names)]


def label(db: sqlite3.Connection, journal_id: int, cluster_id: int, name: str) -> int:
    """Name a cluster, and so each of its faces; returns the person_id.

    Two clusters named alike belong to one person and keep both their averages. A face that a human
    called somebody else stays somebody else; one that a human said is not this person leaves.
    """
    named = cluster(db, cluster_id)
    db.execute("INSERT INTO person (name) VALUES (?) ON CONFLICT DO NOTHING", (clean_name(name),))
    person = person_id(db, name)
    assert person is not None
    _call(db, journal_id, cluster_id, person, named.person_id)
    forget_unused(db, named.person_id)
    constraints.refuse_contradictions(db)
    return person


def _call(db: sqlite3.Connection, journal_id: int, cluster_id: int, person: int, before: int | None) -> None:
    """Give a cluster and its faces a name, in place of the one before."""
    db.execute("UPDATE cluster SET person_id = ?, ignored = 0 WHERE cluster_id = ?", (person, cluster_id))
    _let_go(db, cluster_id)
    db.execute(
        """INSERT INTO label (face_id, person_id, source, journal_id)
           SELECT face_id, :person, 'human', :journal FROM face WHERE cluster_id = :cluster
           ON CONFLICT (face_id) DO UPDATE
               SET person_id = :person, source = 'human', journal_id = :journal, carried_from = NULL
               WHERE label.person_id = :before AND label.person_id <> :person""",
        {"person": person, "journal": journal_id, "cluster": cluster_id, "before": before},
    )
    if before != person:
        _call_copies(db, journal_id, labels.copies(db, cluster_id, before), person)


def _call_copies(db: sqlite3.Connection, journal_id: int, faces: Sequence[int], person: int) -> None:
    """Have a name put right reach the faces that a scan carried it over to."""
    db.executemany(
        "UPDATE label SET person_id = ?, source = 'human', journal_id = ? WHERE face_id = ?",
        [(person, journal_id, face_id) for face_id in faces],
    )
    labels.release(db, faces)


def _let_go(db: sqlite3.Connection, cluster_id: int) -> None:
    """Take out the faces that a human said are not of this cluster, or not this person; a scan places them anew."""
    constraints.let_go(db, averages.faces_of(db, cluster_id))
    if not averages.faces_of(db, cluster_id):
        raise UsageProblem(
            f"each face of cluster {cluster_id} was said not to be that; 'faceindex journal' shows when, "
            "'faceindex undo' takes it back"
        )


def forget_unused(db: sqlite3.Connection, person: int | None) -> None:
    """Delete a name that nothing bears any more, as after a typing error put right."""
    db.execute(
        """DELETE FROM person WHERE person_id = :person AND born IS NULL
           AND NOT EXISTS (SELECT 1 FROM cluster WHERE cluster.person_id = :person)
           AND NOT EXISTS (SELECT 1 FROM label WHERE label.person_id = :person)
           AND NOT EXISTS (SELECT 1 FROM rejection WHERE rejection.person_id = :person)""",
        {"person": person},
    )


def unlabel(db: sqlite3.Connection, cluster_id: int) -> str:
    """Take a cluster's name away, from its faces too and those a scan carried it over to; returns the name."""
    named = cluster(db, cluster_id)
    if named.name is None:
        raise UsageProblem(f"cluster {cluster_id} has no name")
    db.execute("UPDATE cluster SET person_id = NULL WHERE cluster_id = ?", (cluster_id,))
    db.execute(
        "DELETE FROM label WHERE person_id = ? AND face_id IN (SELECT face_id FROM face WHERE cluster_id = ?)",
        (named.person_id, cluster_id),
    )
    copies = labels.copies(db, cluster_id, named.person_id)
    db.executemany("DELETE FROM label WHERE face_id = ?", [(face_id,) for face_id in copies])
    labels.release(db, copies)
    forget_unused(db, named.person_id)
    return named.name


def merge(db: sqlite3.Connection, journal_id: int, into: int, others: Sequence[int]) -> Cluster:
    """Make one cluster of several; the others are gone afterwards, and undo brings them back.

    Two faces of one photo may so come together: that is a human's to say. Raises UsageProblem where two
    clusters bear different names, or are of different backends.
    """
    others = list(dict.fromkeys(others))
    if into in others:
        raise UsageProblem(f"cluster {into} cannot be merged into itself")
    parts = [cluster(db, number) for number in (into, *others)]
    _refuse_unlike(parts)
    constraints.refuse_different(db, [part.cluster_id for part in parts])
    for part in parts[1:]:
        _absorb(db, into, part.cluster_id)
    person = next((part.person_id for part in parts if part.person_id is not None), None)
    if person is None:
        _let_go(db, into)
    else:
        _call(db, journal_id, into, person, None)
    constraints.refuse_contradictions(db)
    return cluster(db, into)


def _refuse_unlike(parts: Sequence[Cluster]) -> None:
    named = {part.name: part for part in parts if part.name is not None}
    if len(named) > 1:
        one, other = list(named.values())[:2]
        raise UsageProblem(
            f"cluster {one.cluster_id} is {one.name} and cluster {other.cluster_id} is {other.name}; "
            "take one of the names away with 'faceindex cluster unlabel' first"
        )
    if len({part.backend for part in parts}) > 1:
        raise UsageProblem(
            "encodings of different backends cannot be averaged; give the clusters the same name instead "
            "with 'faceindex cluster label'"
        )


def _absorb(db: sqlite3.Connection, into: int, other: int) -> None:
    averages.assign(db, dict.fromkeys(averages.faces_of(db, other), into))
    constraints.carry(db, into, other)
    db.execute("DELETE FROM cluster WHERE cluster_id = ?", (other,))


def known_person(db: sqlite3.Connection, name: str) -> int:
    """Id of the person of exactly this name; raises UsageProblem where there is none."""
    person = person_id(db, name)
    if person is None:
        raise UsageProblem(f"there is nobody called {shown(name)!r}; 'faceindex person list' shows who there is")
    return person


def rename(db: sqlite3.Connection, old: str, new: str) -> None:
    """Give a person another name; raises UsageProblem where there is none, or the new name is taken."""
    person = known_person(db, old)
    new = clean_name(new)
    if person_id(db, new) not in (None, person):
        raise UsageProblem(
            f"somebody is called {shown(new)} already; "
            f"to make them one person, use 'faceindex person merge {_typed(new)} {_typed(old)}'"
        )
    db.execute("UPDATE person SET name = ? WHERE person_id = ?", (new, person))


def _typed(name: str) -> str:
    """A name as one types it in a shell: in double quotes where it needs some, for the command has single ones."""
    quoted = shown(shlex.quote(name))
    plain = quoted.startswith("'") and not re.search(r'["$`\\!]', name)
    return f'"{shown(name)}"' if plain else quoted


def merge_people(db: sqlite3.Connection, into: str, others: Sequence[str]) -> int:
    """Give all that is known of others the name of one person; clusters keep their averages. Returns how many moved.

    Raises UsageProblem where somebody is not known, or where clusters of theirs are different people.
    """
    person = known_person(db, into)
    moved = 0
    for other in dict.fromkeys(known_person(db, name) for name in others):
        if other == person:
            raise UsageProblem(f"{shown(into)} cannot be merged into themselves")
        moved += db.execute("UPDATE cluster SET person_id = ? WHERE person_id = ?", (person, other)).rowcount
        db.execute("UPDATE label SET person_id = ? WHERE person_id = ?", (person, other))
        db.execute("UPDATE OR IGNORE rejection SET person_id = ? WHERE person_id = ?", (person, other))
        db.execute("DELETE FROM rejection WHERE person_id = ?", (other,))
        db.execute(
            """UPDATE person SET born = coalesce(born, (SELECT born FROM person WHERE person_id = ?))
               WHERE person_id = ?""",
            (other, person),
        )
        db.execute("DELETE FROM person WHERE person_id = ?", (other,))
    constraints.refuse_contradictions(db)
    return moved


def split_person(db: sqlite3.Connection, journal_id: int, name: str, clusters: Sequence[int], new: str) -> None:
    """Have some clusters of a person be another person.

    Raises UsageProblem where a cluster is not theirs, or none would be left to them.
    """
    person = known_person(db, name)
    if person_id(db, new) == person:
        raise UsageProblem(f"{shown(new)} is the same name; give the other person another")
    for number in clusters:
        if cluster(db, number).person_id != person:
            raise UsageProblem(
                f"cluster {number} is not {shown(name)}; 'faceindex cluster list --named' shows whose it is"
            )
    for number in dict.fromkeys(clusters):
        label(db, journal_id, number, new)
    left = db.execute(
        "SELECT EXISTS (SELECT 1 FROM cluster JOIN face USING (cluster_id) WHERE person_id = ?)", (person,)
    ).fetchone()
    if not left[0]:
        raise UsageProblem(
            f"these are all clusters of {shown(name)}; use 'faceindex person rename' to give them another name"
        )


def matched_unborn(db: sqlite3.Connection, name: str) -> int:
    """How many faces that no human named bear the name on photos from before that person's birth."""
    row = db.execute(
        """SELECT count(*) FROM person JOIN cluster USING (person_id) JOIN face USING (cluster_id)
           JOIN photo USING (photo_id) WHERE person.name = ? AND substr(taken_at, 1, length(born)) < born
             AND NOT EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id)""",
        (name,),
    ).fetchone()
    return int(row[0])


def set_born(db: sqlite3.Connection, name: str, born: str | None) -> None:
    """Remember when somebody was born: a year or an ISO date; None: not known."""
    person = known_person(db, name)
    db.execute("UPDATE person SET born = ? WHERE person_id = ?", (born, person))
    if born is None:
        forget_unused(db, person)
