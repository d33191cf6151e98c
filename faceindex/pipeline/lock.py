"""One scan at a time: a lock that names who holds it, and falls with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from faceindex.db import now
from faceindex.errors import FaceindexError, ScanRunning


@contextlib.contextmanager
def scan_lock(index: Path) -> Iterator[None]:
    """Hold the index for scanning; raises ScanRunning, naming the holder, where another scan does.

    The kernel lets go of an flock when its process ends in whatever way, so no stale lock can remain.
    """
    index = index.resolve()  # one lock, by whatever link the index was reached
    path = index.with_name(index.name + ".lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FaceindexError(f"cannot write {path}: {error.strerror}; check the folder's permissions") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScanRunning(f"another scan is running ({_holder(handle)}); let it finish") from None
        except OSError as error:
            raise FaceindexError(f"cannot lock {path}: {error.strerror}; keep the index on a local disk") from error
        os.ftruncate(handle, 0)
        me = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
        os.pwrite(handle, json.dumps(me).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        who = json.loads(os.pread(handle, 4096, 0))
        return f"process {who['pid']} on {who['host']} since {who['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has just started"
