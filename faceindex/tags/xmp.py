"""Faces and people out of an XMP packet.

read       everything below, as Tags
centred       Metadata Working Group and ACDSee regions: a centre, and the size of the picture they are for
microsoft     Microsoft regions: a top left corner
joined        regions of two kinds that mean one face

All are stored in the orientation of the file, before EXIF turns it upright. docs/xmp.md says who writes what;
people without a place are xmlpeople's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from faceindex.image.turns import SIDEWAYS, stored_box, upright_box
from faceindex.models import Box, Canvas, Reading, Tag
from faceindex.tags import xmltree
from faceindex.tags.xmlpeople import guessed, named_people
from faceindex.tags.xmltree import Element, Value, every, field, members

SAME = 0.5  # IoU from which two boxes of one face are taken for one
MANY = 500  # regions of one kind; no photo has more, and comparing them takes the square of it
SLACK = 0.01  # of the aspect ratio, for what programs round when they resize


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a face as it is written."""

    name: str | None
    there: Box | None  # fractions of the picture in its stored orientation, not clipped; None: no place, or no sense
    upright: Box | None  # what of it lies in the upright picture; None: nothing, or it is for another picture


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of region with a centre is spelt."""

    regions: tuple[str, ...]
    applied: str
    dimensions: str  # prefix of w, h, unit
    areas: tuple[str, ...]  # the first that is there counts
    area: str  # prefix of x, y, w, h, d, unit
    own: str  # prefix of Name, Type


MWG = Kind(("mwg-rs:Regions",), "mwg-rs:AppliedToDimensions", "stDim", ("mwg-rs:Area",), "stArea", "mwg-rs")
ACDSEE = Kind(
    ("acdsee-rs:Regions",), "acdsee-rs:AppliedToDimensions", "acdsee-stDim",
    ("acdsee-rs:DLYArea", "acdsee-rs:ALGArea"), "acdsee-stArea", "acdsee-rs",
)  # fmt: skip


def read(packet: bytes, canvas: Canvas) -> Reading:
    """The faces and people of a packet; NotTags where it is no XMP."""
    rdf = xmltree.rdf_of(xmltree.parse(packet))
    notes: list[str] = []
    found: list[Region] = []
    for kind in (centred(rdf, MWG, canvas, notes), microsoft(rdf, canvas, notes), centred(rdf, ACDSEE, canvas, notes)):
        found = joined(found, kind)
    placed = [Tag(region.name, region.upright) for region in found if region.upright and not _whole(region)]
    unplaced = [region.name for region in found if region.there is None]
    there = {tag.name for tag in placed}
    people = named_people(rdf, [region.name for region in found if region.name])
    others = [Tag(name, None) for name in (*unplaced, *people) if name and name not in there]
    guesses = guessed(rdf)
    tags = (replace(tag, word="guessed") if tag.name in guesses else tag for tag in (*placed, *others))
    return Reading(tuple(dict.fromkeys(tags)), tuple(dict.fromkeys(notes)))


def stored_size(canvas: Canvas) -> tuple[int, int]:
    """Width and height of a picture as its file holds it."""
    return (canvas.height, canvas.width) if canvas.orientation in SIDEWAYS else (canvas.width, canvas.height)


def applied_to(regions: Value, kind: Kind = MWG) -> tuple[float, float] | None:
    """The size that regions say they are for."""
    for dimensions in xmltree.held(xmltree.struct(regions), kind.applied) if not isinstance(regions, str) else []:
        size = [_number(field(dimensions, f"{kind.dimensions}:{side}")) for side in "wh"]
        if size[0] and size[1] and min(size[0], size[1]) > 0:
            return size[0], size[1]
    return None


def lying(size: tuple[float, float] | None, canvas: Canvas) -> int | None:
    """By which orientation regions for a picture of this size are to be turned; None: it was cropped since.

    A few programs give size and regions of the upright picture: then it is 1.
    """
    if size is None or _alike(size, stored_size(canvas)):
        return canvas.orientation
    return 1 if canvas.orientation in SIDEWAYS and _alike(size, (canvas.width, canvas.height)) else None


def _alike(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether two sizes have one aspect ratio, but for rounding to whole pixels."""
    off = abs(a[0] * b[1] - a[1] * b[0])
    return off <= max(SLACK * max(a[0] * b[1], a[1] * b[0]), *a, *b)


def centred(rdf: Element, kind: Kind, canvas: Canvas, notes: list[str]) -> list[Region]:
    """Regions whose areas have a centre."""
    found: list[Region] = []
    for regions in every(rdf, *kind.regions):
        size = applied_to(regions, kind)
        turn = lying(size, canvas)
        faces = list(_faces(regions, kind))
        if faces and turn is None and size is not None:
            notes.append(_for_another(size, stored_size(canvas)))
        for face in faces[:MANY]:
            name = named(field(face, f"{kind.own}:Name"))
            found.append(_placed(name, area_of(face, kind, size or stored_size(canvas)), turn, canvas, notes))
        _too_many(faces, notes)
    return found


def _for_another(size: tuple[float, float], now: tuple[int, int]) -> str:
    """The note on regions that are for another picture."""
    how = "turned" if _alike((size[1], size[0]), now) else "cropped"
    return (
        f"its regions are for a picture of {size[0]:.0f} x {size[1]:.0f}, and it has {now[0]} x {now[1]} now: "
        f"{how} since, so they were not taken"
    )


