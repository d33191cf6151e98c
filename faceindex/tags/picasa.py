"""Picasa's .picasa.ini: one file for all pictures of a folder, with a section for each picture.

    [beach.jpg]
    faces=rect64(3f845bcb59418507),8e62398ebda8c1a5;rect64(…),ffffffffffffffff
    [Contacts2]
    8e62398ebda8c1a5=Anna Smith;anna@example.org;

read     whom it names on which picture
merge    the file with our faces in it, everything else as it was

A rect64 is left, top, right and bottom as four 16-bit numbers, leading zeros left out, in 65536ths of the stored
picture, as the camera wrote it: Picasa's own `rotate=` does not turn it. Contact ids lose leading zeros, too.
Lines are bytes here, and each is decoded by itself: UTF-8, or what Windows wrote before that.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from faceindex.image.turns import stored_box, upright_box
from faceindex.models import Box, Canvas, Reading, Tag, TagWord
from faceindex.tags.ini import Names, Row, decoded, is_name, rewritten, rows

LARGEST = 16 * 2**20  # bytes of a file that is read at all; one of 10,000 photos has about one million
NOBODY = frozenset({"f" * 16, "0" * 16})  # contacts of a face that nobody named
WIDE = "\uff1b"  # in a name that we write: the file parts names from what follows by a semicolon
OURS: dict[str, TagWord] = {"face1d": "said", "face1e": "guessed"}  # how contact ids that we made begin
MOST = 1000  # faces of one picture
WHOLE = Canvas(1, 1)  # of a picture that is not known: its boxes stay as they are stored

UTF8 = b"[encoding]\r\nutf8=1\r\n"  # what Picasa writes to say so
EMPTY = frozenset({b"", *UTF8.split()})  # lines of a file that says nothing
FACE = re.compile(rb"\s*rect64\(\s*([0-9a-f]{1,16})\s*\)\s*(?:,\s*([0-9a-f]{1,16})\s*)?", re.IGNORECASE)
ID = re.compile(rb"[0-9a-f]{1,16}", re.IGNORECASE)
ELSEWHERE = re.compile(r"[^,;]*_lh,\s*([0-9a-f]{1,16})\s*", re.IGNORECASE)  # [Contacts]: a contact of an account


@dataclass(frozen=True, slots=True)
class Entry:
    """One of a picture's faces: both as 16 digits, in small letters."""

    rect: str
    contact: str

    @property
    def box(self) -> Box | None:
        """Fractions of the stored picture; None where it has no area."""
        left, top, right, bottom = (int(self.rect[at : at + 4], 16) / 65536 for at in range(0, 16, 4))
        return Box(left, top, right, bottom) if left < right and top < bottom else None


# --------------------------------------------------------------------------------------- reading


def read(ini: bytes, canvases: Mapping[str, Canvas], contacts: Mapping[str, str]) -> dict[str, Reading]:
    """The faces of each picture that has any, by its name; under "" what is to be said of the file itself.

    A picture that is not among `canvases` gets its boxes as they are stored.
    """
    faces, told, linked = _gather(ini)
    called, notes = _called(told, linked, contacts)
    known = Names(canvases)
    values: defaultdict[str, list[bytes]] = defaultdict(list)
    for section, lines in faces.items():
        name = known.of(section) or decoded(section)
        if is_name(name):
            values[name] += lines
        else:
            notes.append(f"{name[:60]!r} is no name of a file in its folder")
    found = {name: _reading(lines, canvases.get(name, WHOLE), called) for name, lines in values.items()}
    return found | ({"": Reading(notes=tuple(notes))} if notes else {})


def _gather(ini: bytes) -> tuple[dict[bytes, list[bytes]], list[tuple[str, str]], dict[str, str]]:
    """Faces by section; (id, name) in the order of their rank; ids of [Contacts] that only lead to another id."""
    faces: defaultdict[bytes, list[bytes]] = defaultdict(list)
    newer: list[tuple[str, str]] = []
    older: list[tuple[str, str]] = []
    linked: dict[str, str] = {}
    for row in rows(ini):
        section = row.section.lower()
        if row.key == b"faces" and not _is_no_file(section):
            faces[row.section].append(row.value)
        elif section in (b"contacts", b"contacts2") and ID.fullmatch(row.key):
            contact, value = padded(row.key), decoded(row.value)
            elsewhere = ELSEWHERE.fullmatch(value) if section == b"contacts" else None
            if elsewhere:
                linked[contact] = elsewhere[1].lower().zfill(16)
            elif name := value.partition(";")[0].strip():
                (newer if section == b"contacts2" else older).append((contact, name))
    return faces, older + newer, linked


def _is_no_file(section: bytes) -> bool:
    return section in (b"", b"picasa", b"encoding", b"contacts", b"contacts2") or section.startswith(b".album:")


def padded(contact: bytes) -> str:
    return contact.decode("ascii").lower().zfill(16)


