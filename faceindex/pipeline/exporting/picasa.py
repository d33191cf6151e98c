"""Picasa's .picasa.ini brought up to date, in place: of every folder whose pictures have names, or that has one."""

from __future__ import annotations

import errno
import sqlite3

from faceindex.models import Tag
from faceindex.pipeline.exporting.files import Outcome, Show, former, reported, settle
from faceindex.pipeline.exporting.folders import Folder, Step, folders
from faceindex.store.paths import shown
from faceindex.tags import picasa
from faceindex.tags.ini import is_name

NAME = ".picasa.ini"
INI = frozenset({NAME, "picasa.ini"})


def export(
    db: sqlite3.Connection,
    backend: str,
    *,
    matches: bool,
    top: str | None,
    show: Show | None = None,
    step: Step = lambda done, whole: None,
) -> Outcome:
    """Write who is on each picture into its folder's file; with `show` only tell it how each would change."""
    out = Outcome()
    for folder in folders(db, backend, top, out, step, matches=matches, clean=show is None):
        try:
            _folder(folder, out, show)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EPIPE):  # nobody reads the differences any more
                raise
            out.failed.append(f"{shown(folder.path)} cannot be written: {error.strerror}")
    return out


def _folder(folder: Folder, out: Outcome, show: Show | None) -> None:
    tags: dict[str, tuple[Tag, ...]] = {name: picture.tags for name, picture in folder.pictures.items()}
    silent: dict[str, tuple[Tag, ...]] = dict.fromkeys([*tags, *folder.gone], ())
    canvases = {name: picture.canvas for name, picture in folder.pictures.items()}
    there = sorted((name for name in folder.names if name.lower() in INI), key=lambda name: (name != NAME, name))
    if any(tags.values()):
        there = there or [NAME]
        out.left += _unsayable(folder.path, tags)
    for number, name in enumerate(there):
        path = f"{folder.path}/{name}"
        with reported(path, out):
            was = former(path)
            said = silent if number else silent | tags
            settle(path, was, picasa.merge(was.content if was else None, said, canvases), out, show)


def _unsayable(path: str, tags: dict[str, tuple[Tag, ...]]) -> list[str]:
    """Pictures that no section can name."""
    return [
        f"{shown(f'{path}/{name}')} has a line end in its name" for name in tags if tags[name] and not is_name(name)
    ]
