"""Every change a human makes is one entry, and any entry can be taken back, however many came after it.

entry        makes one                     (recording.py)
entries, one lists them                    (recording.py)
undo         takes back the last ones
take_back    takes back these; of one that took others back itself, it brings those back

To take back is an entry too, so it can be taken back itself. Which entries stand follows from that; what each
row ought to be follows from which entries stand (telling.py, history.py, persons.py); the difference is written
(restoring.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from faceindex.db import now, transaction
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import restoring, telling
from faceindex.store.recording import JOURNALLED, UNDO, Entry, entries, entry, one

__all__ = ["JOURNALLED", "UNDO", "Entry", "entries", "entry", "one", "take_back", "undo"]

TOLD = 3  # summaries that one entry repeats


def undo(db: sqlite3.Connection, number: int = 1) -> list[Entry]:
    """Take back the last `number` entries that stand, newest first; all or none.

    Raises FaceindexError where there are not so many, or where something that came later stands on
    one of them.
    """
    with transaction(db):
        standing = [e for e in entries(db, -1) if e.undone_at is None and e.command != UNDO]
        if len(standing) < number:
            raise FaceindexError(_too_few(len(standing)))
        return take_back(db, [done.journal_id for done in standing[:number]])


def _too_few(there: int) -> str:
    if not there:
        return "there is nothing to undo"
    return f"there {'are' if there > 1 else 'is'} only {there} change{'s' * (there > 1)} to undo"


def take_back(db: sqlite3.Connection, journal_ids: Sequence[int]) -> list[Entry]:
    """Take back these entries, whatever came after them; all or none. Returns them, newest first.

    What nobody spoke of since is as it was before them; what a later entry said stays as it said. A cluster
    that was merged away gets its faces back from wherever its likes were carried since.
    Raises UsageProblem where there is no such entry, or it does not stand; FaceindexError where it cannot be.
    """
    try:
        with transaction(db):
            return _take_back(db, sorted(set(journal_ids), reverse=True))
    except sqlite3.IntegrityError as error:
        raise FaceindexError("that cannot be undone, because later work stands on it; nothing was changed") from error


def _take_back(db: sqlite3.Connection, journal_ids: Sequence[int]) -> list[Entry]:
    known = {each.journal_id: each for each in entries(db, -1)}
    for number in journal_ids:
        _refuse(known.get(number), number)
    done = [known[number] for number in journal_ids]
    with entry(db, UNDO, _summary(done)) as by_id:
        db.executemany("INSERT INTO undone (by_id, journal_id) VALUES (?, ?)", [(by_id, n) for n in journal_ids])
        before, after = {n for n, each in known.items() if each.undone_at is None}, _standing(db)
        flipped = before ^ (after - {by_id})
        for number in flipped:
            if known[number].erased:
                _refuse(known[number], number)
        db.executemany(
            "UPDATE journal SET undone_at = ? WHERE journal_id = ?",
            [(None if number in after else now(), number) for number in flipped],
        )
        restoring.restore(db, _ledger(db, after), flipped, fallen=before - after)
    return done


def _refuse(found: Entry | None, number: int) -> None:
    """Say why an entry cannot be taken back, if it cannot."""
    if found is None:
        raise UsageProblem(f"there is no entry {number}; 'faceindex journal' lists those there are")
    if found.erased:
        raise FaceindexError(
            f"entry {number} spoke of somebody who was forgotten for good, so it cannot be undone; "
            "'faceindex undo ENTRY' takes back another"
        )
    if found.undone_by is not None:
        raise UsageProblem(
            f"entry {number} was taken back by entry {found.undone_by}; "
            f"'faceindex undo {found.undone_by}' brings it back"
        )
    if found.undone_at is not None:
        raise UsageProblem(f"entry {number} was taken back already, by an older version of faceindex")


def _summary(done: Sequence[Entry]) -> str:
    told = [each.brings or each.summary for each in done]
    more = f" and {len(told) - TOLD} more" if len(told) > TOLD else ""
    back = "brought back" if done[0].summary.startswith("taken back: ") else "taken back"
    return f"{back}: {'; '.join(told[:TOLD])}{more}"


def _standing(db: sqlite3.Connection) -> set[int]:
    """Entries that were not taken back by an entry that stands itself."""
    takes: dict[int, list[int]] = {}
    for by_id, journal_id in db.execute("SELECT by_id, journal_id FROM undone"):
        takes.setdefault(by_id, []).append(journal_id)
    # Taken back by a version that did not write down by what: for good.
    fallen = {
        row[0]
        for row in db.execute(
            """SELECT journal_id FROM journal WHERE undone_at IS NOT NULL
               AND journal_id NOT IN (SELECT journal_id FROM undone)"""
        )
    }
    standing = set()
    for (number,) in db.execute("SELECT journal_id FROM journal ORDER BY journal_id DESC"):
        if number not in fallen:
            standing.add(number)
            fallen.update(takes.get(number, ()))
    return standing


def _ledger(db: sqlite3.Connection, standing: set[int]) -> telling.Ledger:
    answers: dict[int, frozenset[int]] = {}
    for by_id, journal_id in db.execute("SELECT by_id, journal_id FROM undone ORDER BY by_id"):
        reached = answers.get(journal_id, frozenset()) | {journal_id}
        answers[by_id] = answers.get(by_id, frozenset()) | reached
    return telling.Ledger(standing, answers)