def _called(
    told: Sequence[tuple[str, str]], linked: Mapping[str, str], contacts: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Name of each contact, contacts.xml before the file, and where the file contradicts itself."""
    sure = {contact.lower().zfill(16): name for contact, name in contacts.items()}
    said: dict[str, str] = {}
    notes = []
    for contact, name in told:
        former = said.get(contact, name)
        if former != name and contact not in sure:
            notes.append(f"contact {contact} is called both {former!r} and {name!r}; the last one counts")
        said[contact] = name
    by_link = {contact: sure[other] for contact, other in linked.items() if other in sure}
    return said | by_link | sure, notes


def _reading(values: Sequence[bytes], canvas: Canvas, called: Mapping[str, str]) -> Reading:
    entries, notes = _entries(values)
    if len(entries) > MOST:
        notes.append(f"only {MOST:,} of its {len(entries):,} faces are taken")
    named = {contact: meant(contact, called.get(contact)) for contact in {entry.contact for entry in entries} - NOBODY}
    orphans = sorted(contact for contact, name in named.items() if name is None)
    notes += [f"a face is of contact {contact}, whom nothing names" for contact in orphans]
    tags = []
    for entry, box in _standing(entries[:MOST], named, notes):
        word = word_of(entry.contact, named[entry.contact]) if entry.contact in named else None
        group = entry.contact if word is None and entry.contact in named else ""
        tags.append(Tag(named.get(entry.contact), upright_box(box, canvas.orientation), word or "said", group))
    return Reading(tuple(tags), tuple(notes))


def _standing(
    entries: Sequence[Entry], named: Mapping[str, str | None], notes: list[str]
) -> Iterator[tuple[Entry, Box]]:
    """Entries that say something of their own, with the box."""
    known = {entry.rect for entry in entries if entry.contact in named}
    theirs = [
        (entry.box, named[entry.contact])
        for entry in entries
        if entry.contact in named and not word_of(entry.contact, named[entry.contact])
    ]
    for entry in entries:
        box = entry.box
        if box is None:
            notes.append("a face's box has no area")
        elif entry.contact in named:
            # What we wrote beside a face of Picasa's, say because it was renamed here, is no word of Picasa's.
            name, word = named[entry.contact], word_of(entry.contact, named[entry.contact])
            said = [whose for place, whose in theirs if _same_place(box, place)] if word else []
            if not said:
                yield entry, box
            elif word == "said" and name not in said:
                notes.append(f"a face that faceindex called {name!r} is {said[0]!r} by Picasa, whose word is taken")
        elif entry.rect not in known:  # else of two sections for one picture, the older one knew no name yet
            yield entry, box


def _entries(values: Iterable[bytes]) -> tuple[list[Entry], list[str]]:
    """The faces of some lines, each once, and what of them is broken."""
    found: dict[Entry, None] = {}
    notes = []
    for part in (part for value in values for part in value.split(b";")):
        if entry := _entry(part):
            found[entry] = None
        elif part.strip():
            notes.append(f"a face cannot be read: {decoded(part.strip()[:40])!r}")
    return list(found), notes


def _entry(part: bytes) -> Entry | None:
    face = FACE.fullmatch(part)
    return Entry(padded(face[1]), padded(face[2] or b"0")) if face else None


# --------------------------------------------------------------------------------------- writing


def merge(former: bytes | None, tags: Mapping[str, Sequence[Tag]], canvases: Mapping[str, Canvas]) -> bytes | None:
    """The file with these faces on these pictures, or `former` itself where it says so already.

    Of a picture in `tags`, our faces become those, and everybody else's stay; a picture that is not in it is left
    alone. None: nothing is left to be written.
    """
    old = former or b""
    called: dict[str, str] = {}
    new = _with_contacts(_with_faces(old, tags, canvases, called), called)
    if new == old:
        return former
    if not former and not new.isascii():
        new += UTF8
    return None if all(row.raw.strip() in EMPTY for row in rows(new)) else new


def written(name: str) -> str:
    """A name as it can stand in the file: no line ends, and a wide semicolon for one."""
    return kept(name).replace(";", WIDE)


def kept(name: str) -> str:
    """What of a name comes back when it is read again: semicolons, too, unless it has wide ones."""
    plain = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in name)
    plain = " ".join(plain.encode("utf-8", "replace").decode().split())
    return plain.replace(";", WIDE) if WIDE in plain else plain


def contact_id(name: str, word: TagWord) -> str:
    """The contact id that we give to a name, always the same."""
    start = next(start for start, whose in OURS.items() if whose == word)
    return start + blake2b(name.encode(), digest_size=5).hexdigest()


def meant(contact: str, name: str | None) -> str | None:
    """The name behind one that we wrote: with the semicolons that it had."""
    exact = (name or "").replace(WIDE, ";")
    word = OURS.get(contact[:6])
    return exact if word and contact_id(exact, word) == contact else name


def word_of(contact: str, name: str | None) -> TagWord | None:
    """What a contact id of ours stands for; None: it is not ours, or was renamed over there."""
    word = OURS.get(contact[:6])
    return word if word and (name is None or contact_id(meant(contact, name) or "", word) == contact) else None


def rect_of(box: Box) -> str:
    """A box of the stored picture as 16 digits; at least one step wide and high."""
    left, top, right, bottom = (
        min(max(round(edge * 65536), 0), 65535) for edge in (box.left, box.top, box.right, box.bottom)
    )
    left, top = min(left, 65534), min(top, 65534)
    return f"{left:04x}{top:04x}{max(right, left + 1):04x}{max(bottom, top + 1):04x}"


def _with_faces(
    ini: bytes, tags: Mapping[str, Sequence[Tag]], canvases: Mapping[str, Canvas], called: dict[str, str]
) -> bytes:
    """Put the faces in; `called` learns the names of their contacts."""
    old = list(rows(ini))
    named = _contact_names(old)
    places = _places(old, tags)
    instead, after, tail = dict[int, bytes](), dict[int, bytes](), b""
    for name, said in tags.items():
        at = places.get(name, [])
        if not at and not is_name(name):
            continue
        faces = [number for number in at if old[number].key == b"faces"]
        entries, _ = _entries(old[number].value for number in faces)
        ours = {entry for entry in entries if word_of(entry.contact, named.get(entry.contact))}
        others = [entry for entry in entries if entry not in ours]
        wanted = _wanted(said, canvases[name], others, named) if said else {}
        called |= {entry.contact: who for entry, who in wanted.items()}
        if ours == set(wanted):
            continue
        parts = {number: [p for p in old[number].value.split(b";") if _entry(p) not in ours] for number in faces}
        new = [_part(entry) for entry in wanted]
        if faces:
            parts[faces[0]] = [part for part in parts[faces[0]] if part.strip()] + new
            instead |= {number: _faces_line(parts[number]) for number in faces}
        elif at:
            after[at[0]] = _faces_line(new)
        else:
            tail += b"[" + name.encode("utf-8", "surrogateescape") + b"]\n" + _faces_line(new)
    return rewritten(old, instead, after, tail)


def _part(entry: Entry) -> bytes:
    return f"rect64({entry.rect.lstrip('0')}),{entry.contact}".encode()


def _faces_line(parts: Sequence[bytes]) -> bytes:
    """The line, nothing where nobody is left."""
    return b"faces=" + b";".join(parts) + b"\n" if any(part.strip() for part in parts) else b""


def _places(old: Sequence[Row], names: Collection[str]) -> defaultdict[str, list[int]]:
    """Which lines are a picture's: the headings of its sections and its faces, the first heading first."""
    known = Names(names)
    found: defaultdict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(old):
        if (row.heads or row.key == b"faces") and not _is_no_file(row.section.lower()):
            name = known.of(row.section)
            if name is not None:
                found[name].append(number)
    return found


def _wanted(said: Sequence[Tag], canvas: Canvas, others: Sequence[Entry], named: Mapping[str, str]) -> dict[Entry, str]:
    """Our faces of a picture, and their names, without those that somebody else's say already."""
    wanted = {}
    there = [(named.get(entry.contact), entry.box) for entry in others if entry.contact not in NOBODY]
    for tag in said:
        name = kept(tag.name or "")
        if not name or tag.box is None or tag.word == "ignored":
            continue
        entry = Entry(rect_of(stored_box(tag.box, canvas.orientation)), contact_id(name, tag.word))
        box = entry.box
        # A contact that the file does not name is known to Picasa itself, and may well be the same.
        if entry not in others and not any(who in (name, None) and _same_place(box, place) for who, place in there):
            wanted[entry] = name
    return wanted


def _same_place(one: Box | None, other: Box | None) -> bool:
    return one is not None and other is not None and one.holds(other)


def _contact_names(old: Iterable[Row]) -> dict[str, str]:
    """Names that the file itself gives to contacts."""
    named = {}
    for row in old:
        if row.section.lower() == b"contacts2" and ID.fullmatch(row.key):
            named[padded(row.key)] = decoded(row.value).partition(";")[0].strip()
    return named


def _with_contacts(ini: bytes, called: Mapping[str, str]) -> bytes:
    """Name the contacts of our faces, and nobody's whose last face is gone."""
    old = list(rows(ini))
    used = {entry.contact for entry in _entries(row.value for row in old if row.key == b"faces")[0]}
    named = _contact_names(old)
    at = [number for number, row in enumerate(old) if row.section.lower() == b"contacts2" and row.raw.strip()]
    instead = {}
    for number in at:
        contact = padded(old[number].key) if ID.fullmatch(old[number].key) else ""
        if contact and contact not in used and word_of(contact, named[contact]):
            instead[number] = b""
    new = b"".join(f"{contact}={written(called[contact])};;\n".encode() for contact in sorted(set(called) - set(named)))
    if new and at:
        return rewritten(old, instead, {at[-1]: new})
    return rewritten(old, instead, {}, b"[Contacts2]\n" + new if new else b"")
