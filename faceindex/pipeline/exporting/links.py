"""A folder for each person, with a link to every photo they are on: for any viewer, brought up to date in place.

Only links of ours are ever removed (`ours` knows which), and no hard link that is the last name of its photo.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from faceindex.errors import UsageProblem
from faceindex.pipeline.exporting import names, ours
from faceindex.store import shelf
from faceindex.store.exports import Picture, pictures
from faceindex.store.paths import shown

KIND = "links"
UNDATED = "undated"  # the folder of what nobody knows the year of
DATE = re.compile(r"\d{4}-\d\d-\d\d")
MARKED = re.compile(r"(\d+):(\d+)")  # a hard link's device and inode
ANOTHER_DISK = "hard links do not reach another disk; leave --hard away, or name a folder on the disk of the photos"

Done = Literal["made", "same", "removed", "unread", "taken"]  # taken: something else is there


@dataclass(slots=True)
class Outcome:
    """What became of the folder."""

    counts: Counter[Done] = field(default_factory=Counter)
    notes: dict[str, None] = field(default_factory=dict)  # what was left as it is, and why; each once

    def tell(self, line: str) -> None:
        self.notes[line] = None


Make = Callable[[ours.Folder, str, Sequence[str], Outcome], Done]


def link_all(db: sqlite3.Connection, backend: str, path: str, *, hard: bool, matches: bool, by_year: bool) -> Outcome:
    """Bring the links below `path` up to date."""
    out = Outcome()
    make = _hard_link if hard else _symbolic_link
    with ours.opened(path, KIND) as folder:
        for relative, picture in _wanted(db, backend, matches, by_year):
            _settle(folder, relative, picture, make, out)
        for relative in folder.unused():
            if _remove(folder, relative, out):
                folder.drop(relative)
                out.counts["removed"] += 1
    return out


def _wanted(db: sqlite3.Connection, backend: str, matches: bool, by_year: bool) -> Iterator[tuple[str, Picture]]:
    """The path of each link, and its photo."""
    folder_of = names.folders(shelf.names(db))
    taken: set[str] = set()
    for picture in pictures(db, backend, matches=matches):
        for name in dict.fromkeys(face.name for face in picture.faces if face.name in folder_of):
            above = folder_of[name] + (f"/{_year(picture)}" if by_year else "")
            relative = f"{above}/{dated(os.path.basename(picture.paths[0]), picture.taken_at)}"
            if names.folded(relative) in taken:
                relative = names.told_apart(relative, picture.digest[:8])
            taken.add(names.folded(relative))
            yield relative, picture


def _year(picture: Picture) -> str:
    return picture.taken_at[:4] if picture.taken_at and DATE.match(picture.taken_at) else UNDATED


def dated(name: str, taken_at: str | None) -> str:
    """A photo's name, made safe, behind the day it was taken: files lie in the order of time."""
    name = names.safe_file(name)
    day = DATE.match(taken_at or "")
    if not day or name.startswith((day[0], day[0].replace("-", ""))):
        return name
    return f"{day[0]} {name}"


def _settle(folder: ours.Folder, relative: str, picture: Picture, make: Make, out: Outcome) -> None:
    """Have a link be there; under another name where something else is."""
    places = relative, names.told_apart(relative, picture.digest[:8])
    for place in places:
        if not folder.has_room(place):
            out.tell(f"{shown(os.path.dirname(place))} is none of our folders, and was left as it is")
            return
        done = make(folder, place, picture.paths, out)
        if done == "unread":
            folder.used.update(places)  # its disk may be away: what is there stays
        if done != "taken":
            out.counts[done] += 1
            return
    out.tell(f"{shown(relative)} is none of ours, and was left as it is")


def _symbolic_link(folder: ours.Folder, relative: str, paths: Sequence[str], out: Outcome) -> Done:
    target = paths[0]
    place = folder.at(relative)
    if not _make_way(folder, relative, f"-> {target}", out):
        return "taken"
    is_there = os.path.lexists(place)
    folder.claim(relative, f"-> {target}")
    if is_there:
        return "same"
    os.symlink(target, place)
    return "made"


def _hard_link(folder: ours.Folder, relative: str, paths: Sequence[str], out: Outcome) -> Done:
    source, status = next(((path, found) for path in paths if (found := _file(path))), (paths[0], None))
    if status is None:
        out.tell(f"{shown(source)} cannot be read now")
        return "unread"
    mark = f"{status.st_dev}:{status.st_ino}"
    if not _make_way(folder, relative, mark, out):
        return "taken"
    is_there = os.path.lexists(folder.at(relative))
    folder.claim(relative, mark)
    if is_there:
        return "same"
    try:
        os.link(source, folder.at(relative), follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise UsageProblem(ANOTHER_DISK) from error
        raise
    return "made"


def _file(path: str) -> os.stat_result | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _make_way(folder: ours.Folder, relative: str, mark: str, out: Outcome) -> bool:
    """Whether a place is free now, or holds this very link already; another link of ours is removed."""
    if not os.path.lexists(folder.at(relative)):
        return True
    is_it = folder.entries.get(relative) == mark and _is_as_made(folder, relative)
    return is_it or _remove(folder, relative, out)


def _remove(folder: ours.Folder, relative: str, out: Outcome) -> bool:
    """Remove a link of ours; False where what is there must stay. True also where nothing is."""
    if relative not in folder.entries:
        return False
    if not folder.is_reached(relative) or not os.path.lexists(folder.at(relative)):
        return True
    if not _is_as_made(folder, relative):
        del folder.entries[relative]  # somebody put something else there: it is theirs
        return False
    status = os.lstat(folder.at(relative))
    if stat.S_ISREG(status.st_mode) and status.st_nlink < 2:
        out.tell(f"{shown(relative)} is the last name of its photo, and was kept")
        return False
    os.remove(folder.at(relative))
    return True


def _is_as_made(folder: ours.Folder, relative: str) -> bool:
    """Whether the link that stands in the list is still what is there."""
    mark, place = folder.entries[relative], folder.at(relative)
    status = os.lstat(place)
    if mark.startswith("-> "):
        return stat.S_ISLNK(status.st_mode) and os.readlink(place) == mark[3:]
    found = MARKED.fullmatch(mark)
    same = found is not None and (status.st_dev, status.st_ino) == (int(found[1]), int(found[2]))
    return same and stat.S_ISREG(status.st_mode)
