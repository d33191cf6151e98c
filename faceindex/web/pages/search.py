"""Search: photos by who is on them, when, where and by which camera. A search is an address, to be kept or sent."""

from __future__ import annotations

import calendar
import re
import sqlite3
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from flask import Blueprint, current_app, render_template, request

from faceindex.errors import UsageProblem
from faceindex.store import finding, people
from faceindex.store.finding import Spot, Wish
from faceindex.store.paths import shown
from faceindex.web import index
from faceindex.web.changing import told_of

pages = Blueprint("search", __name__)

AT_ONCE = 60  # photos
MOST_NAMES = 20
LONGEST = 300  # characters of a field that are looked at
LARGEST = 2**63 - 1  # number that an index can hold
DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
FIELDS = ("who", "how", "alone", "from", "to", "undated", "folder", "camera", "faces")


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it was typed."""

    who: tuple[str, ...] = ()
    any_of: bool = False
    alone: bool = False
    first: str = ""  # days, 2019-07-01
    last: str = ""
    undated: bool = False
    folder: str = ""
    camera: str = ""
    faces: str = ""  # "nobody", "unknown"
    wrong: tuple[str, ...] = ()  # what cannot be looked for, in sentences

    @property
    def query(self) -> str:
        """As an address has it."""
        pairs = [("who", name) for name in self.who]
        pairs += [("how", "any")] * self.any_of + [("alone", "1")] * self.alone + [("undated", "1")] * self.undated
        plain = [("from", self.first), ("to", self.last), ("folder", self.folder), ("camera", self.camera)]
        return urlencode(pairs + [(name, value) for name, value in [*plain, ("faces", self.faces)] if value])


@pages.get("/search")
def search() -> str:
    """The form, and what was found."""
    db, asked = index.db(), asked_in(request.query_string.decode("ascii", "replace"))
    wish, wrong = wish_of(db, asked)
    wrong = asked.wrong + wrong
    found = finding.Found((), None) if wrong else finding.older(db, wish, _after(), AT_ONCE)
    names = finding.names_on(db, [each.photo_id for each in found.photos])
    return render_template(
        "search.html", asked=asked, wrong=wrong, found=found, names=names, summary=in_words(asked), told=told_of(db),
        cameras=_cameras(str(index_path()), finding.photos_seen(db)), first_page="after" not in request.args,
        more=_next(asked, found.rest), of=quote(f"search:{asked.query}", safe=""),
    )  # fmt: skip


def asked_in(query: str) -> Asked:
    """The search in an address; what is no day is told and left out."""
    pairs = [(name, value.strip()[:LONGEST]) for name, value in parse_qsl(query, max_num_fields=None)][:100]
    given = {name: value for name, value in pairs if name in FIELDS}
    who = tuple(dict.fromkeys(value for name, value in pairs if name == "who" and value))[:MOST_NAMES]
    wrong = tuple(
        f"{given[name]!r} is no day; give one like 2019-07-01"
        for name in ("from", "to")
        if given.get(name) and not _day(given[name], last=False)
    )
    return Asked(
        who, given.get("how") == "any" and len(who) > 1, bool(given.get("alone")) and bool(who),
        _day(given.get("from", ""), last=False), _day(given.get("to", ""), last=True), bool(given.get("undated")),
        given.get("folder", ""), given.get("camera", ""),
        given.get("faces", "") if given.get("faces") in ("nobody", "unknown") else "", wrong,
    )  # fmt: skip


def wish_of(db: sqlite3.Connection, asked: Asked) -> tuple[Wish, tuple[str, ...]]:
    """What is looked for, and what of it there is not."""
    wrong, persons = [], []
    for name in asked.who:
        try:
            person = people.person_id(db, people.called(db, name) or name)
        except UsageProblem:  # nobody can be called so
            person = None
        if person is None:
            wrong.append(f"nobody is called {shown(name)}")
        else:
            persons.append(person)
    wish = Wish(
        tuple(persons), asked.any_of, asked.alone, asked.first, asked.last, asked.undated, None, asked.camera,
        asked.faces == "nobody", asked.faces == "unknown",
    )  # fmt: skip
    if asked.folder:
        folders = finding.folders(db, asked.folder)
        if not folders:
            wrong.append(f"no folder is called {shown(asked.folder)}")
        wish = replace(wish, folders=tuple(number for number, _ in folders))
    return wish, tuple(wrong)


def in_words(asked: Asked) -> str:
    """What is looked for, as a heading: Anna and Ben, nobody else, in 2019."""
    parts = []
    if asked.who:
        names = (" or " if asked.any_of else " and ").join(asked.who)
        parts.append(f"{names}, and nobody else" if asked.alone else names)
    if asked.faces:
        parts.append("nobody on it" if asked.faces == "nobody" else "somebody without a name")
    if asked.first or asked.last:
        parts.append(_span(asked.first, asked.last))
    if asked.undated:
        parts.append("without a date")
    if asked.folder:
        parts.append(f"in {shown(asked.folder)}")
    if asked.camera:
        parts.append(f"by {asked.camera}")
    return " · ".join(parts)


def _span(first: str, last: str) -> str:
    if not last:
        return f"since {first}"
    if not first:
        return f"until {last}"
    for length, begin, end in ((4, "-01-01", "-12-31"), (7, "-01", last[7:])):
        if first[:length] == last[:length] and first[length:] == begin and last[length:] == end:
            whole = length == 4 or last == _day(last[:7], last=True)
            if whole:
                return first[:length]
    return first if first == last else f"{first} to {last}"


def _day(typed: str, *, last: bool) -> str:
    """The first or the last day of a day, month or year; "" where it is none."""
    found = DAY.fullmatch(typed)
    if not found:
        return ""
    year, month, day = (int(part) if part else 0 for part in found.groups())
    if found[2] and not 1 <= month <= 12:
        return ""
    month = month or (12 if last else 1)
    length = calendar.monthrange(year or 4, month)[1]
    if found[3] and not 1 <= day <= length:
        return ""
    return f"{year:04d}-{month:02d}-{day or (length if last else 1):02d}"


def _after() -> Spot | None:
    """Where this page begins, as the one before told."""
    taken, _, number = request.args.get("after", "").rpartition(",")
    return Spot(taken, int(number)) if is_number(number) else None


def is_number(given: str) -> bool:
    """Whether it is one that an index can hold."""
    return given.isdecimal() and len(given) < 19


def _next(asked: Asked, rest: Spot | None) -> str | None:
    if rest is None:
        return None
    return "&".join(part for part in (asked.query, urlencode({"after": f"{rest.taken},{rest.photo_id}"})) if part)


@lru_cache(maxsize=8)
def _cameras(path: str, photos: int) -> tuple[str, ...]:
    """Every camera, as long as the index has no other photos."""
    return tuple(finding.cameras(index.db()))


def index_path() -> Path:
    """The index that this app shows."""
    path: Path = current_app.config["INDEX"]
    return path
