"""Picasa's contacts.xml: the name of each contact, as Picasa itself keeps it for all folders."""

from __future__ import annotations

from xml.parsers import expat

from faceindex.tags import NotTags


def read(xml: bytes) -> dict[str, str]:
    """Contact id, 16 digits, to name. Raises NotTags where it is no such file; nothing outside it is ever read."""
    names: dict[str, str] = {}
    elsewhere: dict[str, str] = {}  # ids by which accounts on the web knew the same people
    inside = [""]

    def start(element: str, attributes: dict[str, str]) -> None:
        contact = attributes.get("id", "").strip().lower().zfill(16)
        if element == "contact":
            name = " ".join((attributes.get("name") or attributes.get("display") or "").split())
            inside[0] = name
            if name and len(contact) == 16:
                names[contact] = name
        elif element == "subject" and inside[0] and len(contact) == 16:
            elsewhere[contact] = inside[0]

    def end(element: str) -> None:
        if element == "contact":
            inside[0] = ""

    def refuse(*_: object) -> None:
        raise NotTags("has a DOCTYPE, which Picasa never writes")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse  # so no entity can be declared, inside or outside the file
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: an encoding that is none
        raise NotTags(f"is no contacts.xml of Picasa, or is damaged ({error})") from error
    return elsewhere | names
