"""Our tags into an XMP sidecar, and nothing else changed in it.

write    a new sidecar
merge    a sidecar brought up to date: what we once wrote and no longer say goes, the rest of it stays

What is ours stands in the sidecar itself: faceindex:Written lists each entry that we added. An entry that is
not as we wrote it any more was changed by somebody else, and is theirs from then on. faceindex:Guessed lists
whom no human named: other programs read them as any name, but an import of ours does not make a human's word of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceindex.image.turns import stored_box
from faceindex.models import Box, Canvas, Tag
from faceindex.tags import xmltree
from faceindex.tags.xmlentries import FIELDS, KEYWORDS, MICROSOFT, MWG, Entry, entry, keywords, region, writable
from faceindex.tags.xmlpeople import GUESSED, HIERARCHIES, guessed, leaves
from faceindex.tags.xmlplaces import add, is_blocked, remember, set_size, take_out
from faceindex.tags.xmltree import Element, Value, every, field, members, text
from faceindex.tags.xmp import MWG as CENTRED
from faceindex.tags.xmp import applied_to, area_of, lying, rectangle, stored_size

WRITTEN = "faceindex:Written"
BLANK = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
Lists = dict[str, list[Value]]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar's lists, with what we once wrote told apart from the rest."""

    rdf: Element
    written: Counter[str]  # lines of faceindex:Written
    ours: list[tuple[Entry, Element]]  # as we wrote them
    theirs: Lists

    @property
    def sized(self) -> bool:
        """Whether the size that its MWG regions are for is ours to say: we said it, or nobody did."""
        said = self.size
        if said is None:
            return not every(self.rdf, "mwg-rs:Regions")
        return not self.theirs[MWG] and self.written[_size_line(said)] > 0

    @property
    def size(self) -> tuple[float, float] | None:
        """The size that its MWG regions say they are for."""
        sizes = (applied_to(value) for value in every(self.rdf, "mwg-rs:Regions"))
        return next(filter(None, sizes), None)


def write(tags: Sequence[Tag], canvas: Canvas) -> bytes | None:
    """A new sidecar; None where there is nothing to say."""
    return merge(None, tags, canvas)


def merge(former: bytes | None, tags: Sequence[Tag], canvas: Canvas) -> bytes | None:
    """The sidecar with exactly these tags as ours; `former` itself where nothing changes, None where nothing is left.

    Raises NotTags where `former` is no XMP.
    """
    root = xmltree.parse(BLANK if former is None else former)
    there = _sorted_out(xmltree.rdf_of(root))
    wanted = _wanted(there, tags, canvas)
    size = _our_size(there, wanted, canvas)
    lines = [*([size] if size else []), *(one.line for one in wanted)]
    guesses = sorted({writable(tag.name) for tag in tags if tag.word == "guessed"} - {""})
    so_already = Counter(lines) == there.written and Counter(wanted) == Counter(one for one, _ in there.ours)
    if so_already and guesses == sorted(guessed(there.rdf)):
        return former
    sized = there.sized
    _take_out_all_but(there, wanted)
    remember(there.rdf, WRITTEN, lines)
    remember(there.rdf, GUESSED, guesses)
    missing = Counter(wanted) - Counter(one for one, node in there.ours if node.getparent() is not None)
    for name in FIELDS:
        if entries := [one for one in missing if one.field == name]:
            add(there.rdf, WRITTEN, name, entries)
    if sized:
        set_size(there.rdf, stored_size(canvas) if size else None)
    return None if _nothing_left(root, there.rdf) else xmltree.serialised(root)


