"""Has the system fetch the next file while this one is looked at: a slow disk and the processor work at once.

Done in the worker, which reads photos anyway: a mount that hangs must not hang the parent.
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress

MOST = 64 * 2**20  # bytes of a file; more could push out of memory what is still to be read
CHUNK = 2**18

_fetching = threading.Lock()  # held while one is fetched: on a disk that cannot keep up, no second one joins


def open_file(path: str) -> int:
    """Open for reading what was a file when the crawler saw it and may be anything now; return its handle."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


def fetch(path: str | None) -> None:
    """Bring the start of a file into the system's cache, in a thread that nobody waits for."""
    if path is None or not _fetching.acquire(blocking=False):
        return
    try:
        threading.Thread(target=_fetch, args=(path,), daemon=True).start()
    except RuntimeError:  # no thread to be had; then it is read in its turn
        _fetching.release()


def _fetch(path: str) -> None:
    try:
        # Whatever is wrong with the file is found, and said, when it is read in its turn.
        with suppress(OSError, ValueError, MemoryError):
            _read_through(path)
    finally:
        _fetching.release()


def _read_through(path: str) -> None:
    # Reading works wherever there is a cache. posix_fadvise(WILLNEED) does not exist on macOS, and Linux cuts
    # each request to the read-ahead window of the device, often 128 KiB.
    with open(open_file(path), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return
        chunk = bytearray(CHUNK)
        left = MOST
        while left > 0 and (count := file.readinto(chunk)):
            left -= count
