"""Duplicates, problems and the journal: lists, a page at a time."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from faceindex.report import moment, size
from faceindex.store import doubles, nights
from faceindex.web import index
from faceindex.web.changing import told_of

pages = Blueprint("lists", __name__)

GROUPS, TROUBLES, ENTRIES = 30, 100, 50  # on one page


def whole(name: str) -> int | None:
    """A number in the address; None where it holds none, or something else."""
    given = request.args.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 16 else None


@pages.app_template_filter()
def bytes_told(count: int) -> str:
    """As people say it: 4.2 MB."""
    return size(count)


@pages.app_template_filter()
def when(at: str | None) -> str:
    """The local time of a moment."""
    return moment(at) if at else ""


@pages.get("/duplicates")
def duplicates() -> str:
    """Equal files, those first that waste most."""
    db, offset = index.db(), whole("from") or 0
    found = doubles.doubles(db, offset=offset, limit=GROUPS)
    more = offset + GROUPS if offset + GROUPS < found.count else None
    return render_template("duplicates.html", found=found, more=more, told=told_of(db))


@pages.get("/problems")
def problems() -> str:
    """What could not be handled."""
    db, offset = index.db(), whole("from") or 0
    found = nights.troubles(db, offset=offset, limit=TROUBLES + 1)
    more = offset + TROUBLES if len(found) > TROUBLES else None
    return render_template("problems.html", rows=found[:TROUBLES], count=nights.how_many_troubles(db), more=more,
                           told=told_of(db))  # fmt: skip


@pages.get("/journal")
def journal() -> str:
    """What humans changed, newest first; each can be taken back, and brought back."""
    db = index.db()
    found = nights.entries_before(db, before=whole("before"), limit=ENTRIES + 1)
    more = found[ENTRIES - 1].journal_id if len(found) > ENTRIES else None
    return render_template("journal.html", entries=found[:ENTRIES], more=more, told=told_of(db))
