"""Drawn: who is with whom, and how many photos there are of somebody in each month."""

from __future__ import annotations

import calendar
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from urllib.parse import urlencode

import numpy as np
from flask import Blueprint, abort, render_template, request
from numpy.typing import NDArray

from faceindex.store import finding, gallery, looking
from faceindex.store.looking import Somebody
from faceindex.web import index
from faceindex.web.changing import told_of
from faceindex.web.pages.search import LARGEST, index_path

pages = Blueprint("together", __name__)
NUMBER = f"<int(max={LARGEST}):number>"

MOST_PEOPLE = 40
LINES = 90  # so many are drawn where nobody says how many photos a line is worth
WIDTH, HEIGHT = 1200, 900  # units of the drawing
RADIUS = 26, 52  # units, of the least and the most frequent person
ROUNDS = 200  # of pushing and pulling
MOST_YEARS = 80
TALL = 72  # units of the highest bar

_known: dict[tuple[str, str], tuple[list[Somebody], NDArray[np.int64]]] = {}  # of an index as it is: the newest only
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Dot:
    """A person in the drawing."""

    who: Somebody
    photos: int
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Line:
    """Two who are on photos together."""

    one: Dot
    other: Dot
    photos: int
    width: float
    href: str


@pages.get("/together")
def together() -> str:
    """Who is with whom."""
    people, counts = _counts()
    pairs = [(int(counts[i, j]), i, j) for i, j in combinations(range(len(people)), 2) if counts[i, j]]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    least = _least(pairs)
    drawn = [pair for pair in pairs if pair[0] >= least]
    dots = _dots(people, counts, drawn)
    most = drawn[0][0] if drawn else 1
    lines = [
        Line(dots[i], dots[j], photos, round(1.5 + 12 * photos / max(most, 8), 1), _both(people[i], people[j]))
        for photos, i, j in drawn
    ]
    return render_template(
        "together.html", dots=dots, lines=lines, least=least, most=pairs[0][0] if pairs else 1, width=WIDTH,
        height=HEIGHT, told=told_of(index.db()), most_people=MOST_PEOPLE,
    )  # fmt: skip


def _least(pairs: list[tuple[int, int, int]]) -> int:
    """How many photos two must share: as asked, else so many that the drawing stays clear."""
    given = request.args.get("least", "")
    if given.isdecimal() and int(given[:9]) > 0:
        return int(given[:9])
    return 1 if len(pairs) <= LINES else pairs[LINES - 1][0]


def _both(one: Somebody, other: Somebody) -> str:
    return "/search?" + urlencode([("who", one.name), ("who", other.name)])


def _counts() -> tuple[list[Somebody], NDArray[np.int64]]:
    """The most frequent people, and on how many photos each two are; counted anew when anything changed."""
    db = index.db()
    key = str(index_path()), gallery.news(db)
    with _lock:
        if key in _known:
            return _known[key]
    people = looking.frequent(db, MOST_PEOPLE)
    counts = looking.together(db, [each.person_id for each in people])
    with _lock:
        _known.clear()
        _known[key] = people, counts
    return people, counts


def _dots(people: list[Somebody], counts: NDArray[np.int64], pairs: list[tuple[int, int, int]]) -> list[Dot]:
    pulls = np.zeros(counts.shape)
    for shared, i, j in pairs:
        pulls[i, j] = pulls[j, i] = shared
    photos = np.diag(counts).astype(float)
    radii = RADIUS[0] + (RADIUS[1] - RADIUS[0]) * np.sqrt(photos / max(photos.max(initial=0), 1))
    return [
        Dot(who, int(photos[i]), round(float(x), 1), round(float(y), 1), round(float(radii[i]), 1))
        for i, (who, (x, y)) in enumerate(zip(people, placed(pulls, radii), strict=True))
    ]


