"""`faceindex eval`: how well faces are recognised, by what humans said of them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.options import switch
from faceindex.cli.output import Row, show_json, table
from faceindex.errors import UsageProblem
from faceindex.report import counted
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.evaluating import Contribution, Evaluation
    from faceindex.evaluating.figures import Figures, Pair, Person, Rate
    from faceindex.evaluating.seen import Answers


@click.command("eval", epilog="Example: faceindex eval --plot recognition.svg")
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path())
@click.option("--target", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.001, show_default=True,
              metavar="PART", help="Part of strangers that may get a name.")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(0, 2), metavar="DISTANCE", help="In place of the one in force.")
@click.option("--margin", type=click.FloatRange(0, 2), metavar="DISTANCE", help="In place of the one in force.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, metavar="N",
              help="At most so many people in the table, the least recognised first.")  # fmt: skip
@click.option("--plot", type=click.Path(), metavar="FILE.svg", help="Draw it; .svg or .png; needs matplotlib.")
@switch("--json", help="For programs: JSON, with everybody.")
@pass_app
def evaluate(
    app: App, folder: str | None, target: float, threshold: float | None, margin: float | None,
    limit: int, plot: str | None, json: bool,
) -> None:  # fmt: skip
    """Say how well faces are recognised, by what humans said of them.

    Each named face is matched with all averages, its own taken without it; and, as a stranger, with those of all
    other people. Faces of ignored clusters are strangers, too. With FOLDER the same is done with its
    Person_Name/*.jpg, without the index.
    """
    from faceindex import evaluating  # noqa: PLC0415  (loads numpy)

    if plot:
        from faceindex.cli.plot import check, draw  # noqa: PLC0415

        check(absolute(plot))
    answers = _of_folder(app, absolute(folder)) if folder else _of_index(app, plot)
    found = evaluating.evaluate(answers, target, threshold, margin)
    if plot:
        draw(found, absolute(plot))
    if json:
        show_json(_as_json(found, answers.names))
    else:
        click.echo("\n\n".join(_sections(found, answers.names, limit)))
    if plot:
        app.say(f"{plot}: recall and wrong names at each threshold")


def _of_index(app: App, plot: str | None) -> Answers:
    from faceindex.store import evaluation, settings  # noqa: PLC0415  (loads numpy)

    with app.open() as db:
        if plot:
            _check_outside(db, absolute(plot))
        return evaluation.answers(db, settings.get(db, "backend") or "dlib")


def _of_folder(app: App, folder: str) -> Answers:
    from faceindex.cli.folder import encoded  # noqa: PLC0415  (loads the networks)
    from faceindex.evaluating.seen import of_people  # noqa: PLC0415

    faces, names, photos = encoded(app, folder)
    app.say(f"{counted(photos, 'photo')}, a face found on {len(names):,}")
    return of_people(faces, names)


def _check_outside(db: sqlite3.Connection, path: str) -> None:
    from faceindex.store import roots  # noqa: PLC0415

    for root in roots.ever(db):
        if os.path.realpath(path).startswith(os.path.realpath(root).rstrip("/") + "/"):
            raise UsageProblem(f"{shown(path)} lies in the library; draw it elsewhere")


# for people


def _sections(found: Evaluation, names: dict[int, str], limit: int) -> Iterator[str]:
    yield "\n".join(_summary(found))
    yield table([_at(figures) for figures in found.at])
    if limit:
        yield table([_person(person, names) for person in found.persons[:limit]]) + _more(len(found.persons) - limit)
    if found.pairs:
        yield table([_pair(pair, names) for pair in found.pairs])
    yield table([_contribution(contribution) for contribution in found.contributions])


def _summary(found: Evaluation) -> Iterator[str]:
    kind = f"normalised by a cohort of {counted(found.cohort, 'face')}" if found.cohort else "plain, without a cohort"
    yield f"People     {found.people:,} with {counted(found.faces, 'labelled face')}"
    yield f"Tested     {found.known:,} as known, {found.strangers:,} as strangers"
    yield f"Distance   {kind}; margin {found.rules.margin:.3f}"
    yield f"In force   threshold {found.rules.named:.3f}: recall {_percent(found.in_force.recall)},"
    yield f"           precision {_percent(found.in_force.precision)}, strangers named {_percent(found.in_force.wrong)}"
    target = f"{100 * found.target:g} %"
    if found.recommended is not None:
        yield f"Best       threshold {found.recommended:.3f}, the largest that names at most {target} of strangers"
        yield "           (by the upper end of the interval of 95 %)"
    else:
        yield f"Best       unknown: that at most {target} of strangers get a name, {found.needed:,} strangers show"
        yield "           of whom none does; it takes more where some do"


def _percent(rate: Rate) -> str:
    if rate.value is None:
        return ""
    return f"{100 * rate.value:.2f} % ({100 * rate.low:.2f}–{100 * rate.high:.2f})"


def _at(figures: Figures) -> Row:
    return {
        "threshold": f"{figures.threshold:.2f}",
        "recall": _percent(figures.recall),
        "precision": _percent(figures.precision),
        "strangers_named": _percent(figures.wrong),
    }


def _person(person: Person, names: dict[int, str]) -> Row:
    return {
        "faces": person.recall.whole,
        "recall": _percent(person.recall),
        "misnamed": person.misnamed,
        "others_named_so": person.others,
        "person": names[person.person],
    }


def _more(hidden: int) -> str:
    return f"\n… and {hidden:,} more; --limit shows them" if hidden > 0 else ""


def _pair(pair: Pair, names: dict[int, str]) -> Row:
    return {
        "misnamed": pair.misnamed,
        "if_unknown": pair.unknown,
        "nearest": pair.nearest,
        "person": names[pair.person],
        "taken_for": names[pair.taken_for],
    }


def _contribution(contribution: Contribution) -> Row:
    from faceindex.evaluating import STRANGERS_NAMED  # noqa: PLC0415

    cells = zip(STRANGERS_NAMED, contribution.recall, strict=True)
    at = {f"recall, {100 * rate:g} % of strangers named": _percent(recall) for rate, recall in cells}
    return {"what": contribution.name, **at}


# for programs


def _as_json(found: Evaluation, names: dict[int, str]) -> dict[str, Any]:
    return {
        "people": found.people,
        "faces": found.faces,
        "known": found.known,
        "strangers": found.strangers,
        "cohort": found.cohort,
        "margin": found.rules.margin,
        "target": found.target,
        "recommended": found.recommended,
        "in_force": _figures(found.in_force),
        "at": [_figures(figures) for figures in found.at],
        "persons": [
            {"person": names[p.person], "recall": _rate(p.recall), "misnamed": p.misnamed, "others_named_so": p.others}
            for p in found.persons
        ],
        "pairs": [
            {"person": names[p.person], "taken_for": names[p.taken_for],
             "misnamed": p.misnamed, "if_unknown": p.unknown, "nearest": p.nearest}
            for p in found.pairs
        ],
        "contributions": [{"what": c.name, **_at_rates(c)} for c in found.contributions],
    }  # fmt: skip


def _at_rates(contribution: Contribution) -> dict[str, Any]:
    from faceindex.evaluating import STRANGERS_NAMED  # noqa: PLC0415

    cells = zip(STRANGERS_NAMED, contribution.recall, strict=True)
    return {f"recall_at_{rate:g}": _rate(recall) for rate, recall in cells}


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "threshold": figures.threshold,
        "recall": _rate(figures.recall),
        "precision": _rate(figures.precision),
        "strangers_named": _rate(figures.wrong),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    """So many of so many, and the interval; null where nothing was tested."""
    return {"part": rate.part, "whole": rate.whole, "value": rate.value, "low": rate.low, "high": rate.high}