def _sorted_out(rdf: Element) -> Sidecar:
    lists = [value for value in every(rdf, WRITTEN) if not isinstance(value, str)]
    written = Counter(line for value in lists for one in members(value) if (line := text(one)))
    left = Counter(written)
    ours: list[tuple[Entry, Element]] = []
    theirs: Lists = {name: [] for name in FIELDS}
    for name, (path, _) in FIELDS.items():
        for member in (one for value in every(rdf, *path) for one in members(value)):
            said = entry(name, member)
            if said and left[said.line] > 0 and not isinstance(member, str):
                left[said.line] -= 1
                ours.append((said, member))
            else:
                theirs[name].append(member)
    return Sidecar(rdf, written, ours, theirs)


def _wanted(there: Sidecar, tags: Sequence[Tag], canvas: Canvas) -> list[Entry]:
    """What is to be ours: all that the tags say, but for what somebody else says already."""
    turn = canvas.orientation if there.sized else lying(there.size, canvas)
    entries: list[Entry] = []
    theirs = {kind: list(_regions_of(kind, there.theirs[kind])) for kind in (MWG, MICROSOFT)}
    for tag in tags:
        name = writable(tag.name)
        if tag.box and turn is not None:
            place = stored_box(tag.box, turn)
            entries += [region(MWG, name, place)] if not _said(theirs[MWG], name, place) else []
        if tag.box:
            place = stored_box(tag.box, canvas.orientation)
            entries += [region(MICROSOFT, name, place)] if not _said(theirs[MICROSOFT], name, place) else []
    said = {name: _keywords_of(name, there.theirs[name]) for name in KEYWORDS}
    entries += [one for tag in tags for one in keywords(tag) if _last(one) not in said[one.field]]
    blocked = {name for name in FIELDS if is_blocked(there.rdf, name)}
    return [one for one in dict.fromkeys(entries) if one.field not in blocked]


def _said(theirs: Sequence[tuple[str, Box]], name: str, place: Box) -> bool:
    """Whether somebody else has a region of this name at this place."""
    return any(who == name and box.holds(place) for who, box in theirs)


def _regions_of(kind: str, written: Sequence[Value]) -> Iterator[tuple[str, Box]]:
    for member in written:
        if kind == MWG:
            name, area = field(member, "mwg-rs:Name"), area_of(member, CENTRED, (1.0, 1.0))
        else:
            name, area = field(member, "MPReg:PersonDisplayName"), rectangle(field(member, "MPReg:Rectangle"))
        if isinstance(area, Box) and area.width > 0 and area.height > 0:
            yield name, area


def _keywords_of(name: str, written: Sequence[Value]) -> set[str]:
    """The people whom others name in a list; below "People" in whatever language, and in whatever group."""
    said = (text(member) for member in written)
    separator = dict(HIERARCHIES).get(name)
    return set(said) if separator is None else set(leaves(tuple(path.split(separator)) for path in said))


def _last(one: Entry) -> str:
    """The name in a keyword of ours."""
    separator = dict(HIERARCHIES).get(one.field)
    return one.name if separator is None else one.name.split(separator)[-1]


def _our_size(there: Sidecar, wanted: Sequence[Entry], canvas: Canvas) -> str:
    """The line for the size that MWG regions are for, where it is ours to say."""
    if not any(one.field == MWG for one in wanted):
        return ""
    if there.sized:
        return _size_line(stored_size(canvas))
    said = _size_line(there.size) if there.size else ""
    return said if there.written[said] else ""


def _size_line(size: tuple[float, float]) -> str:
    return f"mwg-rs:AppliedToDimensions {size[0]:g} x {size[1]:g}"


def _take_out_all_but(there: Sidecar, wanted: Sequence[Entry]) -> None:
    left = Counter(wanted)
    for one, node in there.ours:
        if left[one] > 0:
            left[one] -= 1
        else:
            take_out(there.rdf, node)


def _nothing_left(root: Element, rdf: Element) -> bool:
    """Whether a document holds nothing but its own frame."""
    around = [*root.itersiblings(preceding=True), *root.itersiblings()]
    return (
        not len(rdf)
        and (root is rdf or len(root) == 1)
        and all(getattr(one, "target", None) == "xpacket" for one in around)
    )
