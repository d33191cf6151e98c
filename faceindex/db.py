"""Open, create, migrate, check and back up an index file; knows nothing of photos.

open_index()    an existing or new file → connection, after refusing what is not ours
migrate()       an older file, step by step: backup first, each step one transaction, then a check
transaction()   BEGIN IMMEDIATE … COMMIT, rolled back on any error
check()         what SQLite itself finds wrong, as sentences
backup()        a consistent copy, also while a scan writes
restore()       such a copy in the index's place, the former one put aside
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path

from faceindex import header
from faceindex.errors import CorruptIndex, DiskFull, FaceindexError, IndexProblem, NotAnIndex

BUSY_TIMEOUT_MS = 30_000
MIGRATION_NAME = re.compile(r"^(\d{4})_\w+\.sql$")


@dataclass(frozen=True, slots=True)
class Scripts:
    """The text of a new index, and of the steps that lead an older one to it."""

    schema: str
    migrations: tuple[tuple[int, str], ...]  # (user_version it leads to, SQL), ascending

    @property
    def version(self) -> int:
        return self.migrations[-1][0]


def scripts(folder: Path | None = None) -> Scripts:
    """Read schema.sql and migrations/ from folder; by default those that belong to this program."""
    folder = folder or _sql_folder()
    steps = [
        (int(found[1]), path)
        for path in sorted((folder / "migrations").iterdir())
        if (found := MIGRATION_NAME.match(path.name))
    ]
    return Scripts(
        (folder / "schema.sql").read_text("utf-8"),
        tuple((number, path.read_text("utf-8")) for number, path in steps),
    )


def _sql_folder() -> Path:
    """In a wheel the SQL lies inside the package, in a checkout beside it."""
    packaged = Path(str(files("faceindex"))) / "sql"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent


def now() -> str:
    """This moment as the index writes times, UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def open_index(path: Path, *, create: bool = True, sql: Scripts | None = None) -> sqlite3.Connection:
    """Connect to the index at path, made or migrated as need be.

    Raises NotAnIndex, NewerIndex, CorruptIndex (the file is not touched then), or FaceindexError
    where there is none and create is false, or the folder cannot be made.
    """
    sql = sql or scripts()
    path = path.absolute()  # ":memory:" would be no file
    with _told(path):
        if not path.exists() or path.stat().st_size == 0:
            if not create:
                raise FaceindexError(f"there is no index at {path} yet; run 'faceindex scan FOLDER' first")
            _create_empty(path)
        elif not any(db.is_of(path) for db in _OPEN):
            header.refuse_foreign(path, sql.version)
        db = _connect(path)
        try:
            _make_current(db, path, sql)
        except BaseException:
            db.close()
            raise
        return db


class _Connection(sqlite3.Connection):
    """Known to this process as long as it is open.

    POSIX drops every lock that a process holds on a file when it closes any handle of that file. So the
    first bytes are not read past SQLite while it has the file open: they were checked when it opened it.
    """

    inode: tuple[int, int] | None = None

    def is_of(self, path: Path) -> bool:
        status = path.stat()
        return self.inode == (status.st_dev, status.st_ino)

    def close(self) -> None:
        _OPEN.discard(self)
        super().close()


_OPEN: weakref.WeakSet[_Connection] = weakref.WeakSet()


def _create_empty(path: Path) -> None:
    """Make the file with mode 0600 before SQLite opens it: it will hold biometric data."""
    if path.exists() and not path.is_file():
        raise NotAnIndex(f"{path} is no ordinary file; choose another with --db")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.fchmod(handle, 0o600)  # it may have been there, empty
    os.close(handle)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000, factory=_Connection)
    try:
        status = path.stat()
        db.inode = status.st_dev, status.st_ino
        _OPEN.add(db)
        db.row_factory = sqlite3.Row
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a damaged file stops us here, before we write
        _use_log(db)
        # A human's word must survive a pulled plug; scans relax this for their own work.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA trusted_schema = OFF")
        # Else INSERT OR REPLACE deletes a row without telling the journal.
        db.execute("PRAGMA recursive_triggers = ON")
    except BaseException:
        db.close()
        raise
    return db


def _use_log(db: sqlite3.Connection) -> None:
    """WAL: readers and the one writer do not wait for each other."""
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Another process is just doing the same; SQLite's own patience does not cover this.
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _make_current(db: sqlite3.Connection, path: Path, sql: Scripts) -> None:
    version = schema_version(db)
    if version == sql.version:
        return
    if version > sql.version:
        raise header.newer(path, version, sql.version)
    if version:
        migrate(db, path, sql)
        return
    with _rebuilding(db), transaction(db):
        _take_step(db, sql.schema, sql.version)


def schema_version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(db: sqlite3.Connection, path: Path, sql: Scripts) -> None:
    """Lead an older index to today's shape; a backup beside it (faces.db.v1.bak) is made first and kept.

    Each step and its record (user_version) are one transaction, with a foreign-key check before it
    is kept; a step that fails leaves the index as it was. A damaged index is not migrated.
    """
    if not (soundness := db.execute("PRAGMA quick_check(1)").fetchone()[0]) == "ok":
        raise CorruptIndex(f"{path} is damaged ({soundness}); bring back a copy with 'faceindex restore'")
    saved = not schema_version(db)  # nothing is there yet
    with _rebuilding(db):
        for number, step in sql.migrations:
            with transaction(db):
                version = schema_version(db)
                if version >= number:
                    continue  # another process took this step while we waited for the lock
                if version and not saved:
                    _save_version(path, version)
                    saved = True
                _take_step(db, step, number)


