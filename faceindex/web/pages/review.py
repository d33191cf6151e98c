"""One question at a time, with the faces of both sides beside each other; the next one is loaded meanwhile.

A form is posted to /review/answer with the number of the question that the browser shows. A script says which question
it shows already, gets JSON and shows what that says; a browser without script goes back to /review.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from faceindex.errors import FaceindexError
from faceindex.pipeline.answering import Question
from faceindex.store import people, sides
from faceindex.store.sides import Shown
from faceindex.web import index, reviewing
from faceindex.web.changing import as_json, number, wants_json
from faceindex.web.reviewing import Sitting, Sittings
from faceindex.wording import counted

pages = Blueprint("review", __name__)

FACES = 9  # of each side
OFFERED = 9  # names, a key each
MOST_NAMES = 5000  # that a browser completes


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind of question is asked, and what its answers are called; an answer that it does not take is empty."""

    asks: str
    yes: str = "Yes"
    no: str = "No"
    other: str = "Somebody else"
    ignore: str = "Ignore"
    gains: str = ""


OF_A_PERSON = Words("Is this {person}?", gains="names {faces}")
WORDS: Mapping[str, Words] = {
    "who": OF_A_PERSON,
    "tagged": OF_A_PERSON,
    "same": Words("Are these two the same?", other="Both are", ignore="Ignore both", gains="saves naming {faces}"),
    "wrong": Words("Is this really {person}?"),
    "name": Words("Who is this?", "", "", "Name", gains="{faces}"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """Some faces, and whose they are."""

    name: str
    link: str
    more: str
    faces: list[Shown]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is shown."""

    number: int
    kind: str
    sentence: str
    words: Words
    hints: list[str]
    sides: list[Side]
    names: list[str]  # that have a key


# ------------------------------------------------------------------------------------------- routes


@pages.get("/review")
def review() -> str:
    """The question that gains most."""
    if g.read_only:
        return render_template("review.html", state=None)
    with _sitting() as sitting:
        reviewing.meet_trouble(sitting)
        page = render_template("review.html", **_state(sitting), names=people.names(index.db())[:MOST_NAMES])
        sitting.wrong = ""  # told once
        return page


@pages.get("/review/next")
def ahead() -> Response:
    """For the script: what is asked now, and what then."""
    if g.read_only:
        abort(403)
    with _sitting() as sitting:
        reviewing.meet_trouble(sitting)
        return _answered(sitting)


@pages.get("/review/names")
def names() -> Response:
    """For the script: whom a name may be completed to."""
    return Response(as_json(people.names(index.db())[:MOST_NAMES]), mimetype="application/json")


@pages.post("/review/answer")
def answer() -> AnyResponse:
    """Do what the answer says."""
    known = request.form.get("known", "")
    given, name = ("other", known) if known else (request.form.get("answer", ""), request.form.get("name", ""))
    new = bool(request.form.get("new"))
    return _do(lambda sitting: reviewing.give(sitting, number(request.form, "question"), given, name, new=new))


@pages.post("/review/undo")
def undo() -> AnyResponse:
    """Take back the last answer."""
    return _do(reviewing.back)


@contextmanager
def _sitting() -> Iterator[Sitting]:
    """This browser's, with what was changed elsewhere meanwhile; nobody else uses it until that is done."""
    path, db, backend = current_app.config["INDEX"], index.db(), index.backend()
    status = path.stat()  # numbers of one index mean nothing in another that took its place
    session = g.session, status.st_dev, status.st_ino, backend
    sittings: Sittings = current_app.extensions.setdefault("sittings", Sittings())
    sitting = sittings.of(session, db, backend)
    reviewing.look(sitting, path)
    sitting.found.wait(reviewing.PATIENCE)
    with sitting.lock:
        sitting.queue.db = db  # a connection is its thread's
        reviewing.catch_up(sitting)
        yield sitting
    reviewing.look(sitting, path)


def _do(act: Callable[[Sitting], None]) -> AnyResponse:
    with _sitting() as sitting:
        sitting.told = sitting.wrong = ""
        try:
            act(sitting)
        except FaceindexError as error:  # told with the question that can be answered
            sitting.wrong = str(error)
        return _answered(sitting) if wants_json() else redirect("/review", 303)


def _answered(sitting: Sitting) -> Response:
    """What is to be shown, but for the question that the browser shows already; and the one after that."""
    shown = request.values.get("shown", "")
    if shown.isdecimal() and len(shown) < 19:
        reviewing.show(sitting, int(shown))
    question = reviewing.now(sitting)
    asked = None if question is None else sitting.number(question)
    there = asked is not None and str(asked) == shown
    then = None if question is None else sitting.queue.after(question)
    return Response(as_json({
        "number": asked, "html": None if there else render_template("question.html", **_state(sitting)),
        "then": None if then is None else _fragment(sitting, then), **_sums(sitting),
    }), mimetype="application/json")  # fmt: skip


def _fragment(sitting: Sitting, question: Question) -> dict[str, Any]:
    asked = _asked(sitting, question)
    return {"number": asked.number, "html": render_template("question.html", asked=asked, looking=False)}


# ------------------------------------------------------------------------------------------ showing


def _state(sitting: Sitting) -> dict[str, Any]:
    """What the page shows."""
    question = reviewing.now(sitting)
    asked = None if question is None else _asked(sitting, question)
    return {"asked": asked, "skipped": bool(sitting.queue.skipped), **_sums(sitting)}


def _sums(sitting: Sitting) -> dict[str, Any]:
    """What the last answer did, what all of them gained, and what is left."""
    queue, left = sitting.queue, sitting.queue.left
    gained = reviewing.in_words(queue.gained)
    return {
        "told": sitting.told,
        "wrong": sitting.wrong,
        "sum": f"{counted(queue.gained.answers, 'answer')}{': ' * bool(gained)}{gained}" * bool(queue.gained.answers),
        "left": f"{counted(left, 'question')} left" * bool(left),
        "looking": sitting.now is None and reviewing.goes_on(sitting),
    }


def _asked(sitting: Sitting, question: Question) -> Asked:
    db = sitting.queue.db
    words = WORDS.get(question.kind, OF_A_PERSON)
    return Asked(
        sitting.number(question), question.kind, words.asks.format(person=question.person), words,
        _hints(question, words), list(_sides(db, question)), _offered(db, sitting.queue.backend, question),
    )  # fmt: skip


def _hints(question: Question, words: Words) -> list[str]:
    hints = []
    if question.source:
        programs = question.source.split(",")
        hints.append(f"{' and '.join(programs)} {'think' if len(programs) > 1 else 'thinks'} so")
    elif question.kind != "name":
        sure = f"{min(99, int(100 * question.confidence))}% sure"
        hints.append(f"{sure} that it is not" if question.kind == "wrong" else sure)
    if question.likely and question.likely != question.person:
        hints.append(f"it looks more like {question.likely}")
    if words.gains:
        faces = f"{counted(question.gain, 'face')} on {counted(question.photos, 'photo')}"
        hints.append(words.gains.format(faces=faces))
    return hints


def _sides(db: sqlite3.Connection, question: Question) -> Iterator[Side]:
    """The face itself, if it is about one; the cluster it is about; the other one."""
    face = sides.face(db, question.face) if question.face is not None else None
    if face is not None:
        yield Side("This face", f"/photo/{face.photo_id}", "", [face])
    for cluster in (question.cluster, question.other):
        group = sides.group(db, cluster) if cluster is not None else None
        if group is None or (face is not None and cluster == face.cluster_id and group.person_id is None):
            continue
        some = [each for each in sides.faces(db, group.cluster_id, FACES + 1) if face is None or each != face]
        if some:
            link = f"/person/{group.person_id}" if group.person_id else f"/cluster/{group.cluster_id}"
            yield Side(group.name or "No name", link, counted(group.faces, "face"), some[:FACES])


def _offered(db: sqlite3.Connection, backend: str, question: Question) -> list[str]:
    """Names worth a key: whom it looks like, the nearest first."""
    found = sides.likeliest(db, backend, question.cluster, question.face, OFFERED + 1)
    return [name for name in found if name != question.person][:OFFERED]
