"""Contact sheets: every picture once, in order, whatever its caption says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from faceindex.sheet import contact_sheet, shorten

FONT = ImageFont.load_default(size=13)


def plain(colour: tuple[int, int, int], height: int = 40, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def colours_on(sheet) -> set[tuple[int, ...]]:
    return {colour for _, colour in sheet.getcolors(maxcolors=1 << 20)}


def test_every_picture_is_on_the_sheet():
    reds = [(200, 10 * number, 0) for number in range(11)]
    sheet = contact_sheet(((plain(red), str(red)) for red in reds), columns=4, tile=48)
    assert set(reds) <= colours_on(sheet)


def test_pictures_run_from_left_to_right_then_down():
    tiles = [(plain((255, 0, 0)), "a"), (plain((0, 255, 0)), "b"), (plain((0, 0, 255)), "c")]
    sheet = np.asarray(contact_sheet(tiles, columns=2, tile=48))
    where = {name: np.argwhere((sheet == colour).all(axis=2))[0] for name, colour in
             {"a": (255, 0, 0), "b": (0, 255, 0), "c": (0, 0, 255)}.items()}  # fmt: skip
    assert where["a"][0] == where["b"][0] < where["c"][0]
    assert where["a"][1] == where["c"][1] < where["b"][1]


def test_a_sheet_is_no_wider_than_its_pictures_need():
    one, many = contact_sheet([(plain((1, 2, 3)), "x")]), contact_sheet([(plain((1, 2, 3)), "x")] * 9)
    assert one.width < many.width
    assert one.height < many.height


def test_no_pictures_make_an_empty_sheet():
    sheet = contact_sheet([])
    assert sheet.width > 0
    assert len(colours_on(sheet)) == 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 400), (400, 1), (1000, 700)])
def test_pictures_of_any_shape_fit(height, width):
    sheet = contact_sheet([(plain((250, 0, 0), height, width), "")], tile=64)
    assert (250, 0, 0) in colours_on(sheet)


def test_pictures_are_taken_one_by_one():
    handed_out = []

    def tiles():
        for number in range(3):
            picture = plain((0, 0, 0), 300, 300)
            handed_out.append(picture)
            yield picture, str(number)
            handed_out.clear()

    contact_sheet(tiles(), tile=32)
    assert handed_out == []


@given(st.text(max_size=60) | st.text(st.characters(categories=["Cs", "Cc", "Lo"]), max_size=10))
@settings(max_examples=60, deadline=None)
def test_a_caption_of_any_script_can_be_drawn(caption):
    contact_sheet([(plain((9, 9, 9)), caption)], tile=64)


@given(st.text(max_size=80), st.integers(0, 200))
@settings(deadline=None)
def test_a_caption_is_never_wider_than_its_tile(caption, width):
    assert FONT.getlength(shorten(caption, width, FONT)) <= width


def test_a_long_caption_loses_its_middle():
    label = shorten("Anna-Margarethe 2004 … somewhere very far away 17.jpg", 120, FONT)
    assert label.startswith("Anna")
    assert label.endswith("jpg")
    assert "…" in label


def test_a_short_caption_is_kept():
    assert shorten("Anna", 120, FONT) == "Anna"


def test_an_endless_caption_is_shortened():
    assert len(shorten("x" * 1_000_000, 100, FONT)) < 50
