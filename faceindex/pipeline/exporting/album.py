"""Web pages of people in a folder: no server, no script, nothing loaded from elsewhere, nothing kept in memory.

index.html            everybody
people/NAME.html      the photos of a person by date, so many to a page
photos/xx/DIGEST.html a photo, who is on it, and the way to each one's next
pictures/ faces/      small copies (`copies`); thumbnails and tiles
style.css

First the copies, then the pages of those photos that have some. What is wanted no more is removed (`ours`).
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from faceindex.errors import FaceindexError
from faceindex.models import Box
from faceindex.pipeline.exporting import ours
from faceindex.pipeline.exporting.copies import MEDIUM, Wish, key, make_all, picture_name, tile_name
from faceindex.pipeline.exporting.names import slug
from faceindex.store import files, shelf
from faceindex.store.paths import shown

NEAR_EDGE = 0.2  # of a picture's width: a name below a face there is written from the box inwards
KIND = "album"
PER_PAGE = 500  # photos of a person
PAGES = Path(__file__).with_name("pages")

Progress = Callable[[int, int], object]  # told how many photos are done, of how many


@dataclass(frozen=True, slots=True)
class Options:
    """How an album is to be."""

    title: str = "Album"
    thumbnails: int = 360  # pixels of the longest side
    matches: bool = False  # names that the machine found, too
    originals: bool = False  # links to the photos themselves


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    counts: Counter[str] = field(default_factory=Counter)  # people, photos, copies, pages, removed
    unread: list[str] = field(default_factory=list)  # photos of which no copy could be made


@dataclass(slots=True)
class Album:
    """An album in the making."""

    db: sqlite3.Connection
    folder: ours.Folder
    options: Options
    out: Outcome
    pages: Environment


def write_album(
    db: sqlite3.Connection, backend: str, path: str, options: Options, progress: Progress = lambda done, of: None
) -> Outcome:
    """Bring the album at `path` up to date."""
    pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    with ours.opened(path, KIND) as folder:
        album = Album(db, folder, options, Outcome(), pages)
        total = shelf.fill(db, backend, matches=options.matches)
        _make_copies(album, total, progress)
        people = shelf.portraits(db)
        _make_tiles(album, people)
        _write(album, "style.css", (PAGES / "style.css").read_text("utf-8"))
        _index(album, people)
        for person in people:
            _person(album, person)
        for photo in shelf.photos(db):
            _photo(album, photo)
        _sweep(album)
    return album.out


# ----------------------------------------------------------------------------------------- pictures


def _make_copies(album: Album, total: int, progress: Progress) -> None:
    """Copies of all photos; those stay away from the album of which there is none and none can be made."""
    missing: list[int] = []
    wanted = (_wish(album, *each) for each in shelf.each(album.db))
    for number, (wish, done) in enumerate(_granted(wanted)):
        progress(number + 1, total)
        album.out.counts["copies"] += len(wish.sizes) if done else 0
        if not done:
            album.out.unread.append(shown(wish.paths[0]) if wish.paths else wish.digest)
            missing.append(wish.photo_id)
    shelf.take_away(album.db, missing)
    album.out.counts["photos"] = total - len(missing)


def _granted(wishes: Iterator[Wish]) -> Iterator[tuple[Wish, bool]]:
    """What is there already costs no thread its time."""
    while some := list(islice(wishes, 64)):
        yield from ((wish, True) for wish in some if not _is_open(wish))
        yield from make_all((wish for wish in some if _is_open(wish)), os.cpu_count() or 1)


def _is_open(wish: Wish) -> bool:
    return bool(wish.sizes or wish.tile)


def _wish(album: Album, photo_id: int, digest: str) -> Wish:
    medium, thumbnail = picture_name(digest, MEDIUM), picture_name(digest, album.options.thumbnails)
    there = {name: _is_there(album, name) for name in (medium, thumbnail)}
    sizes = [(medium, MEDIUM), (thumbnail, album.options.thumbnails)]
    missing = tuple((album.folder.at(name), size) for name, size in sizes if not there[name])
    paths = tuple(files.copies(album.db, photo_id)) if missing else ()
    return Wish(photo_id, digest, paths, missing, spare=album.folder.at(medium) if there[medium] else None)


def _is_there(album: Album, name: str) -> bool:
    """Whether a copy is there; if not, the way is paved for it."""
    folder, place = album.folder, album.folder.at(name)
    if not folder.has_room(name) or (name not in folder.entries and os.path.lexists(place)):
        raise FaceindexError(f"{shown(place)} is in the way; move it elsewhere and export again")
    folder.claim(name)
    try:
        status = os.lstat(place)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > 0


def _make_tiles(album: Album, people: Sequence[shelf.Portrait]) -> None:
    for wish, done in _granted(_tile_wish(album, person) for person in people):
        album.out.counts["copies"] += bool(done and wish.tile)


def _tile_wish(album: Album, person: shelf.Portrait) -> Wish:
    name = tile_name(person.digest, person.box)
    if _is_there(album, name):
        return Wish(person.photo_id, person.digest, ())
    paths = tuple(files.copies(album.db, person.photo_id))
    spare = album.folder.at(picture_name(person.digest, MEDIUM))
    return Wish(person.photo_id, person.digest, paths, tile=(album.folder.at(name), person.box), spare=spare)


# -------------------------------------------------------------------------------------------- pages


def _index(album: Album, people: Sequence[shelf.Portrait]) -> None:
    album.out.counts["people"] = len(people)
    everybody = [
        {"name": each.name, "page": _page_of(each.name), "tile": tile_name(each.digest, each.box),
         "photos": each.photos, "years": _years(each.years)}
        for each in people
    ]  # fmt: skip
    _write(album, "index.html", _render(album, "index.html", "", people=everybody, photos=album.out.counts["photos"]))


def _person(album: Album, person: shelf.Portrait) -> None:
    """A person's pages."""
    count = -(-person.photos // PER_PAGE)
    leaves = shelf.leaves(album.db, person.person_id)
    for number in range(1, count + 1):
        years = [
            (year, [_tile(album, person.name, leaf) for leaf in some])
            for year, some in groupby(islice(leaves, PER_PAGE), lambda leaf: leaf.year)
        ]
        page = _page_of(person.name, number)
        numbers = [(n, _page_of(person.name, n)) for n in range(1, count + 1)]
        _write(album, page, _render(album, "person.html", "../", name=person.name, photos=person.photos, years=years,
                                    number=number, numbers=numbers))  # fmt: skip


def _tile(album: Album, name: str, leaf: shelf.Leaf) -> dict[str, str]:
    day = _day(leaf.taken_at)
    return {
        "page": _photo_page(leaf.digest),
        "thumbnail": picture_name(leaf.digest, album.options.thumbnails),
        "alt": f"{name}, {day}",
        "day": day,
        "centre": f"{_percent((leaf.box.left + leaf.box.right) / 2)} {_percent((leaf.box.top + leaf.box.bottom) / 2)}",
    }


def _photo(album: Album, photo: shelf.Shown) -> None:
    """A photo's page."""
    names = list(dict.fromkeys(step.name for step in photo.steps))
    people = {
        step.name: {"name": step.name, "page": _page_of(step.name), "before": _page(step.before),
                    "after": _page(step.after)}
        for step in photo.steps
    }  # fmt: skip
    text = _render(
        album, "photo.html", "../../", day=_day(photo.taken_at), names=sentence(names), people=list(people.values()),
        boxes=[{"name": step.name, "style": _style(step.box), "side": _side(step.box)} for step in photo.steps],
        picture=picture_name(photo.digest, MEDIUM), width=photo.width, height=photo.height,
        before=_page(photo.before), after=_page(photo.after), original=_original(album, photo.photo_id),
    )  # fmt: skip
    _write(album, _photo_page(photo.digest), text)


def _original(album: Album, photo_id: int) -> str | None:
    """The address of the photo itself."""
    paths = files.copies(album.db, photo_id) if album.options.originals else []
    return Path(paths[0]).as_uri() if paths else None


def _page_of(name: str, number: int = 1) -> str:
    return f"people/{slug(name)}{f'-{number}' if number > 1 else ''}.html"


def _photo_page(digest: str) -> str:
    return f"photos/{key(digest)}.html"


def _page(digest: str | None) -> str | None:
    return None if digest is None else _photo_page(digest)


def _day(taken_at: str) -> str:
    return taken_at[:10]


def _years(years: tuple[int, int]) -> str:
    return f"{years[0]}" if years[0] == years[1] else f"{years[0]}–{years[1]}"


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"


def _style(box: Box) -> str:
    sides = {"left": box.left, "top": box.top, "width": box.width, "height": box.height}
    return ";".join(f"{side}:{_percent(share)}" for side, share in sides.items())


def _side(box: Box) -> str:
    """At which side of the picture a name would leave it; empty in the middle."""
    middle = (box.left + box.right) / 2
    return "first" if middle < NEAR_EDGE else "last" if middle > 1 - NEAR_EDGE else ""


def sentence(names: Sequence[str]) -> str:
    """Anna, Ben and Carl."""
    return " and ".join(chain([", ".join(names[:-1])], names[-1:])) if len(names) > 1 else "".join(names)


def _render(album: Album, page: str, up: str, **words: Any) -> str:
    """A page's text; `up` leads from it to the album's folder."""
    return album.pages.get_template(page).render(title=album.options.title, up=up, **words)


def _write(album: Album, relative: str, text: str) -> None:
    """Have a page be there; one that says the same already is not written."""
    folder, place, content = album.folder, album.folder.at(relative), text.encode("utf-8", "replace")
    if not folder.has_room(relative) or (relative not in folder.entries and os.path.lexists(place)):
        raise FaceindexError(f"{shown(place)} is in the way; move it elsewhere and export again")
    folder.claim(relative)
    if _content(place) == content:
        return
    with open(f"{place}.unfinished", "wb") as stream:
        stream.write(content)
    os.replace(f"{place}.unfinished", place)
    album.out.counts["pages"] += 1


def _content(place: str) -> bytes | None:
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(handle, "rb") as stream:
        return stream.read() if stat.S_ISREG(os.fstat(handle).st_mode) else None


def _sweep(album: Album) -> None:
    """Remove what the album shows no more, and what a killed export left unfinished."""
    folder = album.folder
    for relative in folder.unused():
        for name in (relative, f"{relative}.unfinished"):
            place = folder.at(name)
            if folder.is_reached(relative) and os.path.isfile(place) and not os.path.islink(place):
                os.remove(place)
                album.out.counts["removed"] += name == relative
        folder.drop(relative)
