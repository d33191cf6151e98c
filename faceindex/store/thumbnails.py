"""Small pictures of photos and faces, in a file of their own beside the index: bounded, and safe to delete.

A photo's is known by its digest, a face's by the digest and the box, so they stay right whatever becomes of the
index. What is missing is made again by whoever needs it. The oldest go when the file is as large as it may be.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from faceindex.models import Box

SUFFIX = ".thumbnails"
MARK = 0x46414354  # "FACT": application_id
VERSION = 1
BUSY_MS = 500  # rather do without than wait
AT_ONCE = 64  # this part of the file is let go at once when it is full

SCHEMA = f"""
CREATE TABLE thumbnail (
    number INTEGER PRIMARY KEY,       -- in the order they came
    key    BLOB NOT NULL UNIQUE,      -- digest of the photo; and the box of the face
    jpeg   BLOB NOT NULL
) STRICT;
PRAGMA application_id = {MARK};
PRAGMA user_version = {VERSION};
"""


def beside(index: Path) -> Path:
    """Where the small pictures of an index are."""
    return index.with_name(index.name + SUFFIX)


def key(digest: bytes, box: Box | None = None) -> bytes:
    """What a photo, or a face on it, is known by."""
    if box is None:
        return digest
    sides = (min(max(round(side * 65535), 0), 65535) for side in (box.left, box.top, box.right, box.bottom))
    return digest + struct.pack("<4H", *sides)


@contextlib.contextmanager
def opened(index: Path) -> Iterator[sqlite3.Connection | None]:
    """The small pictures of an index, made empty where there are none; None where that cannot be."""
    db = connect(index)
    try:
        yield db
    finally:
        if db is not None:
            db.close()


def connect(index: Path) -> sqlite3.Connection | None:
    """As opened(), for whoever closes it. A file that is damaged, or of another kind, makes way for a new one."""
    path = beside(index)
    for attempt in range(2):
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if attempt or isinstance(error, sqlite3.OperationalError):
                return None
            for name in (path, path.with_name(path.name + "-journal")):
                with contextlib.suppress(OSError):
                    name.unlink()
        except OSError:
            return None
    return None


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))  # private, as the index is
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA journal_mode = DELETE")  # one file, so that it may be deleted at any time
        db.execute("PRAGMA synchronous = OFF")  # what a pulled plug takes is made again
        kind, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if (kind, version) == (0, 0) and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        elif (kind, version) != (MARK, VERSION):
            raise sqlite3.DatabaseError("another kind of file, or of another version")
    except BaseException:
        db.close()
        raise
    return db


def get(db: sqlite3.Connection | None, wanted: bytes) -> bytes | None:
    """The JPEG of this key; None where it is not there."""
    if db is None:
        return None
    try:
        row = db.execute("SELECT jpeg FROM thumbnail WHERE key = ?", (wanted,)).fetchone()
    except sqlite3.DatabaseError:
        return None
    return bytes(row[0]) if row else None


def put(db: sqlite3.Connection | None, made: Iterable[tuple[bytes, bytes]], most: int) -> None:
    """Keep these (key, JPEG), and let the oldest go where the file would have more than `most` bytes.

    Where that cannot be, because somebody else writes or the disk is full, nothing is kept.
    """
    rows = list(made)
    if db is None or not rows or most <= 0:
        return
    with contextlib.suppress(sqlite3.DatabaseError):
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany("INSERT INTO thumbnail (key, jpeg) VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
            _trim(db, most)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def drop(db: sqlite3.Connection | None, gone: Iterable[bytes]) -> None:
    """Erase the pictures of these keys, so that nothing of them stays in the file."""
    if db is None:
        return
    db.execute("PRAGMA secure_delete = ON")
    db.execute("BEGIN IMMEDIATE")
    db.executemany("DELETE FROM thumbnail WHERE key = ?", [(key,) for key in gone])
    db.execute("COMMIT")


def _trim(db: sqlite3.Connection, most: int) -> None:
    pages, free, each = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    while (pages - free) * each > most:
        gone = db.execute(
            """DELETE FROM thumbnail WHERE number IN (
                   SELECT number FROM thumbnail ORDER BY number
                   LIMIT (SELECT 1 + count(*) / ? FROM thumbnail))""",
            (AT_ONCE,),
        )
        if not gone.rowcount:
            return
        free = db.execute("PRAGMA freelist_count").fetchone()[0]
