"""digiKam's database, digikam4.db: its SQL, and no more.

albums      the folders it knows, with where their collection is
people      its tags, and which are people
pictures    each picture with a face or a person, with all that it says of them
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from faceindex.store.foreign.opening import Foreign, opened, rows, text, whole

AT_ONCE = 500  # pictures read in one go: memory stays flat
VISIBLE = 1  # Images.status; the others are in the trash, or gone
FACES = ("tagRegion", "autodetectedFace", "autodetectedPerson", "ignoredFace")
PERSON = "person"  # properties of tags
SPECIAL = ("unknownPerson", "unconfirmedPerson", "ignoredPerson")
NEEDED = {
    "AlbumRoots": ("id", "identifier", "specificPath"),
    "Albums": ("id", "albumRoot", "relativePath"),
    "Images": ("id", "album", "name", "status"),
    "ImageInformation": ("imageid", "width", "height", "orientation"),
    "Tags": ("id", "pid", "name"),
    "TagProperties": ("tagid", "property", "value"),
    "ImageTags": ("imageid", "tagid"),
    "ImageTagProperties": ("imageid", "tagid", "property", "value"),
}


@dataclass(frozen=True, slots=True)
class Album:
    """A folder."""

    identifier: str  # of the disk or share that its collection is on
    inside: str  # where on it the collection is
    folder: str  # where in the collection


@dataclass(frozen=True, slots=True)
class PeopleTag:
    """A tag, as far as people are concerned."""

    name: str
    parent: int | None
    properties: frozenset[str]  # of PERSON and SPECIAL


@dataclass(slots=True)
class Picture:
    """A picture with a face or a person."""

    image_id: int
    album_id: int
    name: str
    width: int | None  # pixels, as stored
    height: int | None
    orientation: int | None  # EXIF, or what its user turned it to; 0: not known
    faces: list[tuple[int, str, str]] = field(default_factory=list)  # tag, one of FACES, what it says
    keywords: list[int] = field(default_factory=list)  # tags of people


def open_digikam(path: str) -> AbstractContextManager[Foreign]:
    """Raises UsageProblem where that is none of digiKam's databases."""
    return opened(path, "digiKam", NEEDED)


def albums(foreign: Foreign) -> dict[int, Album]:
    """Every folder, by its number."""
    found = rows(
        foreign,
        """SELECT Albums.id, identifier, specificPath, relativePath
           FROM Albums JOIN AlbumRoots ON AlbumRoots.id = Albums.albumRoot""",
    )
    return {number: Album(*map(text, row[1:])) for row in found if (number := whole(row[0])) is not None}


def people(foreign: Foreign) -> dict[int, PeopleTag]:
    """Every tag, by its number."""
    properties: defaultdict[int | None, set[str]] = defaultdict(set)
    for tag, name in rows(foreign, "SELECT tagid, property FROM TagProperties"):
        if name in (PERSON, *SPECIAL):
            properties[whole(tag)].add(name)
    return {
        number: PeopleTag(text(name), whole(parent), frozenset(properties[number]))
        for tag, parent, name in rows(foreign, "SELECT id, pid, name FROM Tags")
        if (number := whole(tag)) is not None
    }


def pictures(foreign: Foreign, persons: Collection[int]) -> Iterator[Picture]:
    """Every picture with a face or with one of these tags, folder by folder."""
    wanted = rows(
        foreign,
        f"""SELECT Images.id, album, name, width, height, orientation
            FROM Images LEFT JOIN ImageInformation ON ImageInformation.imageid = Images.id
            WHERE status = ? AND Images.id IN (
                SELECT imageid FROM ImageTagProperties WHERE property IN ({_marks(FACES)})
                UNION SELECT imageid FROM ImageTags)
            ORDER BY album, Images.id""",
        (VISIBLE, *FACES),
    )
    batch: dict[int, Picture] = {}
    for row in wanted:
        image, album = whole(row[0]), whole(row[1])
        if image is None or album is None:
            continue
        batch[image] = Picture(image, album, text(row[2]), whole(row[3]), whole(row[4]), whole(row[5]))
        if len(batch) == AT_ONCE:
            yield from _filled(foreign, batch, persons)
            batch = {}
    yield from _filled(foreign, batch, persons)


def _filled(foreign: Foreign, batch: dict[int, Picture], persons: Collection[int]) -> Iterator[Picture]:
    """Those of these pictures of which anything is said, with what that is."""
    said = rows(
        foreign,
        f"""SELECT imageid, tagid, property, value FROM ImageTagProperties
            WHERE imageid IN ({_marks(batch)}) AND property IN ({_marks(FACES)})
            ORDER BY imageid, tagid, property, value""",
        (*batch, *FACES),
    )
    for image, tag, what, value in said:
        if image in batch and isinstance(tag, int):
            batch[image].faces.append((tag, what, text(value)))
    tagged = rows(
        foreign,
        f"SELECT imageid, tagid FROM ImageTags WHERE imageid IN ({_marks(batch)}) ORDER BY imageid, tagid",
        tuple(batch),
    )
    for image, tag in tagged:
        if image in batch and tag in persons:
            batch[image].keywords.append(tag)
    yield from (picture for picture in batch.values() if picture.faces or picture.keywords)


def _marks(values: Collection[object]) -> str:
    """Places to bind values at. The file's own connection knows no json_each(): see opening.py."""
    return ", ".join("?" * len(values))
