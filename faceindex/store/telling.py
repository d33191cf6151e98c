"""What the journal tells: which entries stand, and every change of a row or face in its order.

chains      of a small table, row by row
face_chains of faces, each with all that was said of it
merges      of clusters
people      all persons, as the standing entries say
touched     rows to be written anew
faces_of    faces to be written anew
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from faceindex.store import history, persons
from faceindex.store.history import Change, Key, Merge, Row
from faceindex.store.persons import People
from faceindex.store.recording import JOURNALLED, SAID_OF_FACES, UNDO

Chains = dict[Key, list[Change]]
OF_FACES = ("face", "encoding", *SAID_OF_FACES)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Which entries stand, and which others each has to do with by taking them back."""

    standing: set[int]
    answers: Mapping[int, frozenset[int]]  # entry that took others back: these, and those they had taken back

    def without(self, flipped: Collection[int]) -> Ledger:
        """As it was before these were taken back or brought back."""
        return Ledger(self.standing ^ set(flipped), self.answers)


def chains(db: sqlite3.Connection, ledger: Ledger, table: str) -> Chains:
    """Every change of one small table, row by row."""
    found = db.execute(f"{CHANGES} WHERE table_name = ? ORDER BY journal_id, change_no", (table,))
    return grouped(ledger, found, JOURNALLED[table][0])


CHANGES = """SELECT journal_id, command, table_name, before, after, cluster_id
             FROM journal_change JOIN journal USING (journal_id)"""


def grouped(ledger: Ledger, rows: Iterable[sqlite3.Row], key: Sequence[str]) -> Chains:
    """Changes by row, or by face."""
    told = [(row, _image(row["before"]), _image(row["after"])) for row in rows]
    spoke: defaultdict[tuple[str, Key], set[int]] = defaultdict(set)
    withdrew = set()  # (undo, face) where what a scan had carried over was taken away
    for row, before, after in told:
        spoke[_name(row["table_name"], before or after or {})].add(row["journal_id"])
        if row["table_name"] == "label" and after is None and _is_copy(before):
            withdrew.add((row["journal_id"], (before or {})["face_id"]))
    found: Chains = defaultdict(list)
    for row, before, after in told:
        name = _name(row["table_name"], before or after or {})
        counts = row["journal_id"] in ledger.standing
        if counts and row["command"] == UNDO:
            answer = not ledger.answers.get(row["journal_id"], frozenset()).isdisjoint(spoke[name])
            moved = name[0] == "face" and (row["journal_id"], name[1][0]) in withdrew
            counts = not answer and (moved or _is_of_the_machine(name[0], before, after))
        change = Change(row["journal_id"], row["command"], counts, *name, before, after, row["cluster_id"])
        found[tuple((before or after or {})[part] for part in key)].append(change)
    return found


def _is_of_the_machine(table: str, before: Row | None, after: Row | None) -> bool:
    """Whether an undo changed what a scan had made.

    That alone it says itself. All else that it did follows from which entries stand.
    """
    if table == "cluster":  # founded in the name of somebody who is no longer known
        return bool(before and after and before["person_id"] is not None and after["person_id"] is None)
    return _is_copy(before) or _is_copy(after)


def _is_copy(row: Row | None) -> bool:
    return row is not None and row.get("carried_from") is not None


def _name(table: str, row: Row) -> tuple[str, Key]:
    return table, tuple(row[part] for part in JOURNALLED[table][0])


def _image(text: str | None) -> Row | None:
    if text is None:
        return None
    row = json.loads(text)
    return {name: bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for name, v in row.items()}


def merges(db: sqlite3.Connection, ledger: Ledger) -> list[Merge]:
    found = db.execute(
        f"""{CHANGES} WHERE table_name IN ('cluster', 'face') AND command <> 'undo' AND journal_id IN (
                SELECT journal_id FROM journal_change WHERE table_name = 'cluster' AND after IS NULL)
            ORDER BY journal_id, change_no"""
    )
    return list(history.merges_of(change for chain in grouped(ledger, found, ()).values() for change in chain))


def people(db: sqlite3.Connection, ledger: Ledger) -> People:
    found = db.execute(f"{CHANGES} WHERE table_name = 'person' ORDER BY journal_id, change_no")
    chain = grouped(ledger, found, ()).get((), [])
    found = db.execute(f"{CHANGES} WHERE command = 'person merge' ORDER BY journal_id, change_no")
    return persons.of_people(chain, persons.merged_people(grouped(ledger, found, ()).get((), [])))


def touched(rows: Chains, flipped: Collection[int], strangers: Collection[int] = ()) -> list[Key]:
    """Rows that the flipped entries spoke of, or that were said to be of these persons."""
    return [
        key
        for key, chain in rows.items()
        if any(
            change.journal_id in flipped
            or any(image is not None and image.get("person_id") in strangers for image in (change.before, change.after))
            for change in chain
        )
    ]


def faces_of(
    db: sqlite3.Connection, flipped: Collection[int], clusters: Collection[int], strangers: Collection[int]
) -> list[int]:
    """Faces that these entries spoke of, that were once in one of these clusters, or said to be one of these people."""
    rows = db.execute(
        f"""SELECT json_extract(coalesce(before, after), '$.face_id') FROM journal_change
            WHERE table_name IN {TABLES} AND journal_id IN (SELECT value FROM json_each(?1))
            UNION
            SELECT json_extract(coalesce(before, after), '$.face_id') FROM journal_change
            WHERE ?2 <> '[]' AND table_name IN ('face', 'rejection')
              AND (json_extract(before, '$.cluster_id') IN (SELECT value FROM json_each(?2))
                   OR json_extract(after, '$.cluster_id') IN (SELECT value FROM json_each(?2)))
            UNION
            SELECT json_extract(coalesce(before, after), '$.face_id') FROM journal_change
            WHERE ?3 <> '[]' AND table_name IN ('label', 'rejection')
              AND (json_extract(before, '$.person_id') IN (SELECT value FROM json_each(?3))
                   OR json_extract(after, '$.person_id') IN (SELECT value FROM json_each(?3)))""",
        [json.dumps(sorted(each)) for each in (flipped, clusters, strangers)],
    )
    return [row[0] for row in rows]


TABLES = f"({', '.join(repr(table) for table in OF_FACES)})"


def face_chains(db: sqlite3.Connection, ledger: Ledger, face_ids: str) -> dict[int, list[Change]]:
    rows = db.execute(
        f"""{CHANGES} WHERE table_name IN {TABLES}
              AND json_extract(coalesce(before, after), '$.face_id') IN (SELECT value FROM json_each(?))
            ORDER BY journal_id, change_no""",
        (face_ids,),
    )
    return {key[0]: chain for key, chain in grouped(ledger, rows, ("face_id",)).items()}
