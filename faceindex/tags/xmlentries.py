"""What a sidecar says of a face or a person, entry by entry: how each is spelt as XML, and which XML is one.

FIELDS     where each kind of entry stands
wanted     the entries of a tag
element    an entry as XML
entry      XML as an entry, None where there is more to it than we would write
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from faceindex.models import Box, Tag
from faceindex.tags import xmltree
from faceindex.tags.xmlpeople import keyword
from faceindex.tags.xmltree import SPACES, Element, Value, full

MWG, MICROSOFT = "mwg-rs:RegionList", "MPRI:Regions"
FIELDS = {  # the list's own name: the way to it, and what kind of list
    MWG: (("mwg-rs:Regions", MWG), "rdf:Bag"),
    MICROSOFT: (("MP:RegionInfo", MICROSOFT), "rdf:Bag"),
    "Iptc4xmpExt:PersonInImage": (("Iptc4xmpExt:PersonInImage",), "rdf:Bag"),
    "digiKam:TagsList": (("digiKam:TagsList",), "rdf:Seq"),
    "lr:hierarchicalSubject": (("lr:hierarchicalSubject",), "rdf:Bag"),
    "dc:subject": (("dc:subject",), "rdf:Bag"),
}
KEYWORDS = {  # how a person's name is spelt there
    "Iptc4xmpExt:PersonInImage": "{name}",
    "digiKam:TagsList": "People/{keyword}",
    "lr:hierarchicalSubject": "People|{keyword}",
    "dc:subject": "{name}",
}
PREFIXES = {MWG: ("mwg-rs", "stArea"), MICROSOFT: ("MPReg",)}
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of one list."""

    field: str
    name: str  # as it is spelt there; "": a region without a name
    sides: tuple[str, ...] = ()  # of a region: centre or corner, width and height

    @property
    def line(self) -> str:
        """The entry as faceindex:Written remembers it."""
        return " ".join((self.field, *self.sides, self.name)).strip()


def writable(name: str | None) -> str:
    """A name without what XML cannot hold, stripped; "" for none."""
    return NO_XML.sub("", name or "").strip()


def digits(number: float) -> str:
    """A fraction to a millionth."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def region(field: str, name: str, box: Box) -> Entry:
    """The entry of a box in stored orientation."""
    corner = field == MICROSOFT
    x, y = (box.left, box.top) if corner else ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    return Entry(field, name, tuple(digits(side) for side in (x, y, box.width, box.height)))


def keywords(tag: Tag) -> Iterator[Entry]:
    """The entries of a person, wherever on the photo."""
    if name := writable(tag.name):
        for field, form in KEYWORDS.items():
            yield Entry(field, form.format(name=name, keyword=keyword(name)))


def element(entry: Entry) -> Element:
    """An entry as a member of its list."""
    spaces = {prefix: SPACES[prefix] for prefix in ("rdf", *PREFIXES.get(entry.field, ()))}
    node = etree.Element(full("rdf:li"), nsmap=spaces)
    if not entry.sides:
        node.text = entry.name
        return node
    node.set(xmltree.PARSE_TYPE, "Resource")
    for name, value in _fields(entry).items():
        etree.SubElement(node, full(name)).text = value
    if entry.field == MWG:
        area = etree.SubElement(node, full("mwg-rs:Area"))
        area.set(xmltree.PARSE_TYPE, "Resource")
        for side, value in (*zip("xywh", entry.sides, strict=True), ("unit", "normalized")):
            etree.SubElement(area, full(f"stArea:{side}")).text = value
    return node


def _fields(entry: Entry) -> dict[str, str]:
    if entry.field == MWG:
        return {**({"mwg-rs:Name": entry.name} if entry.name else {}), "mwg-rs:Type": "Face"}
    named = {"MPReg:PersonDisplayName": entry.name} if entry.name else {}
    return {**named, "MPReg:Rectangle": ", ".join(entry.sides)}


def entry(field: str, member: Value) -> Entry | None:
    """The entry that a member of a list is, however it is spelt; None where somebody put more into it."""
    if field not in (MWG, MICROSOFT):
        plain = isinstance(member, str) or not (xmltree.elements(member) or member.attrib)
        return Entry(field, xmltree.text(member)) if plain else None
    held = _flat(member)
    if field == MICROSOFT:
        sides = held.pop("MPReg:Rectangle", "").split(",")
        name = held.pop("MPReg:PersonDisplayName", "")
    else:
        sides = [held.pop(f"stArea:{side}", "") for side in "xywh"]
        name = held.pop("mwg-rs:Name", "")
        plain = held.pop("mwg-rs:Type", "") == "Face" and held.pop("stArea:unit", "") == "normalized"
        held = held if plain else {"": ""}
    try:
        return Entry(field, name, tuple(digits(float(side)) for side in sides)) if not held else None
    except ValueError:
        return None


def _flat(member: Value) -> dict[str, str]:
    """The fields of a region and of its area by name; what is no field of ours keeps its full name."""
    fields: dict[str, str] = {}
    if isinstance(member, str):
        return {"": member}
    ours = {full(name): name for name in ("mwg-rs:Name", "mwg-rs:Type", "MPReg:PersonDisplayName", "MPReg:Rectangle",
                                          *(f"stArea:{side}" for side in ("x", "y", "w", "h", "unit")))}  # fmt: skip
    nodes = [xmltree.struct(member)]
    nodes += [xmltree.struct(area) for area in xmltree.held(nodes[0], "mwg-rs:Area") if not isinstance(area, str)]
    for node in nodes:
        values = [*node.attrib.items(), *((child.tag, xmltree.text(child)) for child in xmltree.elements(node))]
        for name, value in values:
            if name not in (full("mwg-rs:Area"), xmltree.PARSE_TYPE, xmltree.ABOUT):
                fields[ours.get(name, name)] = value.strip()
    return fields
