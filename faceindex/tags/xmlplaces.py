"""Where entries of ours are put into an XMP packet and taken out of it, without a trace in what is not ours.

add, take_out    entries
remember         the list of what is ours
set_size         the size of the picture that MWG regions are for
is_blocked       whether a list is written so that nothing can be added to it
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from faceindex.tags import xmltree
from faceindex.tags.xmlentries import FIELDS, Entry, element
from faceindex.tags.xmltree import ABOUT, DESCRIPTION, PARSE_TYPE, SPACES, Element, every, full, held, struct

BARE = {PARSE_TYPE, ABOUT, "about"}  # attributes that say nothing by themselves


def add(rdf: Element, mark: str, field: str, entries: Sequence[Entry]) -> None:
    """Put entries into their list; one that is not there yet is made where the property `mark` stands."""
    found = _reach(rdf, field)
    if found is None:
        raise ValueError(f"{field} is blocked")
    node, missing = found
    for name in missing:
        if node is None:
            node = _elements_of(rdf, mark)[0].getparent()
        elif name not in ("rdf:Bag", "rdf:Seq"):
            if struct(node) is node:
                node.set(PARSE_TYPE, "Resource")
            node = struct(node)
        node = xmltree.append(node, etree.Element(full(name), nsmap=_spaces(name)))
    for one in entries:
        xmltree.append(node, element(one))


def is_blocked(rdf: Element, field: str) -> bool:
    return _reach(rdf, field) is None


def _reach(rdf: Element, field: str) -> tuple[Element | None, tuple[str, ...]] | None:
    """The deepest element of a list that is there, and what is missing below it.

    None where the list is an attribute, or a single value without a list.
    """
    path, kind = FIELDS[field]
    node: Element | None = None
    for depth, name in enumerate(path):
        values = every(rdf, name) if node is None else held(struct(node), name)
        if not values:
            shorthand = node is not None and struct(node) is node and set(node.attrib) - {PARSE_TYPE}
            return None if shorthand else (node, (*path[depth:], kind))
        if isinstance(values[0], str):
            return None
        node = values[0]
    assert node is not None  # no path is empty
    bag = xmltree.container(node)
    if bag is not None:
        return bag, ()
    return None if len(node) or node.attrib or (node.text or "").strip() else (node, (kind,))


def take_out(rdf: Element, node: Element) -> None:
    """Take an element out, and with it what it leaves empty."""
    while node is not rdf:
        parent = node.getparent()
        xmltree.drop(node)
        node = parent
        if len(node) or set(node.attrib) - BARE:
            return


def remember(rdf: Element, mark: str, lines: Sequence[str]) -> None:
    """Let the property `mark` list these lines, sorted; it stands in a description of its own."""
    former = _elements_of(rdf, mark)
    own = former[0] if former and lines else None
    for other in former:
        if other is not own:
            take_out(rdf, other)
    if not lines:
        return
    if own is None:
        about = next((one.get(ABOUT) for one in xmltree.elements(rdf) if ABOUT in one.attrib), "")
        description = etree.Element(DESCRIPTION, {ABOUT: about}, nsmap=_spaces("rdf:", mark))
        own = xmltree.append(xmltree.append(rdf, description), etree.Element(full(mark), nsmap=_spaces(mark)))
    own.clear(keep_tail=True)
    bag = xmltree.append(own, etree.Element(full("rdf:Bag"), nsmap=_spaces("rdf:")))
    for line in sorted(lines):
        node = etree.Element(full("rdf:li"), nsmap=_spaces("rdf:"))
        node.text = line
        xmltree.append(bag, node)


def set_size(rdf: Element, size: tuple[int, int] | None) -> None:
    """Say for which size MWG regions are, or no longer."""
    for regions in every(rdf, "mwg-rs:Regions"):
        for former in held(struct(regions), "mwg-rs:AppliedToDimensions"):
            take_out(rdf, former)
    if size:
        parent = struct(every(rdf, "mwg-rs:Regions")[0])
        said = etree.Element(full("mwg-rs:AppliedToDimensions"), {PARSE_TYPE: "Resource"}, nsmap=_spaces("stDim:"))
        for name, value in (("w", size[0]), ("h", size[1]), ("unit", "pixel")):
            etree.SubElement(said, full(f"stDim:{name}")).text = str(value)
        xmltree.append(parent, said)


def _elements_of(rdf: Element, name: str) -> list[Element]:
    return [value for value in every(rdf, name) if not isinstance(value, str)]


def _spaces(*names: str) -> dict[str, str]:
    prefixes = [name.partition(":")[0] for name in names]
    return {prefix: SPACES[prefix] for prefix in prefixes}
