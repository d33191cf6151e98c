"""Whether a file is an index we can use, told from its first bytes.

SQLite itself is not asked: it would lay -wal and -shm files beside another program's database, and
recover one that crashed. The format: sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import os
from pathlib import Path

from faceindex.errors import CorruptIndex, NewerIndex, NotAnIndex

APPLICATION_ID = 0x46414349  # "FACI"
MAGIC = b"SQLite format 3\x00"

# Where the head of a file keeps what we need; all numbers are big-endian.
PAGE_SIZE_AT, CHANGES_AT, PAGES_AT, VERSION_AT, APPLICATION_AT, VALID_AT = 16, 24, 28, 60, 68, 92
CELLS_AT = 103  # how many entries the first page of the list of tables has
HEAD = 108  # bytes we read

# The log beside it, -wal: a head of its own, then frames; a frame is the number of a page, other
# things, and the page.
LOG_HEAD, LOG_PAGE_SIZE_AT, FRAME_HEAD, FRAME_PAGE_AT = 32, 8, 24, 0


def refuse_foreign(path: Path, newest: int) -> None:
    """Raise NotAnIndex, NewerIndex or CorruptIndex unless path is an index of schema `newest` or older.

    A database without a table or a mark may pass: another process is just making our index of it.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if len(head) < HEAD or not head.startswith(MAGIC):
        raise NotAnIndex(f"{path} is not a faceindex index; choose another file with --db")
    if _is_blank(head):
        head = _logged_head(path) or head
    if _number(head, APPLICATION_AT) != APPLICATION_ID and not _is_blank(head):
        raise NotAnIndex(f"{path} is another program's database; choose another file with --db")
    version = _number(head, VERSION_AT)
    if version > newest:
        raise newer(path, version, newest)
    # The log first: when it is gone, all it held is in the file.
    if not _log_size(path) and path.stat().st_size < _announced_size(head):
        raise CorruptIndex(f"{path} is damaged (cut short); bring back a copy with 'faceindex restore'")


def newer(path: Path, version: int, newest: int) -> NewerIndex:
    """The sentence for an index that this program is too old for."""
    return NewerIndex(
        f"{path} was written by a newer faceindex (schema {version}, this one knows {newest}); update faceindex"
    )


def _number(head: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(head[at : at + size], "big")


def _is_blank(head: bytes) -> bool:
    """Whether this is the head of a database that nobody has put anything into."""
    return not (_number(head, APPLICATION_AT) or _number(head, VERSION_AT) or _number(head, CELLS_AT, 2))


def _announced_size(head: bytes) -> int:
    """Bytes the file must have at least; 0 where its head does not say."""
    page = _number(head, PAGE_SIZE_AT, 2)
    valid = _number(head, CHANGES_AT) == _number(head, VALID_AT)
    return _number(head, PAGES_AT) * (65536 if page == 1 else page) if valid else 0


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _log_size(path: Path) -> int:
    """Bytes of changes that wait beside the file, which is then not the whole truth."""
    try:
        return _log_of(path).stat().st_size
    except FileNotFoundError:
        return 0


def _logged_head(path: Path) -> bytes | None:
    """The newest head of the file in the log beside it, if one is there."""
    head = None
    try:
        with open(_log_of(path), "rb") as log:
            page = _number(log.read(LOG_HEAD), LOG_PAGE_SIZE_AT)
            while len(frame := log.read(FRAME_HEAD)) == FRAME_HEAD:
                start = log.read(HEAD)
                if _number(frame, FRAME_PAGE_AT) == 1 and len(start) == HEAD:
                    head = start
                log.seek(page - HEAD, os.SEEK_CUR)
    except FileNotFoundError:
        return None
    return head