def _faces(regions: Value, kind: Kind) -> Iterator[Value]:
    lists = xmltree.held(xmltree.struct(regions), f"{kind.own}:RegionList") if not isinstance(regions, str) else []
    for region in (one for found in lists for one in members(found)):
        said = field(region, f"{kind.own}:Type").lower()
        if said in ("", "face") and field(region, f"{kind.own}:NameAssignType").lower() != "denied":
            yield region


def area_of(region: Value, kind: Kind, size: tuple[float, float]) -> Box | str | None:
    """The box of a region as it is written; a str: what is wrong with it; None: it has none."""
    node = xmltree.struct(region) if not isinstance(region, str) else None
    areas = [area for name in kind.areas for area in xmltree.held(node, name)] if node is not None else []
    if not areas:
        return None
    written = {side: _number(field(areas[0], f"{kind.area}:{side}")) for side in "xywhd"}
    x, y, w, h, d = (written[side] for side in "xywhd")
    pixels = field(areas[0], f"{kind.area}:unit").lower() == "pixel"
    across, down = size if pixels else (1.0, 1.0)
    if d is not None and w is None and h is None:  # a circle, where not in pixels then in parts of the shorter side
        w, h = (d, d) if pixels else (d * min(size) / size[0], d * min(size) / size[1])
    if x is None or y is None or w is None or h is None:
        return "has no proper numbers"
    return Box((x - w / 2) / across, (y - h / 2) / down, (x + w / 2) / across, (y + h / 2) / down)


def microsoft(rdf: Element, canvas: Canvas, notes: list[str]) -> list[Region]:
    """Regions with their top left corner; those that only name somebody have no rectangle, or an empty one."""
    regions = [one for value in every(rdf, "MP:RegionInfo", "MPRI:Regions") for one in members(value)]
    _too_many(regions, notes)
    found = []
    for region in regions[:MANY]:
        area = rectangle(field(region, "MPReg:Rectangle"))
        name = named(field(region, "MPReg:PersonDisplayName"))
        found.append(_placed(name, area, canvas.orientation, canvas, notes))
    return found


def rectangle(written: str) -> Box | str | None:
    """Microsoft's "left, top, width, height"; a str: what is wrong with it; None: it is empty."""
    sides = [_number(side) for side in written.split(",")]
    if not written or sides == [0, 0, 0, 0]:
        return None
    x, y, w, h = sides if len(sides) == 4 else (None, None, None, None)
    if x is None or y is None or w is None or h is None:
        return "has no proper numbers"
    return Box(x, y, x + w, y + h)


def _placed(name: str | None, area: Box | str | None, turn: int | None, canvas: Canvas, notes: list[str]) -> Region:
    """A region where it lies in the upright picture; what makes no sense is noted."""
    who = f"its region of {name}" if name else "a region without a name"
    if isinstance(area, Box) and (wrong := _wrong(area)):
        area = wrong
    if isinstance(area, str):
        notes.append(f"{who} {area}, and was not taken")
    if not isinstance(area, Box):
        return Region(name, None, None)
    if turn is None:
        return Region(name, area, None)
    there = stored_box(area, canvas.orientation) if turn != canvas.orientation else area
    inside = Box(*(min(max(edge, 0.0), 1.0) for edge in (area.left, area.top, area.right, area.bottom)))
    return Region(name, there, upright_box(inside, turn))


def _wrong(area: Box) -> str | None:
    if area.width <= 0 or area.height <= 0:
        return "is empty"
    if area.width > 1 + SLACK or area.height > 1 + SLACK:
        return "is larger than the picture"
    if min(area.right, area.bottom) <= 0 or max(area.left, area.top) >= 1:
        return "lies outside the picture"
    return None


def _too_many(regions: Sequence[Value], notes: list[str]) -> None:
    if len(regions) > MANY:
        notes.append(f"it has {len(regions)} regions of one kind, and only the first {MANY} were taken")


def _whole(region: Region) -> bool:
    """Whether it is the whole picture and nobody's name: some telephones write that for every picture."""
    return region.name is None and region.upright == Box(0, 0, 1, 1)


def joined(taken: list[Region], others: Sequence[Region]) -> list[Region]:
    """Regions of two kinds, those that mean one face joined, each with one other at most; the first kind's box wins."""
    pairs = [(i, j, overlaps(a, b)) for i, a in enumerate(taken) for j, b in enumerate(others)]
    pairs = [pair for pair in pairs if max(pair[2]) > SAME]
    pairs.sort(key=lambda pair: (taken[pair[0]].name != others[pair[1]].name, -pair[2][0], -pair[2][1]))
    merged = list(taken)
    free, left = set(range(len(taken))), set(range(len(others)))
    for i, j, _ in pairs:
        if i in free and j in left:
            merged[i] = replace(taken[i], name=taken[i].name or others[j].name)
            free.remove(i)
            left.remove(j)
    return merged + [others[j] for j in sorted(left)]


def overlaps(a: Region, b: Region) -> tuple[float, float]:
    """IoU of two regions that may mean one face, as they are, and if the second were upright; 0 where they cannot.

    Some files have one kind as stored and the other as upright: with one name, that fits too.
    """
    if a.there is None or b.there is None or (a.name and b.name and a.name != b.name):
        return 0.0, 0.0
    crossed = a.upright.iou(b.there) if a.name and b.name and a.upright else 0.0
    return a.there.iou(b.there), crossed


def named(written: str) -> str | None:
    """A name as it is written, None where it is empty."""
    return written.strip() or None


def _number(written: str) -> float | None:
    """A number; a decimal comma is one too; None where it is none, or not finite."""
    try:
        number = float(written.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e9 else None
