"""`faceindex review`: one question after the other, answered with one key."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.options import switch
from faceindex.cli.suggest import DEFAULT_BACKEND, percent, programs
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.report import counted
from faceindex.store import listings, people, settings
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.answering import Answer, Gained, Question
    from faceindex.pipeline.asking import Queue
    from faceindex.store.questions import Side

KEYS = {"y": "yes", "n": "no", "o": "someone else", "i": "ignore", "s": "skip", "u": "undo", "q": "quit"}
ANSWERS: dict[str, Answer] = {"y": "yes", "n": "no", "o": "other", "i": "ignore"}
NAMES = 9  # offered at once
PROMPT = "  ".join(f"{key} {meaning}" for key, meaning in KEYS.items()) + " ? "
HELP = {
    "who": "yes: they are one. no: remembered for ever. someone else: asks who. ignore: strangers, left alone.",
    "same": "yes: merged. no: remembered for ever. someone else: they are one, asks who. ignore: both left alone.",
    "wrong": "yes: never doubted again. no: it leaves, and the next scan places it. someone else: asks who. "
    "ignore: no face, or a stranger's.",
    "tagged": "yes: named so. no: remembered for ever. someone else: asks who. ignore: strangers, left alone.",
    "name": "someone else: asks who. ignore: strangers, left alone.",
}
PROMPTS = {"name": "  ".join(f"{key} {KEYS[key]}" for key in "oisuq").replace("someone else", "name it") + " ? "}


class _Over(Exception):
    """Nobody answers any more."""


@click.command(epilog="Example: faceindex review --sheet question.jpg --open")
@click.option(
    "--sheet", type=click.Path(), metavar="FILE.jpg", help="Before each question, write its faces as a picture."
)
@switch("--open", help="Show that picture with the desktop's viewer.")
@pass_app
def review(app: App, sheet: str | None, open: bool) -> None:
    """Answer what 'faceindex suggest' lists, one question after the other.

    y yes, n no, o someone else, i ignore, s skip (comes last), u undo, q quit. Each answer is kept at once, and is one
    entry in the journal. Without a terminal, answers are read from stdin, a line each.
    """
    from faceindex.pipeline.asking import Queue  # noqa: PLC0415  (loads numpy)

    if open and not sheet:
        raise UsageProblem("--open shows the picture that --sheet FILE.jpg writes; name one")
    with app.open() as db:
        queue = Queue(db, settings.get(db, "backend") or DEFAULT_BACKEND)
        try:
            _ask_all(app, queue, sheet, open)
        except (_Over, KeyboardInterrupt, click.Abort):
            click.echo()
        _farewell(app, queue)


def _ask_all(app: App, queue: Queue, sheet: str | None, open: bool) -> None:
    again: Question | None = None
    number = 0
    while question := again or queue.next():
        number += again is None
        _show(queue, question, number)
        if sheet:
            _draw(app, queue.db, question, sheet, open)
        again = _answer(queue, question)


def _answer(queue: Queue, question: Question) -> Question | None:
    """Have one question answered; returns one that is to be asked next, where undo brought it back."""
    while True:
        key = _key(PROMPTS.get(question.kind, PROMPT))
        try:
            if key == "q":
                raise _Over
            if key == "s":
                queue.skip(question)
                return None
            if key == "u":
                back = queue.undo()
                click.echo("taken back; once more:")
                return back
            if key in ANSWERS:
                name = _name(queue.db) if key == "o" else ""
                if key == "o" and not name:
                    continue
                click.echo(_done(queue, queue.answer(question, ANSWERS[key], name)))
                return None
        except FaceindexError as error:
            click.echo(f"{error}")
            if not queue.stands(question):  # nothing can be said of it any more
                return None
            continue
        click.echo(HELP[question.kind])


def _done(queue: Queue, summary: str) -> str:
    told = _told(queue.gained)
    return f"→ {shown(summary)}" + (f"   ({told} so far)" if told else "")


# ------------------------------------------------------------------------------------------- asking


def _line() -> str:
    """A line from the user; raises _Over where there are no more."""
    line = sys.stdin.readline()
    if not line:
        raise _Over
    return line.strip()


def _key(prompt: str) -> str:
    """One key of the user; on a terminal without Enter."""
    click.echo(prompt, nl=False)
    if not sys.stdin.isatty():
        line = _line()
        click.echo(line)
        return line[:1].lower()
    try:
        pressed = click.getchar()
    except EOFError as error:
        raise _Over from error
    if pressed in ("\x04", "\x1b"):  # Ctrl-D, Esc
        raise _Over
    click.echo(pressed if pressed.isprintable() else "")
    return pressed.lower()


def _name(db: sqlite3.Connection) -> str:
    """A name, typed or chosen by its number; empty where the user changed their mind."""

    names = people.names(db)
    offered = _offer(names[:NAMES])
    while True:
        click.echo("who? (a name, or the beginning of one; a number; nothing to go back) ", nl=False)
        typed = _line()
        if not sys.stdin.isatty():
            click.echo(typed)
        if not typed:
            return ""
        if typed in offered:
            return offered[typed]
        if typed.isdecimal():
            click.echo(f"{typed} is none of these numbers")
            continue
        typed = people.clean_name(typed)
        alike = [name for name in names if typed.casefold() in name.casefold()]
        same = [name for name in alike if name.casefold() == typed.casefold()]
        if same:
            return same[0]
        if not alike:
            return typed
        offered = _offer(alike[:NAMES], typed)


def _offer(names: list[str], new: str = "") -> dict[str, str]:
    """Print names with their numbers; 0 is a new one."""
    offered = {str(number): name for number, name in enumerate(names, 1)}
    if new:
        offered["0"] = new
    if offered:
        click.echo("  ".join(f"{number} {shown(name)}{' (new)' * (number == '0')}" for number, name in offered.items()))
    return offered


# ------------------------------------------------------------------------------------------ showing


def _show(queue: Queue, question: Question, number: int) -> None:
    from faceindex.store import questions  # noqa: PLC0415

    left = queue.left - 1
    click.echo(f"\n{number}. {_sentence(question)}   ({left:,} more)" if left else f"\n{number}. {_sentence(question)}")
    if question.face is not None:
        face = questions.face(queue.db, question.face)
        click.echo(f"   face {question.face}: {shown(face.path or 'on no photo that is there now') if face else ''}")
    for cluster in (question.cluster, question.other):
        side = questions.side(queue.db, cluster) if cluster else None
        if side:
            _show_side(side)
    if question.kind == "tagged":
        click.echo(f"   {_gain(question)}")
    if question.kind in ("name", "tagged"):
        return
    normalised = f", normalised {question.normalised:.3f}" if question.normalised is not None else ""
    about = "right" if question.kind != "wrong" else "wrong"
    click.echo(f"   {percent(question.confidence)} sure it is {about}; distance {question.distance:.3f}{normalised}; "
               f"{_gain(question)}")  # fmt: skip


def _show_side(side: Side) -> None:
    name = f", {shown(side.name)}" if side.name else ""
    click.echo(f"   cluster {side.cluster_id}{name}: {counted(side.faces, 'face')}, {counted(side.photos, 'photo')}")
    for path in side.paths:
        click.echo(f"      {shown(path)}")


def _sentence(question: Question) -> str:
    person, likely = shown(question.person or ""), shown(question.likely or "")
    if question.kind == "who":
        return f"Is cluster {question.cluster} {person}?"
    if question.kind == "same":
        return f"Are clusters {question.cluster} and {question.other} one person?"
    if question.kind == "name":
        return f"Who is cluster {question.cluster}?"
    if question.kind == "tagged":
        what = f"face {question.face}" if question.face is not None else f"cluster {question.cluster}"
        return f"Is {what} {person}? ({programs(question.source)})"
    more = f" It looks more like {likely}." if likely and likely != person else ""
    return f"Is face {question.face} really {person}?{more}"


def _gain(question: Question) -> str:
    if question.kind in ("who", "tagged"):
        return f"yes names {counted(question.gain, 'face')} on {counted(question.photos, 'photo')}"
    if question.kind == "same":
        return f"yes saves naming {counted(question.gain, 'face')} apart"
    return "no puts it right"


def _draw(app: App, db: sqlite3.Connection, question: Question, target: str, open: bool) -> None:
    from faceindex.cli.sheets import PER_CLUSTER, sheet_of_sides  # noqa: PLC0415  (loads the image libraries)
    from faceindex.store import questions  # noqa: PLC0415

    sides = []
    if question.face is not None:
        sides.append((f"face {question.face}", questions.spot(db, question.face)))
    for cluster in (question.cluster, question.other):
        side = questions.side(db, cluster) if cluster else None
        if side:
            faces = listings.members(db, side.cluster_id, PER_CLUSTER + 1)
            others = [row for row in faces if row["face"] != question.face]
            sides.append((f"{side.cluster_id}: {side.name or '?'} ({side.photos})", others))
    try:
        sheet_of_sides(db, sides, target)
    except UsageProblem:
        raise
    except FaceindexError as error:
        app.say(f"no picture: {error}")
        return
    click.echo(f"   {shown(absolute(target))}")
    if open:
        click.launch(absolute(target))


def _farewell(app: App, queue: Queue) -> None:
    left = queue.left
    if not queue.gained.answers and not left:
        app.say("nothing to ask; name somebody with 'faceindex cluster label', or scan")
        return
    done = counted(queue.gained.answers, "answer") + "".join(f": {told}" for told in [_told(queue.gained)] if told)
    skipped = ", those skipped among them" if queue.skipped and left else ""
    app.say(f"{done}; {counted(left, 'question')} left{skipped}")


def _told(gained: Gained) -> str:
    parts = (
        (gained.named, f"{counted(gained.named, 'face')} named"),
        (gained.merged, f"{counted(gained.merged, 'cluster')} merged"),
        (gained.righted, f"{counted(gained.righted, 'face')} put right"),
        (gained.ignored, f"{counted(gained.ignored, 'face')} left alone"),
    )
    return ", ".join(text for number, text in parts if number)
