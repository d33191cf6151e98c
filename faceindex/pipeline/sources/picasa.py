"""What Picasa wrote into the folders of the library: `.picasa.ini`, or `Picasa.ini` as older versions named it."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping

from faceindex.models import Reading
from faceindex.pipeline.sources import Missed, Tagged
from faceindex.store import roots, tagging
from faceindex.store.tagging import Pictured
from faceindex.tags import ini, picasa

INI = frozenset({".picasa.ini", "picasa.ini"})
ORIGINALS = ".picasaoriginals"  # what was there before Picasa changed it; its pictures are not in the index


def read(db: sqlite3.Connection, top: str | None, contacts: Mapping[str, str]) -> Iterator[Tagged | Missed]:
    """The faces of every picture in the library, or at and below `top`, that Picasa named."""
    inside = [os.path.realpath(root) for root in roots.ids(db)]
    for folder_id, folder in tagging.folders_below(db, top):
        if ORIGINALS in folder.split("/"):
            continue
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
                yield Missed("unreadable", folder, error.strerror or str(error))
            continue
        for name in names:
            if name.lower() in INI:
                yield from _file(db, folder_id, f"{folder}/{name}", names, inside, contacts)


def _file(
    db: sqlite3.Connection,
    folder_id: int,
    path: str,
    names: list[str],
    inside: list[str],
    contacts: Mapping[str, str],
) -> Iterator[Tagged | Missed]:
    found = _bytes(path, inside)
    if isinstance(found, Missed):
        yield found
        return
    content, modified = found
    folder = os.path.dirname(path)
    pictures = tagging.pictures_in(db, folder_id, folder)
    readings = picasa.read(content, {name: p.canvas for name, p in pictures.items()}, contacts)
    there = ini.Names(names)
    for name, reading in readings.items():
        if name in pictures:
            yield from _picture(pictures[name], reading, modified)
        elif name:
            on_disk = there.of(name.encode("utf-8", "surrogateescape")) is not None
            yield Missed("unindexed" if on_disk else "absent", f"{folder}/{name}")
        else:
            yield from (Missed("refused", path, note) for note in reading.notes)


def _picture(picture: Pictured, reading: Reading, modified: float) -> Iterator[Tagged | Missed]:
    if reading.tags:
        yield Tagged(picture.photo_id, picture.path, reading.tags, modified)
    yield from (Missed("refused", picture.path, note) for note in reading.notes)


def _bytes(path: str, inside: list[str]) -> tuple[bytes, float] | Missed:
    """The file and when it was last written. A link is followed within the library only."""
    real = os.path.realpath(path)
    if not any(real.startswith(root.rstrip("/") + "/") for root in inside):
        return Missed("refused", path, "is a link that leads out of the library")
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)  # a FIFO must not wait
        with open(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                return Missed("refused", path, "is no regular file")
            content = stream.read(picasa.LARGEST + 1)
    except OSError as error:
        return Missed("unreadable", path, error.strerror or str(error))
    if len(content) > picasa.LARGEST:
        return Missed("refused", path, f"is larger than {picasa.LARGEST >> 20} MB, too large for a file of Picasa's")
    return content, status.st_mtime
