"""XMP as XML: parsed with nothing hostile left in it, and the many spellings of RDF read as one.

parse, rdf_of, serialised              bytes to a tree and back
every, held, struct, members, text     a property, wherever and however it is written
append, drop                           changes that keep what stands around them

A value is a str where a property is written as an attribute, else the property's element.
"""

from __future__ import annotations

import codecs
import re
from typing import TypeAlias

from lxml import etree

from faceindex.tags import NotTags

Element: TypeAlias = etree._Element
Value: TypeAlias = "str | Element"

MAX_BYTES = 16 * 2**20  # of a packet; the largest in the wild are some hundred kilobytes
MAX_ELEMENTS = 100_000  # Lightroom's longest histories have some ten thousand
SPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "mwg-kw": "http://www.metadataworkinggroup.com/schemas/keywords/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "acdsee-rs": "http://ns.acdsee.com/regions/",
    "acdsee-stArea": "http://ns.acdsee.com/sType/Area#",
    "acdsee-stDim": "http://ns.acdsee.com/sType/Dimensions#",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "faceindex": "urn:faceindex:xmp#",
}
MARKS = (  # of the encodings, the longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
DECLARATION = re.compile(r"<\?xml\s[^>]*\?>")


def full(name: str) -> str:
    """A name with its namespace written out: "dc:subject" as lxml wants it."""
    prefix, _, local = name.partition(":")
    return f"{{{SPACES[prefix]}}}{local}"


CONTAINERS = tuple(full(name) for name in ("rdf:Bag", "rdf:Seq", "rdf:Alt"))
PARSE_TYPE, ABOUT, DESCRIPTION = full("rdf:parseType"), full("rdf:about"), full("rdf:Description")


def parse(packet: bytes) -> Element:
    """The root element; NotTags where it is no XML, too large, nested too deep, or brings a DOCTYPE."""
    if len(packet) > MAX_BYTES:
        raise NotTags(f"is larger than {MAX_BYTES // 2**20} MB")
    text = _decoded(packet).strip("\ufeff\0 \t\r\n")
    # Entities are only declared in a DOCTYPE, which XMP never has: none is ever expanded.
    if "<!DOCTYPE" in text:
        raise NotTags("has a DOCTYPE, which XMP never has: not read")
    text = DECLARATION.sub("", text, count=1) if text.startswith("<?xml ") else text
    safe = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8")
    try:
        root = etree.fromstring(text.encode("utf-8"), safe)
    except (etree.XMLSyntaxError, UnicodeEncodeError, ValueError) as error:
        raise NotTags("is no well-formed XML") from error
    if root.xpath("count(//*)") > MAX_ELEMENTS:
        raise NotTags(f"has more than {MAX_ELEMENTS} elements")
    return root


def _decoded(packet: bytes) -> str:
    encoding = next((name for mark, name in MARKS if packet.startswith(mark)), "utf-8")
    try:
        return packet.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotTags(f"is broken: it is no {encoding.upper()}") from error


def rdf_of(root: Element) -> Element:
    """The rdf:RDF element of an XMP packet."""
    rdf = root if root.tag == full("rdf:RDF") else root.find(full("rdf:RDF"))
    if rdf is None and root.tag == full("x:xmpmeta") and not elements(root):
        return etree.SubElement(root, full("rdf:RDF"))  # an empty packet, as Adobe's programs write
    if rdf is None:
        raise NotTags("is no XMP: it has no rdf:RDF")
    return rdf


def serialised(root: Element) -> bytes:
    """The whole document as UTF-8, with the comments and processing instructions around its root."""
    around = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
    return b"\n".join(etree.tostring(part, encoding="utf-8", with_tail=False) for part in around) + b"\n"


def elements(parent: Element) -> list[Element]:
    """Child elements, without comments and processing instructions."""
    return list(parent.iterchildren(tag=etree.Element))


def every(rdf: Element, *path: str) -> list[Value]:
    """The values of a property in all top-level descriptions, down the fields of structures."""
    nodes = elements(rdf)
    for name in path[:-1]:
        nodes = [struct(value) for node in nodes for value in held(node, name) if not isinstance(value, str)]
    return [value for node in nodes for value in held(node, path[-1])]


def held(node: Element, name: str) -> list[Value]:
    """The values of a property that a node has."""
    attribute = node.get(full(name))
    return [*([attribute] if attribute is not None else []), *node.iterchildren(tag=full(name))]


def struct(value: Element) -> Element:
    """The element that bears a structure's fields: the property's own, or the rdf:Description in it."""
    inner = value.find(DESCRIPTION)
    return value if inner is None else inner


def field(value: Value, name: str) -> str:
    """A structure's field as text; "" where it has none."""
    return next((text(one) for one in held(struct(value), name)), "") if not isinstance(value, str) else ""


def container(value: Value) -> Element | None:
    """The rdf:Bag, rdf:Seq or rdf:Alt of a property."""
    if isinstance(value, str):
        return None
    return next((child for child in elements(value) if child.tag in CONTAINERS), None)


def members(value: Value) -> list[Value]:
    """What a list holds; a property that is none counts as a list of one."""
    bag = container(value)
    return [value] if bag is None else elements(bag)


def text(value: Value) -> str:
    """A simple value, stripped; "" for a structure."""
    if isinstance(value, str):
        return value.strip()
    node = struct(value)
    worth = node.get(full("rdf:value")) or node.find(full("rdf:value"))
    if worth is not None:
        return text(worth)
    return "" if elements(value) else str(value.xpath("string()")).strip()


def append(parent: Element, child: Element) -> Element:
    """Add a child as the last, indented as its siblings are, or as the document is; the child."""
    level = sum(1 for _ in parent.iterancestors()) + 1
    if len(parent):
        child.tail, parent[-1].tail = parent[-1].tail, parent.text
    elif any("\n" in (above.text or "") for above in parent.iterancestors()):
        parent.text, child.tail = "\n" + " " * level, "\n" + " " * (level - 1)
    parent.append(child)
    indent = (parent.text or "").rpartition("\n")
    if indent[1] and not indent[2].strip(" "):
        etree.indent(child, space=" ", level=len(indent[2]))
    return child


def drop(child: Element) -> None:
    """Take a child out, with the white space that led to it."""
    before = child.getprevious()
    parent = child.getparent()
    if before is not None:
        before.tail = child.tail
    elif len(parent) == 1:
        parent.text = None
    parent.remove(child)
