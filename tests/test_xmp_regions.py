"""digiKam's rectangles: whole pixels of the upright picture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tagged import boxes, canvases

from faceindex.models import Box, Canvas
from faceindex.tags import regions

CANVAS = Canvas(400, 300, 6)


def test_a_rectangle_of_digikam_is_read() -> None:
    assert regions.read('<rect x="100" y="75" width="200" height="150"/>', CANVAS) == Box(0.25, 0.25, 0.75, 0.75)
    assert regions.read("<rect height='150' x='100' width='200' y='75' />\n", CANVAS) == Box(0.25, 0.25, 0.75, 0.75)


@given(boxes(), canvases())
def test_what_is_written_is_read_to_the_pixel(box: Box, canvas: Canvas) -> None:
    found = regions.read(regions.write(box, canvas), canvas)
    assert found is not None
    for side, length in (
        ("left", canvas.width),
        ("top", canvas.height),
        ("right", canvas.width),
        ("bottom", canvas.height),
    ):
        assert getattr(found, side) == pytest.approx(getattr(box, side), abs=1 / length)


def test_a_rectangle_is_clipped_to_the_picture() -> None:
    assert regions.read('<rect x="-100" y="150" width="200" height="900"/>', CANVAS) == Box(0, 0.5, 0.25, 1)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "<rect/>",
        '<rect x="1" y="1" width="0" height="5"/>',
        '<rect x="1" y="1" width="-5" height="5"/>',
        '<rect x="900" y="1" width="5" height="5"/>',
        '<rect x="1" y="1" width="5"/>',
        '<circle x="1" y="1" width="5" height="5"/>',
        '<!DOCTYPE r [<!ENTITY e "1">]><rect x="&e;" y="1" width="5" height="5"/>',
        '<rect x="1e9" y="nan" width="inf" height="5"/>',
        '<rect x="1" y="1" width="99999999999999999999" height="5"/>',
        '<rect ' + 'x="1" ' * 10_000 + "/>",
    ],
)  # fmt: skip
def test_what_is_no_rectangle_is_none(value: str) -> None:
    assert regions.read(value, CANVAS) is None


@given(st.text("<rect xywidthg=\"'0-9./>", max_size=120))
def test_any_text_is_a_box_or_none(value: str) -> None:
    box = regions.read(value, CANVAS)
    assert box is None or (0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1)
