"""What stands as XMP in the photos of the library and beside them.

A sidecar is `photo.jpg.xmp`, as digiKam and darktable name it, or `photo.xmp`, as Adobe does: that one is for
every photo of the name, whatever its suffix, that has none of its own.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Sequence

from faceindex import placing
from faceindex.models import Reading, Tag
from faceindex.pipeline.sources import Missed, Tagged
from faceindex.store import roots, tagging
from faceindex.store.tagging import Pictured
from faceindex.tags import NotTags, packets, xmp
from faceindex.tags.reading import MAX_BYTES

SUFFIX = ".xmp"


def read(db: sqlite3.Connection, top: str | None, *, embedded: bool = True) -> Iterator[Tagged | Missed]:
    """The faces and people of every photo in the library, or at and below `top`."""
    inside = [os.path.realpath(root).rstrip("/") + "/" for root in roots.ids(db)]
    for folder_id, folder in tagging.folders_below(db, top):
        if not _is_inside(folder, inside):
            yield Missed("refused", folder, "is a link that leads out of the library")
            continue
        try:
            with os.scandir(folder) as entries:
                beside = sorted(entry.name for entry in entries if entry.name.lower().endswith(SUFFIX))
        except OSError as error:
            yield Missed("absent", folder, error.strerror or str(error))
            continue
        pictures = tagging.pictures_in(db, folder_id, folder)
        served = sidecars(pictures, beside)
        for name, picture in sorted(pictures.items()):
            paths = [f"{folder}/{one}" for one in served[name]]
            yield from _picture(picture, [*([picture.path] if embedded else []), *paths], inside)
        known = {*pictures, *(os.path.splitext(name)[0] for name in pictures)}
        for name in beside:
            if name[: -len(SUFFIX)] not in known:
                yield Missed("foreign", f"{folder}/{name}")


def sidecars(pictures: Iterable[str], beside: Sequence[str]) -> dict[str, list[str]]:
    """Name of a photo to those of its sidecars, of the names that lie beside it."""
    by_stem: dict[str, list[str]] = {}
    for name in beside:
        by_stem.setdefault(name[: -len(SUFFIX)], []).append(name)
    return {name: by_stem.get(name) or by_stem.get(os.path.splitext(name)[0], []) for name in pictures}


def _picture(picture: Pictured, paths: Sequence[str], inside: Sequence[str]) -> Iterator[Tagged | Missed]:
    """What each of these files says of a photo, and none before it: a sidecar often echoes the photo."""
    said: list[Tag] = []
    for path in paths:
        found = _reading(path, picture, inside)
        if isinstance(found, Missed):
            yield found
            continue
        reading, modified = found
        yield from (Missed("refused", path, note) for note in reading.notes)
        if new := unsaid(reading.tags, said):
            yield Tagged(picture.photo_id, picture.path, tuple(new), modified)
        said += new


def unsaid(tags: Sequence[Tag], said: Sequence[Tag]) -> list[Tag]:
    """Those of the tags that give no face the name it has already, however differently its box is drawn."""
    echoes: set[int] = {i for i, tag in enumerate(tags) if tag.box is None and tag.name in {one.name for one in said}}
    for name in {tag.name for tag in tags}:
        rows = [(i, tag.box) for i, tag in enumerate(tags) if tag.name == name and tag.box]
        boxes = [one.box for one in said if one.box and name in (one.name, None)]
        echoes |= {rows[row][0] for row in placing.pairs([box for _, box in rows], boxes)}
    return [tag for i, tag in enumerate(tags) if i not in echoes]


def _reading(path: str, picture: Pictured, inside: Sequence[str]) -> tuple[Reading, float] | Missed:
    """The tags in one file and when it was last written. A link is followed within the library only."""
    real = os.path.realpath(path)
    if not _is_inside(real, inside):
        return Missed("refused", path, "is a link that leads out of the library")
    try:
        status = os.stat(real)
        if not stat.S_ISREG(status.st_mode):
            return Missed("refused", path, "is no regular file")
        packet = packets.embedded(real) if path == picture.path else _content(real)
        reading = xmp.read(packet, picture.canvas) if packet is not None else Reading()
    except OSError as error:
        return Missed("unreadable", path, error.strerror or str(error))
    except NotTags as error:
        return Missed("unreadable", path, str(error))
    return reading, status.st_mtime


def _is_inside(path: str, inside: Sequence[str]) -> bool:
    return f"{os.path.realpath(path)}/".startswith(tuple(inside))


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)
