"""Runs and eval: what the nights brought, and how well faces are recognised; as plots with their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup

from faceindex.stopwatch import STAGES
from faceindex.store import gallery
from faceindex.store.nights import Night, nights
from faceindex.web import evaluating, index
from faceindex.web.changing import told_of
from faceindex.web.pages.lists import whole
from faceindex.web.plots import Series, bars, lines, nice

if TYPE_CHECKING:
    from faceindex.evaluating import Evaluation
    from faceindex.evaluating.figures import Rate

pages = Blueprint("nights", __name__)

NIGHTS = 60  # on one page
PEOPLE = 30  # in the table of eval
LARGEST_STAGES = 5  # with a colour each; the rest is one


@pages.get("/runs")
def runs() -> str:
    """Each night: what it found, and where its time went."""
    db = index.db()
    found = nights(db, before=whole("before"), limit=NIGHTS + 1)
    more = found[NIGHTS - 1].counts["run_id"] if len(found) > NIGHTS else None
    found = found[:NIGHTS]
    return render_template("runs.html", nights=found, plots=_plots(found[::-1]), more=more, told=told_of(db))


def _plots(found: list[Night]) -> list[Markup]:
    """Of nights in their order."""
    if not found:
        return []
    days = [night.counts["started_at"][:10] for night in found]
    about = f"Nights from {days[0]} to {days[-1]}; the numbers stand in the table below"
    counted = [
        bars(title, about, days, [Series(what, [night.counts[column] for night in found])])
        for title, what, column in (
            ("New photos a night", "photos", "photos_new"),
            ("New faces a night", "faces", "faces_found"),
            ("Of them with a name", "names", "faces_named"),
        )
    ]
    read = [night for night in found if night.stages]
    if read:
        days = [night.counts["started_at"][:10] for night in read]
        counted.append(bars("Minutes of work a night, by stage", about, days, _stages(read)))
    return counted


def _stages(found: list[Night]) -> list[Series]:
    """Minutes of the stages that take most, as a photo meets them, and of the rest."""
    sums: dict[str, float] = {}
    for night in found:
        for name, seconds in night.stages.items():
            sums[name] = sums.get(name, 0.0) + seconds
    largest = sorted(sums, key=lambda name: -sums[name])[:LARGEST_STAGES]
    largest.sort(key=lambda name: STAGES.index(name) if name in STAGES else len(STAGES))
    series = [Series(name, [night.stages.get(name, 0.0) / 60 for night in found]) for name in largest]
    rest = [sum(s for name, s in night.stages.items() if name not in largest) / 60 for night in found]
    return [*series, Series("the rest", rest)] if any(rest) else series


@pages.get("/eval")
def evaluate() -> str:
    """How well faces are recognised; counted when somebody asks, and shown when it is there."""
    db, state = index.db(), evaluating.of_app()
    now = gallery.news(db)
    if state.last is None or ("again" in request.args and state.last.stamp != now):
        evaluating.begin(state, current_app.config["INDEX"])
    last = state.last
    found = last.evaluation if last else None
    return render_template(
        "eval.html", running=state.running, last=last, found=found, older=last is not None and last.stamp != now,
        plots=_curves(found) if found else [], most=PEOPLE, told=told_of(db),
    )  # fmt: skip


@pages.get("/eval/ready")
def ready() -> Response:
    """Whether it was counted; asked by the page that waits for it."""
    return Response("no" if evaluating.of_app().running else "yes", mimetype="text/plain")


@pages.app_template_filter()
def percent(rate: Rate) -> str:
    """A rate with its interval."""
    if rate.value is None:
        return ""
    return f"{100 * rate.value:.2f} % ({100 * rate.low:.2f}–{100 * rate.high:.2f})"


def _curves(found: Evaluation) -> list[Markup]:
    at = [figures.threshold for figures in found.at]
    about = (f"At thresholds from {at[0]:.2f} to {at[-1]:.2f}, with intervals of 95 %; in force is "
             f"{found.rules.named:.2f}. The numbers stand in the table below")  # fmt: skip
    right = [_series("recall", [f.recall for f in found.at]), _series("precision", [f.precision for f in found.at])]
    wrong = _series("strangers named", [f.wrong for f in found.at])
    top = min(1.0, nice(max([0.002, *(high for high in wrong.high if high is not None)])))
    return [
        lines("Recall and precision", about, at, right, mark=found.rules.named),
        lines("Strangers who get a name", about, at, [wrong], mark=found.rules.named, top=top),
    ]


def _series(name: str, rates: list[Rate]) -> Series:
    known = [rate if rate.value is not None else None for rate in rates]
    return Series(
        name,
        [rate.value if rate else None for rate in known],
        [rate.low if rate else None for rate in known],
        [rate.high if rate else None for rate in known],
    )
