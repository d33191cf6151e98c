"""Random tags on random pictures, for every format that reads and writes them."""

from __future__ import annotations

from hypothesis import strategies as st

from faceindex.models import Box, Canvas, Tag

ORIENTATIONS = range(1, 9)
# Separators and quotes of every format, letters that join, go right to left, or take two UTF-16 units.
AWKWARD = st.sampled_from([*";,=/\\|[]()<>&\"'#:%éשل中😀\t\n", "\u200d", "\u0301", "]]>", "&amp;"])
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
USUAL = ["Anna", "Zoë Müller-Öz", "O'Brien", "王小明", "Владимир", "Anna/Bob", "A|B", "https://e.org", "0.5"]
NAMES = st.one_of(st.sampled_from(USUAL), st.lists(st.one_of(AWKWARD, LETTERS), max_size=8).map("".join))


@st.composite
def boxes(draw: st.DrawFn, steps: int = 1000, least: int = 20) -> Box:
    """A box whose edges are whole steps, so that no format's rounding moves it."""
    left, top = (draw(st.integers(0, steps - least)) for _ in range(2))
    right, bottom = (draw(st.integers(start + least, steps)) for start in (left, top))
    return Box(left / steps, top / steps, right / steps, bottom / steps)


@st.composite
def canvases(draw: st.DrawFn) -> Canvas:
    return Canvas(draw(st.integers(100, 9000)), draw(st.integers(100, 9000)), draw(st.sampled_from(ORIENTATIONS)))


def tags(most: int = 10) -> st.SearchStrategy[tuple[Tag, ...]]:
    """Faces with and without names, and names without faces."""
    tag = st.builds(Tag, st.one_of(st.none(), NAMES), st.one_of(boxes(), boxes(), st.none()))
    return st.lists(tag, max_size=most).map(tuple)


def rounded(some: tuple[Tag, ...]) -> list[tuple[str, tuple[float, ...]]]:
    """Tags in an order of their own, their boxes to four digits, which 16 bits of Picasa's can hold: for comparing."""
    return sorted((tag.name or "", _sides(tag.box)) for tag in some)


def _sides(box: Box | None) -> tuple[float, ...]:
    return tuple(round(side, 4) + 0.0 for side in (box.left, box.top, box.right, box.bottom)) if box else ()
