"""What a human does on a page: the same acts as the command line's, each one entry of the journal; and undo.

A form is posted to /do/ACT with the numbers it is about. A script gets JSON, {"told": …, "entry": …}; a browser
without script goes back to the page it was on, which shows what was done and offers to take it back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from faceindex.errors import UsageProblem
from faceindex.store import acts, files, journal, people
from faceindex.store.acts import Act
from faceindex.web import index

pages = Blueprint("changing", __name__)
MOST_NUMBERS = 10_000
Form = Mapping[str, str]


def numbers(form: Form, name: str) -> list[int]:
    """The numbers in a field, "4711,4712"; raises UsageProblem where it holds something else, or none."""
    parts = [part for part in form.get(name, "").replace(",", " ").split() if part]
    if not parts:
        raise UsageProblem("nothing is chosen; choose faces or clusters first")
    if len(parts) > MOST_NUMBERS:
        raise UsageProblem(f"that is too much at once; choose {MOST_NUMBERS:,} at most")
    if not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise UsageProblem(f"{form.get(name, '')[:40]!r} is no number; give one that the page shows")
    return list(dict.fromkeys(map(int, parts)))


def number(form: Form, name: str) -> int:
    """The one number in a field."""
    return numbers(form, name)[0]


def text(form: Form, name: str) -> str:
    """What was typed into a field; raises UsageProblem where it is empty."""
    typed = form.get(name, "").strip()
    if not typed:
        raise UsageProblem("a name is missing; type one")
    return typed


def known_name(db: sqlite3.Connection, form: Form) -> str:
    """The name that was typed, as somebody is called already, where capitals are all that is other."""
    typed = people.clean_name(text(form, "name"))
    return people.called(db, typed) or typed


def _draw(db: sqlite3.Connection, form: Form) -> Act:
    """A face that was missed, from the box that was drawn; hundredths of the upright picture."""
    from faceindex.pipeline.adding import add_face  # noqa: PLC0415  (loads the networks)

    photo_id, name = number(form, "photo"), known_name(db, form)
    try:
        sides = [float(side) / 100 for side in form.get("box", "").split(",")]
    except ValueError:
        sides = []
    if len(sides) != 4:
        raise UsageProblem("draw a box around the face first")
    added = add_face(db, files.copies(db, photo_id), photo_id, index.backend(), sides, name)
    entry = journal.entries(db, 1)
    return Act(entry[0].journal_id if added.changed else 0, f"face {added.face_id}: {name}", added.changed)


def _parts(form: Form) -> int:
    parts = number(form, "parts")
    if parts < 2:
        raise UsageProblem("into two parts or more; give a larger number")
    return parts


def _undo(db: sqlite3.Connection, form: Form) -> Act:
    """Take back an entry, or the last that stands."""
    chosen = numbers(form, "entry") if form.get("entry") else []
    done = journal.take_back(db, chosen) if chosen else journal.undo(db)
    told = "; ".join(f"brought back: {each.brings}" if each.brings else f"taken back: {each.summary}" for each in done)
    return Act(journal.entries(db, 1)[0].journal_id, told)


ACTS: Mapping[str, Callable[[sqlite3.Connection, Form], Act]] = {
    "label-cluster": lambda db, form: acts.label_cluster(db, number(form, "cluster"), known_name(db, form)),
    "unlabel-cluster": lambda db, form: acts.unlabel_cluster(db, number(form, "cluster")),
    "merge-clusters": lambda db, form: acts.merge_clusters(db, number(form, "into"), numbers(form, "others")),
    "part-clusters": lambda db, form: acts.part_clusters(db, number(form, "one"), number(form, "other")),
    "split-off": lambda db, form: acts.split_cluster(db, number(form, "from"), numbers(form, "faces")),
    "split-into": lambda db, form: acts.split_cluster(db, number(form, "cluster"), None, _parts(form)),
    "ignore-clusters": lambda db, form: acts.ignore_clusters(db, numbers(form, "clusters")),
    "unignore-clusters": lambda db, form: acts.unignore_clusters(db, numbers(form, "clusters")),
    "move-faces": lambda db, form: acts.move_faces(
        db, numbers(form, "faces"), None if form.get("cluster") == "new" else number(form, "cluster")
    ),
    "reject-faces": lambda db, form: acts.reject_faces(db, numbers(form, "faces")),
    "ignore-faces": lambda db, form: acts.ignore_faces(db, numbers(form, "faces")),
    "unignore-faces": lambda db, form: acts.unignore_faces(db, numbers(form, "faces")),
    "label-faces": lambda db, form: acts.label_faces(db, numbers(form, "faces"), known_name(db, form)),
    "rename-person": lambda db, form: acts.rename_person(db, text(form, "person"), text(form, "name")),
    "born": lambda db, form: acts.set_born(db, text(form, "person"), form.get("born", "").strip() or "unknown"),
    "merge-people": lambda db, form: acts.merge_people(db, text(form, "into"), [text(form, "other")]),
    "draw-face": _draw,
    "retry-problems": lambda db, form: acts.retry_problems(
        db, [] if form.get("problems") == "all" else numbers(form, "problems")
    ),
    "undo": _undo,
}


@pages.post("/do/<name>")
def do(name: str) -> AnyResponse:
    """Do one act; back to the page it was asked from."""
    if name not in ACTS:
        abort(404)
    # Boxes that are ticked have one name, and come as several fields.
    form = {field: ",".join(values) for field, values in request.form.lists()}
    act = ACTS[name](index.db(), form)
    if wants_json():
        told = {"told": act.told, "entry": act.journal_id if act.changed else None, "new": list(act.new),
                "cluster": act.cluster_id}  # fmt: skip
        return Response(as_json(told), mimetype="application/json")
    return back(act)


def back(act: Act) -> AnyResponse:
    """To the page that a form was on, which then tells of the entry."""
    try:
        target = urlsplit(request.form.get("back", "/"))
    except ValueError:  # "//[": no address at all
        target = urlsplit("/")
    path = "/" + target.path.lstrip("/\\")  # a path of this server, whatever was posted
    query = "&".join(part for part in target.query.split("&") if part and not part.startswith("entry="))
    entry = f"entry={act.journal_id}" if act.changed else ""
    return redirect(urlunsplit(("", "", path, "&".join(part for part in (query, entry) if part), "")), 303)


def wants_json() -> bool:
    """Whether a script asks."""
    return request.headers.get("Accept", "").startswith("application/json")


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def told_of(db: sqlite3.Connection) -> journal.Entry | None:
    """The entry that a page is to tell of, after a form on it was posted."""
    given = request.args.get("entry", "")
    if not given.isdecimal() or len(given) > 18:
        return None
    return journal.one(db, int(given))
