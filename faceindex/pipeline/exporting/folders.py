"""The library folder by folder, each listed once: its pictures that are present, and who is on them."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faceindex.crawl import root_state
from faceindex.models import Canvas, Tag
from faceindex.pipeline.exporting.files import Outcome, sweep
from faceindex.store import files, roots, tagging
from faceindex.store.exports import NamedFace, faces_on
from faceindex.store.paths import shown

Step = Callable[[int, int], object]  # told how many are done, of how many


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is there, and what is to be said of it."""

    canvas: Canvas
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the library."""

    path: str
    names: frozenset[str]  # of all that it holds now
    pictures: dict[str, Picture]  # by name, in the order of names; none that waits for being read again
    gone: frozenset[str]  # names of files that were there once


def folders(
    db: sqlite3.Connection, backend: str, top: str | None, out: Outcome, step: Step, *, matches: bool, clean: bool
) -> Iterator[Folder]:
    """Every known folder, or those at and below `top`; what is not there now is a line of the report."""
    known = [place for root in sorted(roots.ids(db)) for place in _known(db, root, top, out)]
    for number, (folder_id, path) in enumerate(known):
        step(number, len(known))
        try:
            names = frozenset(os.listdir(path))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):  # the next scan notices those
                out.failed.append(f"{shown(path)} cannot be read: {error.strerror}")
            continue
        if clean:
            sweep(path, names)
        yield _folder(db, backend, folder_id, path, names, matches)
    step(len(known), len(known))


def _known(db: sqlite3.Connection, root: str, top: str | None, out: Outcome) -> list[tuple[int, str]]:
    """Folders of a root that are wanted, and where they ought to be: none that is reached by a link only."""
    if top is not None and f"{top}/".startswith(root.rstrip("/") + "/"):
        begin = top
    elif top is None:
        begin = root
    else:
        return []
    if why := root_state(root):
        out.failed.append(f"{shown(root)} {why}")
        return []
    real = os.path.realpath(root)
    return [
        (folder_id, path)
        for folder_id, path in tagging.folders_below(db, begin)
        if os.path.realpath(path) == os.path.join(real, os.path.relpath(path, root)).removesuffix("/.")
    ]


def _folder(
    db: sqlite3.Connection, backend: str, folder_id: int, path: str, names: frozenset[str], matches: bool
) -> Folder:
    known = files.in_folder(db, folder_id)
    pictured = tagging.pictures_in(db, folder_id, path)
    there = sorted(name for name in pictured if name in names and not known[name].stale)
    faces = faces_on(db, backend, [pictured[name].photo_id for name in there], matches)
    pictures = {
        name: Picture(pictured[name].canvas, tuple(_tag(face) for face in faces[pictured[name].photo_id]))
        for name in there
    }
    return Folder(path, names, pictures, frozenset(name for name, file in known.items() if file.gone))


def _tag(face: NamedFace) -> Tag:
    return Tag(face.name, face.box, "guessed" if face.named_by == "match" else "said")
