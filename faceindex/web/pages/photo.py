"""A photo: who is on it and who said so, what the index knows of it, where it lies; and what lies beside it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Blueprint, abort, render_template, request

from faceindex.models import Box
from faceindex.store import finding, looking
from faceindex.store.finding import Wish
from faceindex.store.looking import Copy, Face
from faceindex.web import index
from faceindex.web.changing import told_of
from faceindex.web.pages.search import LARGEST, asked_in, in_words, is_number, wish_of

pages = Blueprint("photo", __name__)
NUMBER = f"<int(max={LARGEST}):number>"

WIDE = 1000  # units across the drawing over a picture
SHOWN_TALL = 700  # pixels: what a desktop has room for
SMALLEST_SHOWN, LARGEST_SHOWN = 480, 1600


@dataclass(frozen=True, slots=True)
class Drawn:
    """A face's box in the drawing over the picture."""

    face: Face
    kind: str  # human, match, unknown, ignored
    x: float
    y: float
    width: float
    height: float
    name_y: float  # where its name stands: below, or above where there is no room


@dataclass(frozen=True, slots=True)
class Canvas:
    """The drawing over the picture: its size in units and in pixels."""

    height: float
    shown: int  # pixels across, at most
    font: float  # units
    boxes: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """The list that one walks through: what it is, and its photos before and after this one."""

    title: str
    href: str
    of: str  # as an address has it
    before: int | None
    after: int | None


@pages.get(f"/photo/{NUMBER}")
def photo(number: int) -> str:
    """One photo."""
    db = index.db()
    known = looking.photo(db, number)
    if known is None:
        abort(404)
    copies, faces = looking.copies(db, number), looking.faces(db, number)
    return render_template(
        "photo.html", photo=known, copies=copies, here=[copy for copy in copies if copy.state == "present"],
        canvas=canvas(known.width, known.height, faces), around=_around(db, number, copies),
        tags=looking.tags(db, number), chosen=_chosen(), told=told_of(db), title=_title(copies, number),
    )  # fmt: skip


@pages.get(f"/why/{NUMBER}")
def why(number: int) -> str:
    """Why a face is where it is, and what the rules would say today."""
    from faceindex.pipeline.explaining import explain  # noqa: PLC0415  (slow to import)

    db = index.db()
    photo_id = looking.photo_of(db, number)
    if photo_id is None:
        abort(404)
    told: dict[str, Any] = explain(db, number)
    return render_template("why.html", face=told, photo_id=photo_id, told=told_of(db))


def canvas(width: int, height: int, faces: list[Face]) -> Canvas:
    """The drawing over a picture of so many pixels."""
    tall = WIDE * height / max(width, 1)
    shown = max(SMALLEST_SHOWN, min(width, LARGEST_SHOWN))
    font = 17 * WIDE / min(shown, WIDE, max(SHOWN_TALL * width / max(height, 1), 200))
    return Canvas(round(tall, 2), shown, round(font, 1), tuple(_drawn(face, tall, font) for face in faces))


def _drawn(face: Face, tall: float, font: float) -> Drawn:
    box: Box = face.box
    below = box.bottom * tall + 1.1 * font
    name_y = below if below < tall - 0.3 * font else max(box.top * tall - 0.4 * font, font)
    x, y, width, height = box.left * WIDE, box.top * tall, box.width * WIDE, box.height * tall
    return Drawn(face, kind_of(face), *(round(each, 2) for each in (x, y, width, height, name_y)))


def kind_of(face: Face) -> str:
    """How a face's box is drawn."""
    if face.named_by == "ignored":
        return "ignored"
    if face.named_by in ("human", "tag"):
        return "human"
    return "match" if face.name else "unknown"


def _chosen() -> int:
    """The face that is meant, as ?face=203 says."""
    given = request.args.get("face", "")
    return int(given) if is_number(given) else 0


def _title(copies: list[Copy], number: int) -> str:
    return copies[0].path.rpartition("/")[2] if copies else f"Photo {number}"


# ------------------------------------------------------------------------------------- what is beside it


def _around(db: sqlite3.Connection, number: int, copies: list[Copy]) -> Around | None:
    """The list that the address tells, else the folder."""
    kind, _, rest = request.args.get("of", "").partition(":")
    here = finding.spot(db, number)
    if here is not None and kind in ("person", "cluster", "search"):
        wish, title, href = _wished(db, kind, rest)
        if wish is not None:
            of = quote(f"{kind}:{rest}", safe="")
            return Around(title, href, of, *finding.neighbours(db, wish, here))
    folders = {copy.folder_id: copy.folder for copy in copies if copy.state == "present"}
    chosen = int(rest) if kind == "folder" and is_number(rest) and int(rest) in folders else None
    folder = chosen if chosen is not None else next(iter(folders), None)
    if folder is None:
        return None
    path = folders[folder]
    of = quote(f"folder:{folder}", safe="")
    name = path.rpartition("/")[2] or path
    return Around(name, f"/search?folder={quote(path)}", of, *looking.beside(db, folder, number))


def _wished(db: sqlite3.Connection, kind: str, rest: str) -> tuple[Wish | None, str, str]:
    """What is looked for, its title and its page."""
    if kind == "search":
        asked = asked_in(rest)
        wish, wrong = wish_of(db, asked)
        return (None if wrong or asked.wrong else wish), in_words(asked) or "all photos", f"/search?{asked.query}"
    if not is_number(rest):
        return None, "", ""
    number = int(rest)
    if kind == "cluster":
        return Wish(cluster=number), f"cluster {number}", f"/cluster/{number}"
    name = looking.name_of(db, number)
    return (None if name is None else Wish((number,))), name or "", f"/person/{number}"
