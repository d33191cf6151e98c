"""Files that other programs keep beside photos: read without following a link, written whole or not at all.

former     what is there
settle     have it say something else, or show how it would change
sweep      take away what a killed export left behind

No file but a sidecar or a .picasa.ini is ever written to, whatever its folder holds.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from faceindex.models import PHOTO_SUFFIXES
from faceindex.store.paths import shown

Show = Callable[[str], object]  # is told a line
Change = Literal["new", "changed", "removed", "same"]
LARGEST = 16 * 2**20  # bytes of a file that is read at all
WRITABLE = (".xmp", "picasa.ini")  # how names end of which we ever write one
UNFINISHED = re.compile(r"\.faceindex-\d+\.unfinished")


class Left(Exception):
    """A file must stay as it is; a clause that follows its path."""


@dataclass(frozen=True, slots=True)
class Former:
    """A file as it was read."""

    content: bytes
    status: os.stat_result


@dataclass(slots=True)
class Outcome:
    """What an export did, and could not do."""

    counts: Counter[Change] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)  # files that stay as they are, each with why
    failed: list[str] = field(default_factory=list)  # places that cannot be written, each with why


def former(path: str) -> Former | None:
    """The file at `path`, None where there is none; raises Left where it is nothing to be written over."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not wait
        with open(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise Left("is no regular file")
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Left("is a link" if os.path.islink(path) else f"cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise Left(f"is larger than {LARGEST >> 20} MB")
    return Former(content, status)


def settle(path: str, was: Former | None, content: bytes | None, out: Outcome, show: Show | None) -> None:
    """Have a file hold this, None: be gone, and count it; only say how it would change where `show` is given.

    Raises Left, or OSError where the folder cannot be written.
    """
    before = was.content if was else None
    if content == before:
        out.counts["same"] += before is not None
        return
    if show is not None:
        for line in difference(path, before, content):
            show(line)
    elif content is None:
        _check(path, was)
        os.remove(path)
    else:
        _write(path, was, content)
    out.counts["removed" if content is None else "changed" if was else "new"] += 1


def difference(path: str, before: bytes | None, after: bytes | None) -> Iterator[str]:
    """A unified diff, as lines that any terminal can show."""
    old, new = ((content or b"").decode("utf-8", "surrogateescape").splitlines() for content in (before, after))
    name = shown(path)
    here, there = ("/dev/null" if content is None else name for content in (before, after))
    for line in difflib.unified_diff(old, new, here, there, lineterm=""):
        yield shown(line)


def sweep(folder: str, names: Iterable[str]) -> None:
    """Take away what an export was about to write into a folder when it was killed."""
    for name in names:
        if UNFINISHED.fullmatch(name):
            with contextlib.suppress(OSError):
                os.remove(f"{folder}/{name}")


@contextlib.contextmanager
def reported(path: str, out: Outcome) -> Iterator[None]:
    """A file that must stay as it is is a line of the report."""
    try:
        yield
    except Left as why:
        out.left.append(f"{shown(path)} {why}")


def _write(path: str, was: Former | None, content: bytes) -> None:
    """Beside it first, then in its place: nobody ever finds half a file."""
    unfinished = f"{os.path.dirname(path)}/.faceindex-{os.getpid()}.unfinished"
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if was:
                _as_before(handle, was.status)
            os.fsync(handle)
        _check(path, was)
        os.rename(unfinished, path)
    except BaseException:  # Ctrl-C, too
        with contextlib.suppress(OSError):
            os.remove(unfinished)
        raise


def _as_before(handle: int, status: os.stat_result) -> None:
    with contextlib.suppress(PermissionError):  # who belongs to no such group cannot give a file to it
        os.fchown(handle, status.st_uid, status.st_gid)
    with contextlib.suppress(PermissionError):  # some network disks have no permissions
        os.fchmod(handle, stat.S_IMODE(status.st_mode))


def _check(path: str, was: Former | None) -> None:
    """The last look before a file is written over: one of those it is, and still as it was read."""
    name = os.path.basename(path).lower()
    if not name.endswith(WRITABLE) or os.path.splitext(name)[1] in PHOTO_SUFFIXES:
        raise RuntimeError(f"{path} must never be written; please report this")
    try:
        now = os.lstat(path)
    except FileNotFoundError:
        now = None
    if _mark(now) != _mark(was.status if was else None):
        raise Left("was changed by another program just now; export again")


def _mark(status: os.stat_result | None) -> Collection[int] | None:
    return status and (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
