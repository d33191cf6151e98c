"""Where the folders that digiKam knows are in the index: at the same path, where a collection moved to, or alike."""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from faceindex.pipeline.sources import Missed
from faceindex.store import tagging
from faceindex.store.foreign.digikam import Album
from faceindex.store.tagging import Pictured

PATHS = ("path", "mountpath")  # what an identifier says that is a path: of a disk without a name, of a share


@dataclass(slots=True)
class Albums:
    """Finds photos of the index by the number of their album and their name."""

    db: sqlite3.Connection
    albums: Mapping[int, Album]
    moved: Mapping[str, str]  # where folders are now that were elsewhere
    known: dict[str, int] = field(default_factory=dict)  # full path to folder_id
    named: dict[str, list[str]] = field(default_factory=dict)  # last part of a path to full paths
    last: tuple[int, list[str], dict[str, list[Pictured]]] | None = None

    def __post_init__(self) -> None:
        named = defaultdict(list)
        for folder_id, path in tagging.folders_below(self.db):
            self.known[path] = folder_id
            named[os.path.basename(path)].append(path)
        self.named = dict(named)

    def find(self, album_id: int, name: str) -> Pictured | Missed:
        """The photo of the index, or why there is none."""
        if self.last is None or self.last[0] != album_id:
            self.last = (album_id, *self._open(album_id))
        _, places, pictures = self.last
        shown = os.path.join(places[0] if places else "", name)
        if not name or "/" in name or "\0" in name or name == ".." or not places:
            return Missed("refused", shown, "digiKam does not say where it is")
        found = pictures.get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            return Missed("refused", shown, f"{len(found)} photos of the index may be meant; tell --root which")
        there = any(os.path.isabs(place) and os.path.lexists(os.path.join(place, name)) for place in places)
        return Missed("unindexed" if there else "absent", shown)

    def _open(self, album_id: int) -> tuple[list[str], dict[str, list[Pictured]]]:
        """Where an album may be, likeliest first, and the photos there by their names."""
        album = self.albums.get(album_id)
        places = list(dict.fromkeys(_places(album))) if album else []
        moved = [new for place in places for new in _moved(place, self.moved)]
        for place in (*moved, *places):
            if place in self.known:
                return [place], self._pictures([place])
        alike = self._alike(places)
        return moved + places, self._pictures(alike)

    def _pictures(self, folders: list[str]) -> dict[str, list[Pictured]]:
        found: defaultdict[str, list[Pictured]] = defaultdict(list)
        for folder in folders:
            for name, picture in tagging.pictures_in(self.db, self.known[folder], folder).items():
                found[name].append(picture)
        return dict(found)

    def _alike(self, places: list[str]) -> list[str]:
        """The folders whose paths have most parts in common with these, counted from the end."""
        best: list[str] = []
        most = 1
        for place in places:
            for folder in self.named.get(os.path.basename(place), ()):
                shared = _shared(place, folder)
                if shared > most:
                    best, most = [], shared
                if shared == most and folder not in best:
                    best.append(folder)
        return best


def _shared(one: str, other: str) -> int:
    """How many parts two paths have in common, from the end."""
    count = 0
    for mine, theirs in zip(reversed(one.strip("/").split("/")), reversed(other.strip("/").split("/")), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _places(album: Album) -> Iterator[str]:
    """Full paths that an album may mean; relative ones where the disk is known by a name alone."""
    base, written = "", dict(part.partition("=")[::2] for part in album.identifier.partition("?")[2].split("&"))
    for name in PATHS:
        base = base or written.get(name, "")
    for start in dict.fromkeys((unquote(base), base)):  # newer versions write it as it is
        parts = [
            part for text in (start, album.inside, album.folder) for part in text.split("/") if part not in ("", ".")
        ]
        if parts and ".." not in parts and not any("\0" in part for part in parts):
            yield ("/" if start.startswith("/") else "") + "/".join(parts)


def _moved(place: str, moved: Mapping[str, str]) -> Iterator[str]:
    """The same place by what --root says."""
    for old, new in moved.items():
        for start in (old.rstrip("/"), old.strip("/")):  # a disk with a name has no full path
            if place == start or place.startswith(start + "/"):
                yield new.rstrip("/") + place[len(start) :]
