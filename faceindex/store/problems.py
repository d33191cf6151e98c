"""What could not be handled: remembered, tried again a bounded number of times, never dropped."""

from __future__ import annotations

import json
import sqlite3

from faceindex.db import now
from faceindex.models import Problem
from faceindex.store.paths import shown

# How many runs may try in all. Bytes that are damaged stay damaged: once, until the file changes
# or the user asks. The rest may be the disk's or the night's fault.
TRIES = {
    "unreadable": 5, "changing": 5, "timeout": 2, "crash": 2, "memory": 2,
    "corrupt": 1, "too-large": 1, "unexpected": 3,
}  # fmt: skip


def record(db: sqlite3.Connection, run_id: int, problem: Problem, *, file_id: int) -> bool:
    """Remember what happened to a file; True if it is news, not a further try."""
    return _record(db, run_id, problem, "file_id", file_id)


def record_folder(db: sqlite3.Connection, run_id: int, problem: Problem, *, folder_id: int) -> bool:
    """Remember that a folder could not be read; every run looks again."""
    return _record(db, run_id, problem, "folder_id", folder_id)


def _record(db: sqlite3.Connection, run_id: int, problem: Problem, column: str, key: int) -> bool:
    before = db.execute(f"SELECT tries FROM problem WHERE {column} = ?", (key,)).fetchone()
    tries = before["tries"] + 1 if before else 1
    retry = column == "folder_id" or tries < TRIES[problem.kind]
    db.execute(
        f"""INSERT INTO problem ({column}, stage, kind, message, tries, retry, first_at, last_at, run_id)
            VALUES (:key, :stage, :kind, :message, :tries, :retry, :now, :now, :run_id)
            ON CONFLICT ({column}) WHERE {column} IS NOT NULL DO UPDATE SET
                stage = :stage, kind = :kind, message = :message,
                tries = :tries, retry = :retry, last_at = :now, run_id = :run_id""",
        {
            "key": key, "stage": problem.stage, "kind": problem.kind, "message": shown(problem.message),
            "tries": tries, "retry": retry, "now": now(), "run_id": run_id,
        },
    )  # fmt: skip
    return before is None


def solved(db: sqlite3.Connection, file_id: int) -> None:
    """Forget a file's problem: it was handled."""
    db.execute("DELETE FROM problem WHERE file_id = ?", (file_id,))


def changed(db: sqlite3.Connection, file_id: int) -> None:
    """Forget a file's problem, which other bytes need not have.

    Of a file that is no photo and changes whenever it is read, a log perhaps, this is nothing new: it is tried again.
    """
    db.execute(
        """DELETE FROM problem WHERE file_id = :file_id
           AND NOT (kind = 'changing' AND (SELECT kind FROM file WHERE file_id = :file_id) = 'other')""",
        {"file_id": file_id},
    )
    db.execute("UPDATE problem SET retry = 1 WHERE file_id = ?", (file_id,))


def retry_too_large(db: sqlite3.Connection, run_id: int) -> None:
    """Let this run try what was refused under other limits than its own."""
    db.execute(
        """UPDATE problem SET retry = 1 WHERE kind = 'too-large'
           AND (SELECT json_extract(options, '$.limits') FROM run WHERE run.run_id = problem.run_id)
               IS NOT (SELECT json_extract(options, '$.limits') FROM run WHERE run_id = ?)""",
        (run_id,),
    )


def solved_copies(db: sqlite3.Connection, digest: bytes) -> None:
    """Forget that this picture could not be examined, whatever file it was met in; they are read once more."""
    db.execute(
        "DELETE FROM problem WHERE stage = 'examine' AND file_id IN (SELECT file_id FROM file WHERE digest = ?)",
        (digest,),
    )


def of_path(db: sqlite3.Connection, path: str) -> str | None:
    """Why the file at this path could not be handled; None where it could, or is not known."""
    row = db.execute("SELECT message FROM problems WHERE path = ?", (shown(path),)).fetchone()
    return str(row[0]) if row else None


def troubled_folders(db: sqlite3.Connection) -> set[int]:
    """folder_ids with an open problem."""
    return {row[0] for row in db.execute("SELECT folder_id FROM problem WHERE folder_id IS NOT NULL")}


def solved_folder(db: sqlite3.Connection, folder_id: int) -> None:
    """Forget a folder's problem: it could be read again."""
    db.execute("DELETE FROM problem WHERE folder_id = ?", (folder_id,))


def retry(db: sqlite3.Connection, problem_ids: list[int] | None = None) -> int:
    """Let the next run try these again, by default all; returns how many.

    With a picture go its copies: while one of them is given up, none is tried.
    """
    if problem_ids is None:
        return db.execute("UPDATE problem SET tries = 0, retry = 1").rowcount
    return db.execute(
        """UPDATE problem SET tries = 0, retry = 1
           WHERE problem_id IN (SELECT value FROM json_each(:chosen)) OR file_id IN (
               SELECT copy.file_id FROM problem JOIN file USING (file_id) JOIN file AS copy USING (digest)
               WHERE problem_id IN (SELECT value FROM json_each(:chosen)))""",
        {"chosen": json.dumps(problem_ids)},
    ).rowcount
