"""People whom an XMP packet names without a place: by a property for people, or by a keyword below "People"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from faceindex.tags import xmltree
from faceindex.tags.xmltree import Element, every, members

# What programs call the keyword above all people, in the languages digiKam and others speak.
# fmt: off
PEOPLE = frozenset([
    "people", "person", "persons", "faces", "personen", "gesichter", "personnes", "visages", "personas", "caras",
    "persone", "volti", "pessoas", "rostos", "mensen", "gezichten", "personer", "ansigter", "ansikten", "ansikter",
    "henkilöt", "kasvot", "ludzie", "osoby", "lidé", "tváře", "ľudia", "emberek", "oameni", "kişiler", "люди", "лица",
    "обличчя", "хора", "άνθρωποι", "人物", "人", "人々", "사람",
])
# fmt: on
NOBODY = frozenset({"unknown", "unconfirmed", "ignored"})  # digiKam's tags for faces without a person
HIERARCHIES = (("digiKam:TagsList", "/"), ("lr:hierarchicalSubject", "|"))
GUESSED = "faceindex:Guessed"  # names in a sidecar of ours that no human gave
DEEP = 20  # levels of keywords; no human makes more


def named_people(rdf: Element, known: Sequence[str]) -> list[str]:
    """Each name once; one that cannot be a part of a keyword as it is, is taken from the known ones."""
    exact = [xmltree.text(one) for value in every(rdf, "Iptc4xmpExt:PersonInImage") for one in members(value)]
    spelt = {keyword(name): name for name in (*exact, *known)}
    return list(dict.fromkeys(filter(None, [*exact, *(spelt.get(name, name) for name in leaves(paths(rdf)))])))


def guessed(rdf: Element) -> set[str]:
    """Names that we wrote though no human gave them."""
    found = {xmltree.text(one) for value in every(rdf, GUESSED) for one in members(value)}
    return found - {""}


def paths(rdf: Element) -> list[tuple[str, ...]]:
    """Hierarchical keywords, from the top."""
    found: list[tuple[str, ...]] = []
    for written, separator in HIERARCHIES:
        keywords = (xmltree.text(one) for value in every(rdf, written) for one in members(value))
        found += [tuple(keyword.split(separator)) for keyword in keywords]
    for value in every(rdf, "mwg-kw:Keywords"):
        if not isinstance(value, str):
            found += _branches(value, "mwg-kw:Hierarchy", ())
    return found


def leaves(written: Iterable[tuple[str, ...]]) -> list[str]:
    """The people of hierarchical keywords: what is below "People", but for groups that hold others."""
    clean = [tuple(part.strip() for part in path[:DEEP]) for path in written]
    groups = {path[:length] for path in clean for length in range(1, len(path))}
    below = (path for path in clean if len(path) > 1 and path[0].casefold() in PEOPLE and path not in groups)
    return [path[-1] for path in below if path[-1] and path[-1].casefold() not in NOBODY]


def keyword(name: str) -> str:
    r"""A name as a part of a hierarchical keyword, whose separators cannot be in it: digiKam writes "\" for "/"."""
    return name.replace("/", "\\").replace("|", "\\")


def _branches(node: Element, name: str, above: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The paths of a tree of MWG keywords."""
    found: list[tuple[str, ...]] = []
    for one in (one for value in xmltree.held(xmltree.struct(node), name) for one in members(value)):
        path = (*above, xmltree.field(one, "mwg-kw:Keyword"))
        found.append(path)
        if len(path) < DEEP and not isinstance(one, str):
            found += _branches(one, "mwg-kw:Children", path)
    return found
