"""Plots, drawn on the server as SVG: bars and lines, with title and description for who cannot see them.

Colours and strokes are those of static/lists.css, by class: a policy that forbids styles in the page holds here too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDE, HIGH = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 60, 10, 12, 30  # around the plot itself
TICKS = 4
WIDEST = 60  # that a bar gets
LETTER = 8.5  # width of one, along the bottom


@dataclass(frozen=True, slots=True)
class Series:
    """What one colour stands for; a value for each place, None where it is not known."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] = field(default=())  # of an interval around each value
    high: Sequence[float | None] = field(default=())


def bars(title: str, about: str, places: Sequence[str], series: Sequence[Series]) -> Markup:
    """A bar for each place, of one part for each series."""
    top = nice(max((sum(each.values[n] or 0 for each in series) for n in range(len(places))), default=0))
    if all(isinstance(value, int) for each in series for value in each.values):
        top = max(top, TICKS)  # of what is counted there are no parts
    wide = min(WIDEST, (WIDE - LEFT - RIGHT) / max(1, len(places)))
    drawn = [*_ticks(top), *_names(places, lambda n: LEFT + wide * (n + 0.5))]
    for n, place in enumerate(places):
        base = 0.0
        for colour, each in enumerate(series):
            value = each.values[n] or 0
            if value:
                told = _tag("title", f"{place}: {each.name} {_short(value)}")
                drawn.append(
                    _bar(told, colour, LEFT + wide * (n + 0.1), wide * 0.8, _y(base, top), _y(base + value, top))
                )
            base += value
    return _figure(title, about, drawn, series)


def _bar(told: Markup, colour: int, x: float, wide: float, bottom: float, top: float) -> Markup:
    high = max(0.5, bottom - top)  # so little that it could not be seen is drawn as a line
    return _tag("rect", told, class_=f"c{colour}", x=x, y=bottom - high, width=max(0.8, wide), height=high)


def lines(
    title: str, about: str, at: Sequence[float], series: Sequence[Series], mark: float | None = None, top: float = 1.0
) -> Markup:
    """A line for each series over the numbers `at`, parts of 1 as percent, with the band of its interval."""
    first, last = (at[0], at[-1]) if at else (0.0, 1.0)

    def x(value: float) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * (value - first) / ((last - first) or 1)

    drawn = [*_ticks(top, " %", 100), *_names([f"{value:.2f}" for value in at], lambda n: x(at[n]))]
    if mark is not None and first <= mark <= last:
        drawn.append(_tag("line", class_="mark", x1=x(mark), x2=x(mark), y1=TOP, y2=HIGH - BOTTOM))
    for colour, each in enumerate(series):
        drawn += _line(colour, each, [x(value) for value in at], top)
    return _figure(title, about, drawn, series)


def _line(colour: int, each: Series, xs: Sequence[float], top: float) -> Iterator[Markup]:
    def points(values: Sequence[float | None]) -> list[str]:
        pairs = zip(xs, values, strict=True)
        return [f"{x:.1f},{_y(min(value, top), top):.1f}" for x, value in pairs if value is not None]

    if each.low:
        yield _tag("polygon", class_=f"band c{colour}", points=" ".join(points(each.high) + points(each.low)[::-1]))
    yield _tag("polyline", class_=f"line c{colour}", points=" ".join(points(each.values)))


def nice(value: float) -> float:
    """The least of 1, 2, 4, 5, 8 times a power of ten that is not below the value; 1 for nothing."""
    if value < 1e-9:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10, 20) if step * power >= value * (1 - 1e-9))


def _y(value: float, top: float) -> float:
    return HIGH - BOTTOM - (HIGH - TOP - BOTTOM) * value / top


def _ticks(top: float, unit: str = "", factor: float = 1) -> Iterator[Markup]:
    for n in range(TICKS + 1):
        value = top * n / TICKS
        y = _y(value, top)
        yield _tag("line", class_="grid", x1=LEFT, x2=WIDE - RIGHT, y1=y, y2=y)
        yield _tag("text", _short(value * factor) + unit, class_="tick", x=LEFT - 6, y=y + 4)


def _names(names: Sequence[str], x: Callable[[int], float]) -> Iterator[Markup]:
    """As many of the names along the bottom as there is room for, the last one among them."""
    longest = max(map(len, names), default=1)
    room = max(2, int((WIDE - LEFT) / (LETTER * (longest + 3))))
    step = max(1, math.ceil(len(names) / room))
    half = LETTER * longest / 2
    for n in range(len(names) - 1, -1, -step):
        yield _tag("text", names[n], class_="name", x=min(max(x(n), half), WIDE - half), y=HIGH - 8)


def _short(value: float) -> str:
    """A number in little room: 12k, 350, 0.25."""
    for least, divisor, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= least:
            return f"{value / divisor:.3g}{letter}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _figure(title: str, about: str, drawn: Sequence[Markup], series: Sequence[Series]) -> Markup:
    picture = _tag(
        "svg", Markup("\n").join(drawn), role="img", aria_label=f"{title}. {about}", viewBox=f"0 0 {WIDE} {HIGH}"
    )
    keys = [_tag("li", _key(colour) + each.name) for colour, each in enumerate(series)]
    below = _tag("ul", Markup("").join(keys), class_="keys") if len(series) > 1 else Markup("")
    return _tag("figure", _tag("figcaption", title) + picture + below, class_="plot")


def _key(colour: int) -> Markup:
    square = _tag("rect", class_=f"c{colour}", width=14, height=14)
    return _tag("svg", square, viewBox="0 0 14 14", aria_hidden="true")


def _tag(name: str, text: str = "", **attributes: str | float) -> Markup:
    """An element; text and attributes are escaped, but for what is Markup already."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{round(value, 1) if isinstance(value, float) else escape(value)}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{given}>{escape(text)}</{name}>")