def _save_version(path: Path, version: int) -> None:
    """Back up under our write lock: no word said in between can be missing from the copy.

    There is one copy for each version, as it was last: a step that fails every night must not fill the disk.
    """
    half = path.with_name(f"{path.name}.v{version}.bak-unfinished")
    half.unlink(missing_ok=True)  # of a process that was killed
    with contextlib.closing(sqlite3.connect(path)) as reader:
        os.replace(backup(reader, half), half.with_suffix(".bak"))


@contextlib.contextmanager
def _rebuilding(db: sqlite3.Connection) -> Iterator[None]:
    """Let tables be replaced: nothing is dragged along, neither rows nor the views that name them."""
    # Neither can be switched inside a transaction. Foreign keys are checked at the end of each step.
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("PRAGMA legacy_alter_table = ON")
    try:
        yield
    finally:
        db.execute("PRAGMA legacy_alter_table = OFF")
        db.execute("PRAGMA foreign_keys = ON")


def _take_step(db: sqlite3.Connection, script: str, number: int) -> None:
    if schema_version(db) >= number:
        return  # another process took this step while we waited for the lock
    for statement in statements(script):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {number}")
    dangling = len(db.execute("PRAGMA foreign_key_check").fetchall())
    if dangling:
        raise IndexProblem(
            f"schema step {number} would leave {dangling} dangling rows, so it was not kept; please report this"
        )


def statements(script: str) -> Iterator[str]:
    """Split a script; executescript() would commit first and open no transaction of its own."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip() and not all(line.startswith("--") for line in statement.split("\n") if line.strip()):
        raise ValueError(f"unfinished SQL: {statement.strip()[:60]}")


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, with the write lock taken at the start; nests as part of the outer one."""
    if db.in_transaction:
        yield db
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite rolls back by itself when the disk is full
            db.execute("ROLLBACK")
        raise


def check(db: sqlite3.Connection) -> list[str]:
    """What is wrong with the file by SQLite's own tests; empty when it is sound."""
    try:
        found = [row[0] for row in db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        found += [
            f"row {row[1]} of {row[0]} points to a missing row of {row[2]}"
            for row in db.execute("PRAGMA foreign_key_check")
        ]
    except sqlite3.DatabaseError as error:  # too damaged even to be checked to the end
        return [str(error)]
    return found


def backup(db: sqlite3.Connection, target: Path) -> Path:
    """Copy the whole index to target (mode 0600), consistent even while others write.

    Raises FaceindexError if target exists.
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise FaceindexError(f"{target} exists already; name another file") from None
    except OSError as error:
        raise FaceindexError(f"cannot write {target}: {error.strerror}; name another place") from error
    try:
        with _told(target), contextlib.closing(sqlite3.connect(target)) as copy:
            db.backup(copy)  # in one go: by parts, it starts again after every change a scan makes
            copy.execute("PRAGMA journal_mode = DELETE")  # one file to carry away, no -wal beside it
    except BaseException:
        target.unlink()
        raise
    return target


def restore(copy: Path, index: Path) -> Path | None:
    """Put a copy made by backup() in the index's place; returns where the former index is now, if there was one.

    The former index keeps its log: left beside the copy, SQLite would replay it into that.
    Raises NotAnIndex, NewerIndex or CorruptIndex where the copy is no sound index; nothing is changed then.
    """
    index = index.absolute()
    if not copy.is_file():
        raise FaceindexError(f"there is no file {copy}; name a copy made by 'faceindex backup'")
    with _told(copy):
        header.refuse_foreign(copy, scripts().version)
        with contextlib.closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            (soundness,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if soundness != "ok":
            raise CorruptIndex(f"{copy} is damaged ({soundness}); restore another copy")
    with _told(index):
        index.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        ready = index.with_name(index.name + ".restoring")
        try:
            _copy_whole(copy, ready)
            former = _put_aside(index)
            os.replace(ready, index)
        except BaseException:
            ready.unlink(missing_ok=True)
            raise
    return former


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file to a private one, and have the disk hold all of it before anything else happens."""
    with open(source, "rb") as read, open(os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as write:
        shutil.copyfileobj(read, write)
        write.flush()
        os.fsync(write.fileno())


def _put_aside(index: Path) -> Path | None:
    """Rename an index and its log, so that both stay together."""
    if not index.exists():
        return None
    former = index.with_name(f"{index.name}.replaced-{datetime.now():%Y%m%d-%H%M%S}.bak")
    for suffix in ("-wal", "-shm", ""):
        beside = index.with_name(index.name + suffix)
        if beside.exists():
            os.replace(beside, former.with_name(former.name + suffix))
    return former


FULL = ("disk is full", "disk I/O error")
DAMAGED = ("malformed", "not a database", "file is encrypted")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise told(error, path) from error
    except OSError as error:
        raise FaceindexError(f"cannot open {path}: {error.strerror}; choose another place with --db") from error


def told(error: sqlite3.DatabaseError, path: Path) -> BaseException:
    """The sentence for what SQLite says happened to the index; a bug is handed back as it is."""
    text = str(error)
    if any(phrase in text for phrase in FULL):
        return DiskFull(f"the disk that holds {path} is full or failing ({text}); free space and run again")
    if any(phrase in text for phrase in DAMAGED):
        return CorruptIndex(f"{path} is damaged ({text}); bring back a copy with 'faceindex restore'")
    if "locked" in text:
        return FaceindexError(f"another program keeps {path} locked; close it and try again")
    if "readonly" in text or "unable to open" in text:
        return FaceindexError(f"cannot write {path} ({text}); check its permissions or use --db")
    return error