def placed(pulls: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each of N people is drawn, (N, 2): those who are much together near each other, nobody over another.

    Springs and charges after Fruchterman and Reingold, "Graph Drawing by Force-directed Placement", 1991; from a
    circle, so that the same people are always drawn alike.
    """
    count = len(pulls)
    if not count:
        return np.zeros((0, 2))
    angle = np.arange(count) * 2 * np.pi / count
    spots = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + 0.01 * np.arange(count))[:, None]
    strength = np.sqrt(pulls / max(pulls.max(), 1))
    ideal = 2.4 / np.sqrt(count)
    for turn in range(ROUNDS):
        apart = spots[:, None] - spots[None]  # (N, N, 2)
        away = np.maximum(np.linalg.norm(apart, axis=2), 0.01)
        force = ideal**2 / away - strength * away**2 / ideal
        np.fill_diagonal(force, 0)
        step = (apart / away[..., None] * force[..., None]).sum(axis=1) - 1.5 * spots
        length = np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
        spots = spots + step / length * np.minimum(length, 0.15 * (1 - turn / ROUNDS))
    return _unmixed(_fitted(spots, radii), radii)


def _fitted(spots: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretched over the drawing, with room for faces and names at its edges."""
    edge = np.array([radii.max() + 50, radii.max() + 40])
    low, high = spots.min(axis=0), spots.max(axis=0)
    flat = high - low < 1e-9
    share = np.where(flat, 0.5, (spots - low) / np.where(flat, 1, high - low))
    fitted: NDArray[np.float64] = edge + share * (np.array([WIDTH, HEIGHT]) - 2 * edge)
    return fitted


def _unmixed(spots: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pushed apart until no two cover each other or each other's names."""
    room = radii[:, None] + radii[None] + 40
    edge = radii[:, None] + np.array([30, 36])
    for _ in range(ROUNDS):
        apart = spots[:, None] - spots[None]
        away = np.maximum(np.linalg.norm(apart, axis=2), 0.01)
        short = np.maximum(room - away, 0)
        np.fill_diagonal(short, 0)
        if not short.any():
            break
        spots = spots + (apart / away[..., None] * (short / 2)[..., None]).sum(axis=1)
        spots = np.clip(spots, edge, np.array([WIDTH, HEIGHT]) - edge)
    return spots


# ------------------------------------------------------------------------------------------- months


@dataclass(frozen=True, slots=True)
class Bar:
    """The photos of a month."""

    title: str  # July 2019
    letter: str
    x: int
    height: float
    photos: int
    href: str


@dataclass(frozen=True, slots=True)
class Year:
    """The photos of a year, and of its months."""

    year: str
    photos: int
    height: float
    href: str
    bars: tuple[Bar, ...]


@pages.get(f"/timeline/{NUMBER}")
def timeline(number: int) -> str:
    """Photos of somebody in each month."""
    db = index.db()
    name = looking.name_of(db, number)
    if name is None:
        abort(404)
    months = finding.by_month(db, number)
    undated = sum(month.photos for month in months if not _is_month(month.month))
    dated = [month for month in months if _is_month(month.month)]
    return render_template(
        "timeline.html", name=name, number=number, photos=sum(month.photos for month in months), undated=undated,
        years=_years(name, {month.month: month.photos for month in dated}), tall=TALL, told=told_of(db),
        undated_href="/search?" + urlencode({"who": name, "undated": 1}),
        ends=(dated[0].first, dated[-1].last) if dated else None,
    )  # fmt: skip


def _years(name: str, months: dict[str, int]) -> list[Year]:
    """From the first to the last; those between without a photo, too."""
    totals: Counter[int] = Counter()
    for month, photos in months.items():
        totals[int(month[:4])] += photos
    most, fullest = max(months.values(), default=1), max(totals.values(), default=1)
    found = []
    for number in _span(totals):
        year = f"{number:04d}"
        bars = tuple(_bar(name, year, each, months.get(f"{year}-{each:02d}", 0), most) for each in range(1, 13))
        photos = totals[number]
        found.append(Year(year, photos, _tall(photos, fullest), _href(name, year), bars))
    return found


def _span(totals: Counter[int]) -> Iterable[int]:
    """Every year between, unless a camera's clock was so wrong that they would be too many."""
    if not totals or max(totals) - min(totals) > MOST_YEARS:
        return sorted(totals)
    return range(min(totals), max(totals) + 1)


def _tall(photos: int, most: int) -> float:
    return max(2.0, round(TALL * photos / most, 1)) if photos else 0.0


def _bar(name: str, year: str, number: int, photos: int, most: int) -> Bar:
    word = calendar.month_name[number]
    x, height = 24 * (number - 1), _tall(photos, most)
    return Bar(f"{word} {year}", word[0], x, height, photos, _href(name, f"{year}-{number:02d}"))


def _href(name: str, span: str) -> str:
    return "/search?" + urlencode({"who": name, "from": span, "to": span})


def _is_month(month: str) -> bool:
    year, _, number = month.partition("-")
    return year.isdecimal() and number.isdecimal() and 1 <= int(number) <= 12
