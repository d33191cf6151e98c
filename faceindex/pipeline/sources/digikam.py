"""What digiKam's database says of photos.

Confirmed faces are said, unconfirmed ones guessed, ignored ones ignored; faces it knows nobody for have no name.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping

from faceindex.image.turns import SIDEWAYS, stored_box, upright_box
from faceindex.models import Box, Canvas, Tag, TagWord
from faceindex.pipeline.sources import Missed, Tagged
from faceindex.pipeline.sources.albums import Albums
from faceindex.store.foreign import digikam
from faceindex.store.foreign.digikam import PERSON, SPECIAL, PeopleTag, Picture
from faceindex.store.tagging import Pictured
from faceindex.tags import NotTags, regions

TOP = 0  # what is under no tag is under this; newer versions have a tag of that number
DEEPEST = 50  # tags above each other
ROOT = "People"  # the tag that digiKam puts people under, unless its language is another
CROPPED = 0.02  # so much may the shape of a picture differ from what digiKam knew and still be the same
UNKNOWN, UNCONFIRMED, IGNORED = SPECIAL
REGION = re.compile(r"<rect\b[^<>]*/>")
Names = Mapping[int, str]


def read(db: sqlite3.Connection, path: str, moved: Mapping[str, str]) -> Iterator[Tagged | Missed]:
    """What digikam4.db at path says of each photo; `moved`: where folders are now that it knows elsewhere."""
    with digikam.open_digikam(path) as foreign:
        tags = digikam.people(foreign)
        names = _names(tags)
        albums = Albums(db, digikam.albums(foreign), moved)
        for picture in digikam.pictures(foreign, names):
            found = albums.find(picture.album_id, picture.name)
            if isinstance(found, Missed):
                yield found
                continue
            yield from _told(picture, found, tags, names, foreign.modified)


def _told(
    picture: Picture, photo: Pictured, tags: Mapping[int, PeopleTag], names: Names, modified: float
) -> Iterator[Tagged | Missed]:
    found: dict[Tag, None] = {}  # each once: digiKam may hold a face twice
    wrong: dict[str, None] = {}
    for tag, what, value in picture.faces:
        try:
            found[_face(picture, photo.canvas, tags, tag, what, value)] = None
        except NotTags as problem:
            wrong[str(problem)] = None
    yield from (Missed("refused", photo.path, why) for why in wrong)
    with_box = {tag for tag, _, _ in picture.faces}
    for tag in picture.keywords:
        if tag not in with_box:
            found[Tag(names[tag], None, group=str(tag))] = None
    if found:
        yield Tagged(photo.photo_id, photo.path, tuple(found), modified)


def _face(picture: Picture, canvas: Canvas, tags: Mapping[int, PeopleTag], tag: int, what: str, value: str) -> Tag:
    """One region, as a Tag; raises NotTags."""
    if what == "autodetectedPerson":  # the suggested tag, what it would be, the region
        suggested, _, value = [*value.split(",", 2), "", ""][:3]
        tag = int(suggested) if suggested.isdecimal() and len(suggested) < 10 else 0
    box = _box(picture, canvas, value)
    properties = tags[tag].properties if tag in tags else frozenset()
    if what == "ignoredFace" or IGNORED in properties:
        return Tag(None, box, "ignored")
    if tag not in tags or UNKNOWN in properties or UNCONFIRMED in properties:
        return Tag(None, box)
    word: TagWord = "said" if what == "tagRegion" else "guessed"
    return Tag(tags[tag].name, box, word, group=str(tag))


# ------------------------------------------------------------------------------------------- people


def _names(tags: Mapping[int, PeopleTag]) -> dict[int, str]:
    """The tags that are people: those that digiKam marks so, and those under the same roof with nothing under them."""
    parents = {tag.parent for tag in tags.values()}
    roofs = _roofs(tags)
    return {
        number: tag.name
        for number, tag in tags.items()
        if not tag.properties & set(SPECIAL)
        and number not in roofs
        and (PERSON in tag.properties or (number not in parents and not roofs.isdisjoint(_above(tags, number))))
    }


def _roofs(tags: Mapping[int, PeopleTag]) -> set[int]:
    """The tags that people are under: the one of that name, else the parent of those nearest to the top."""
    named = {number for number, tag in tags.items() if tag.name == ROOT and not _above(tags, number)}
    persons = [number for number, tag in tags.items() if PERSON in tag.properties]
    if named or not persons:
        return named
    above = {number: _above(tags, number) for number in persons}
    least = min(map(len, above.values()))
    return {above[number][0] for number in persons if len(above[number]) == least and least}


def _above(tags: Mapping[int, PeopleTag], number: int) -> list[int]:
    """The tags above one, the nearest first. No more than DEEPEST: a damaged tree may run in a circle."""
    found: list[int] = []
    parent = tags[number].parent
    while parent is not None and parent in tags and parent != TOP and len(found) < DEEPEST:
        found.append(parent)
        parent = tags[parent].parent
    return found


# -------------------------------------------------------------------------------------------- boxes


def _box(picture: Picture, canvas: Canvas, value: str) -> Box:
    """A region in our upright picture; raises NotTags."""
    region = REGION.search(value)
    seen = _seen(picture, canvas)
    box = regions.read(region[0], seen) if region else None
    if box is None:
        raise NotTags("its box is not in the picture")
    if seen.orientation == canvas.orientation:
        return box
    return upright_box(stored_box(box, seen.orientation), canvas.orientation)


def _seen(picture: Picture, canvas: Canvas) -> Canvas:
    """The upright picture as digiKam knew it, in its size; raises NotTags where that is of another shape."""
    width, height = picture.width, picture.height
    if not width or not height or min(width, height) <= 0:
        return canvas
    upright = (canvas.width, canvas.height)
    stored = upright[::-1] if canvas.orientation in SIDEWAYS else upright
    orientation = picture.orientation or 0
    if orientation not in range(1, 9):
        orientation = canvas.orientation
    seen = (height, width) if orientation in SIDEWAYS else (width, height)
    if _alike((width, height), stored):
        return Canvas(*seen, orientation)
    for size in (seen, (width, height)):  # the stored picture was not the same to it, as with HEIF; the upright one was
        if _alike(size, upright):
            return Canvas(*size, canvas.orientation)
    raise NotTags(f"it was cropped or turned since digiKam saw it ({width} x {height}, now {stored[0]} x {stored[1]})")


def _alike(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two pictures differ in size only."""
    return abs(size[0] * other[1] / (size[1] * other[0]) - 1) < CROPPED
