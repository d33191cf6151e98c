"""A folder that an export keeps up to date: what in it is ours stands in a list there, all else is left alone.

The list is JSON lines: a header, then one entry for each path, written before what it names is made, so
that a killed export leaves nothing behind that nobody knows of. Of two entries for a path the last counts.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store.paths import shown

VERSION = 1
LONGEST_LINE = 20_000


@dataclass(slots=True)
class Folder:
    """An export's folder, open for writing."""

    path: str
    entries: dict[str, str]  # path below it to what was made there: empty, or what must still be so
    _list: TextIO
    used: set[str] = field(default_factory=set)  # paths that this export wants
    _folders: dict[str, bool] = field(default_factory=dict)  # below it: are they real ones?

    def at(self, relative: str) -> str:
        return f"{self.path}/{relative}"

    def claim(self, relative: str, mark: str = "") -> None:
        """Note that what is made here now is ours."""
        self.used.add(relative)
        if self.entries.get(relative) != mark:
            self.entries[relative] = mark
            _write_line(self._list, {"path": relative, "mark": mark})
            self._list.flush()

    def has_room(self, relative: str) -> bool:
        """Make the folders above a path; False where one of them is a file or a link, which leads elsewhere."""
        above = os.path.dirname(relative)
        if not above:
            return True
        if above not in self._folders:
            self._folders[above] = self.has_room(above) and _real_folder(self.at(above))
        return self._folders[above]

    def unused(self) -> list[str]:
        """Paths of ours that no export wants any more."""
        return [relative for relative in self.entries if relative not in self.used]

    def is_reached(self, relative: str) -> bool:
        """Whether a path's folders are there and none is a link."""
        parts = relative.split("/")[:-1]
        return all(_is_folder(self.at("/".join(parts[: n + 1]))) for n in range(len(parts)))

    def drop(self, relative: str) -> None:
        """Forget a path that was removed, and remove its folders where they are empty now."""
        del self.entries[relative]
        above = os.path.dirname(relative)
        while above and self.is_reached(f"{above}/x"):
            try:
                os.rmdir(self.at(above))
            except OSError:
                return
            self._folders.pop(above, None)
            above = os.path.dirname(above)


@contextlib.contextmanager
def opened(path: str, kind: str) -> Iterator[Folder]:
    """The folder of an export of this kind, made where it is missing.

    Raises UsageProblem where it holds anything and was not made by such an export.
    """
    place = f"{path}/.faceindex-{kind}.jsonl"
    try:
        os.makedirs(path, exist_ok=True)
        names = os.listdir(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    if os.path.basename(place) not in names and names:
        raise UsageProblem(
            f"{shown(path)} is not empty, and not made by 'faceindex export {kind}'; name a new or an empty folder"
        )
    entries = _read(place, kind)
    try:
        with open(_to_append(place), "w", encoding="ascii") as stream:
            if entries is None:
                _write_line(stream, {"faceindex": kind, "version": VERSION})
                stream.flush()
            else:
                stream.write("\n")  # ends a line that a killed export left unfinished
            folder = Folder(path, entries or {}, stream)
            yield folder
        _rewrite(place, kind, folder.entries)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise _cannot_write(path, error) from error


def is_within(relative: str) -> bool:
    """Whether an entry's path leads nowhere but below the folder."""
    parts = relative.split("/")
    return "\0" not in relative and all(part not in ("", ".", "..") for part in parts)


def _read(place: str, kind: str) -> dict[str, str] | None:
    """The entries of a list, None where there is none."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FaceindexError(f"cannot read {shown(place)}: {error.strerror}; export to another folder") from error
    with open(handle, encoding="ascii", errors="replace") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise FaceindexError(f"{shown(place)} is no file; export to another folder")
        if not (first := stream.readline(LONGEST_LINE)):
            return None  # killed before a word was written
        head = _parsed(first)
        if head.get("faceindex") != kind or head.get("version") != VERSION:
            raise FaceindexError(f"{shown(place)} is damaged, or of a newer version; export to another folder")
        entries = {}
        while line := stream.readline(LONGEST_LINE):
            entry = _parsed(line)
            path, mark = entry.get("path"), entry.get("mark")
            if isinstance(path, str) and isinstance(mark, str) and is_within(path):
                entries[path] = mark
    return entries


def _parsed(line: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_line(stream: TextIO, value: dict[str, object]) -> None:
    stream.write(json.dumps(value) + "\n")


def _to_append(place: str) -> int:
    return os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)


def _rewrite(place: str, kind: str, entries: dict[str, str]) -> None:
    """One line for each entry again, in place of all that were ever written."""
    unfinished = f"{place}.unfinished"
    with contextlib.suppress(FileNotFoundError):
        os.remove(unfinished)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    with open(handle, "w", encoding="ascii") as stream:
        _write_line(stream, {"faceindex": kind, "version": VERSION})
        for path, mark in entries.items():
            _write_line(stream, {"path": path, "mark": mark})
    os.replace(unfinished, place)


def _real_folder(path: str) -> bool:
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
    return _is_folder(path)


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _cannot_write(path: str, error: OSError) -> FaceindexError:
    return FaceindexError(
        f"cannot write {shown(error.filename or path)}: {error.strerror or error}; name another place"
    )
