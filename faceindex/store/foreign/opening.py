"""Another program's database, opened so that nothing is written beside it and nothing in it is run.

opened    an existing file → what rows() reads from
rows      what a query finds, or one sentence
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.header import MAGIC
from faceindex.store.paths import shown

BESIDE = ("-wal", "-journal")  # what SQLite lays beside a file that is, or was, being written
LONGEST = 16 * 2**20  # bytes of one value; longer ones are an error
LIMITS = {  # names in sqlite3, of Python 3.11 and later
    "SQLITE_LIMIT_LENGTH": LONGEST,
    "SQLITE_LIMIT_ATTACHED": 0,
    "SQLITE_LIMIT_TRIGGER_DEPTH": 1,
    "SQLITE_LIMIT_EXPR_DEPTH": 100,
}
ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_PRAGMA)
Tables = Mapping[str, Sequence[str]]  # table: columns


@dataclass(frozen=True, slots=True)
class Foreign:
    """A database that another program made."""

    db: sqlite3.Connection
    path: str
    program: str
    modified: float  # seconds since 1970


@contextlib.contextmanager
def opened(path: str, program: str, needed: Tables) -> Iterator[Foreign]:
    """A database of another program, to be read; raises UsageProblem where it is none, or lacks a table or a column.

    What waits in a log beside it counts, too: then all is copied, and the copy is read.
    """
    _refuse_other(path, program)
    with contextlib.ExitStack() as closing:
        target = Path(path).resolve()
        if any(_beside(target, suffix) for suffix in BESIDE):
            target = _copy(target, Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="faceindex-"))))
            mode = "rw"  # SQLite must be able to take the log in
        else:
            mode = "ro&immutable=1"
        db = closing.enter_context(contextlib.closing(_connect(target, mode)))
        foreign = Foreign(db, path, program, Path(path).stat().st_mtime)
        _refuse_shape(foreign, needed)
        yield foreign


def rows(foreign: Foreign, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    """What a query finds. Text that is not valid UTF-8 comes as os.fsdecode gives it."""
    try:
        yield from foreign.db.execute(query, values)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # even what SQLite says of a damaged file may be damaged
        why = str(error) if isinstance(error, sqlite3.Error) else "it is damaged"
        raise FaceindexError(
            f"{shown(foreign.path)} cannot be read ({shown(why)}); "
            f"close {foreign.program} and try again, or take a copy that is whole"
        ) from error


def _refuse_other(path: str, program: str) -> None:
    if not Path(path).is_file():
        there = f"{shown(path)} is no file" if Path(path).exists() else f"there is no file {shown(path)}"
        raise UsageProblem(f"{there}; name {program}'s database")
    try:
        with open(path, "rb") as file:
            begins = file.read(len(MAGIC))
    except OSError as error:
        raise FaceindexError(f"cannot read {shown(path)}: {error.strerror}; check its permissions") from error
    if begins != MAGIC:
        raise UsageProblem(f"{shown(path)} is no {program} database: it is no SQLite file")


def _beside(path: Path, suffix: str) -> Path | None:
    """A log beside the file with something in it."""
    log = path.with_name(path.name + suffix)
    return log if log.is_file() and log.stat().st_size else None


def _copy(path: Path, folder: Path) -> Path:
    """The database with what lies beside it, in a private folder; the log last, for it is what is written to."""
    try:
        for suffix in ("", *BESIDE):
            if not suffix or _beside(path, suffix):
                shutil.copyfile(path.with_name(path.name + suffix), folder / ("copy.db" + suffix))
    except OSError as error:
        raise FaceindexError(
            f"cannot copy {shown(str(path))}: {error.strerror}; make room, or close its program"
        ) from error
    return folder / "copy.db"


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None)
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON", "mmap_size = 0"):
        db.execute(f"PRAGMA {pragma}")
    if hasattr(db, "setlimit"):
        for name, most in LIMITS.items():
            db.setlimit(getattr(sqlite3, name), most)
    db.set_authorizer(_allow)
    return db


def _allow(action: int, *details: str | None) -> int:
    """Reading, and no more; nothing through a view, whose text is the file's."""
    *_, view = details
    if action not in ALLOWED or view is not None:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _refuse_shape(foreign: Foreign, needed: Tables) -> None:
    for table, columns in needed.items():
        # A view, or a table that a module makes up, would run what its text says.
        found = list(
            rows(
                foreign,
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name = ? COLLATE NOCASE",
                (table,),
            )
        )
        if not found:
            raise UsageProblem(f"{shown(foreign.path)} is no {foreign.program} database: it has no table {table}")
        there = {str(row[1]).lower() for row in rows(foreign, f'PRAGMA table_info("{table}")')}
        for column in columns:
            if column.lower() not in there:
                raise UsageProblem(
                    f"{shown(foreign.path)} is no {foreign.program} database that can be read: "
                    f"its table {table} has no column {column}"
                )


# ---------------------------------------------------------------------- values of whatever type


def text(value: object) -> str:
    """What ought to be text; empty where it is something else."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """What ought to be a whole number; None where it is something else."""
    return value if isinstance(value, int) else None


def number(value: object) -> float | None:
    """What ought to be a number of some use as a place in a picture; None where it is something else."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e9 else None
