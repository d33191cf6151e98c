"""XMP sidecars brought up to date, in place: of every picture that has names, or has a sidecar already."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections import Counter
from typing import Literal

from faceindex.models import PHOTO_SUFFIXES
from faceindex.pipeline.exporting.files import Left, Outcome, Show, former, reported, settle
from faceindex.pipeline.exporting.folders import Folder, Picture, Step, folders
from faceindex.store.paths import shown
from faceindex.tags import NotTags, sidecar

Style = Literal["full", "adobe"]  # of the name of a new one: photo.jpg.xmp, photo.xmp

# fmt: off
RAW_SUFFIXES = frozenset([  # camera raw files, to which a photo.xmp may belong
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25", ".kdc", ".mef", ".mos",
    ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
])
# fmt: on
PICTURES = PHOTO_SUFFIXES | RAW_SUFFIXES


def export(
    db: sqlite3.Connection,
    backend: str,
    *,
    matches: bool,
    top: str | None,
    style: Style,
    show: Show | None = None,
    step: Step = lambda done, whole: None,
) -> Outcome:
    """Write who is on each picture into its sidecar; with `show` only tell it how each would change."""
    out = Outcome()
    for folder in folders(db, backend, top, out, step, matches=matches, clean=show is None):
        try:
            _folder(folder, style, out, show)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EPIPE):  # nobody reads the differences any more
                raise
            out.failed.append(f"{shown(folder.path)} cannot be written: {error.strerror}")
    return out


def _folder(folder: Folder, style: Style, out: Outcome, show: Show | None) -> None:
    stems = Counter(_stem(name) for name in folder.names if os.path.splitext(name)[1].lower() in PICTURES)
    for name, picture in folder.pictures.items():
        alone = stems[_stem(name)] == 1
        there = existing(folder.names, name, alone)
        if not there and picture.tags:
            there = [f"{_stem(name)}.xmp" if style == "adobe" and alone else f"{name}.xmp"]
        for number, each in enumerate(there):
            path = f"{folder.path}/{each}"
            with reported(path, out):
                _sidecar(path, picture, out, show, speaks=number == 0)


def _sidecar(path: str, picture: Picture, out: Outcome, show: Show | None, *, speaks: bool) -> None:
    """Have one sidecar say who is on its picture, or nothing of ours, where another one does."""
    was = former(path)
    try:
        new = sidecar.merge(was.content if was else None, picture.tags if speaks else (), picture.canvas)
    except NotTags as error:
        raise Left(str(error)) from error
    settle(path, was, new, out, show)


def existing(names: frozenset[str], name: str, alone: bool) -> list[str]:
    """A picture's sidecars in its folder, that first which is to be believed; photo.xmp only where it is `alone`."""
    stems = [name, _stem(name)] if alone else [name]
    return [stem + suffix for stem in stems for suffix in (".xmp", ".XMP") if stem + suffix in names]


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]
