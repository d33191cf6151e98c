"""Where faces are looked for: on the whole, in tiles, turned; their boxes always lie on the picture itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from fakes import FakeBackend, draw
from hypothesis import given
from hypothesis import strategies as st

from faceindex.api import ArrayPicture
from faceindex.backends.faces import faces_of
from faceindex.backends.looks import TILE, Look, starts, tiles
from faceindex.image import turned, upright_box
from faceindex.models import Box, Detection, DetectionSettings

TURNS = (1, 3, 6, 8)
corners = st.tuples(*[st.integers(0, 19)] * 2)


class Loose(ArrayPicture):
    """A picture that does not say how it lies."""

    says_how_it_lies = False


class Upright(FakeBackend):
    """Sees only squares that are brighter above than below."""

    name = "upright"

    def detect(self, pictures):
        found = []
        for pixels in pictures:
            height, width = pixels.shape[:2]
            found.append([])
            for face in super().detect([pixels])[0]:
                left, right = int(face.box.left * width), int(face.box.right * width)
                top, bottom = round(face.box.top * height), round(face.box.bottom * height)
                middle = (top + bottom) // 2
                if pixels[top:middle, left:right].mean() > pixels[middle:bottom, left:right].mean() + 20:
                    found[-1].append(face)
        return found


@pytest.mark.parametrize("turn", TURNS)
@given(corners, corners)
def test_a_box_on_a_turned_picture_lies_on_the_same_pixels_of_the_picture(turn, one, other):
    left, right = min(one[0], other[0]), max(one[0], other[0]) + 1
    top, bottom = min(one[1], other[1]), max(one[1], other[1]) + 1
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[top:bottom, left:right] = 255
    box = Box(left / 30, top / 20, right / 30, bottom / 20)
    look = Look(turned(picture, turn), turn=turn)
    moved = upright_box(box, turn)
    height, width = look.pixels.shape[:2]
    rows = slice(round(moved.top * height), round(moved.bottom * height))
    columns = slice(round(moved.left * width), round(moved.right * width))
    assert look.pixels[rows, columns].min() == 255
    assert look.pixels.sum() == 3 * 255 * (right - left) * (bottom - top)
    back = look.on_picture(moved)
    assert np.allclose(
        (back.left, back.top, back.right, back.bottom), (box.left, box.top, box.right, box.bottom), atol=1e-9
    )


@given(st.integers(1, 20_000), st.integers(2, 3000), st.data())
def test_tiles_cover_a_side_evenly_and_share_the_overlap(length, side, data):
    overlap = data.draw(st.integers(0, side // 2))
    begun = starts(length, side, overlap)
    assert begun[0] == 0
    assert max(begun[-1] + side, length) == max(length, side)
    assert begun[-1] + min(side, length) == length
    for one, other in pairwise(begun):
        assert other > one
        assert one + side - other >= overlap


def test_tiles_show_every_part_of_the_picture_at_the_scale_asked_for():
    pixels = np.zeros((2400, 3000, 3), np.uint8)
    for look in tiles(pixels, 1.0, 1600):
        assert max(look.pixels.shape) <= TILE
        assert look.pixels.shape[1] == round(look.part.width * 3000)
        assert look.pixels.shape[0] == round(look.part.height * 2400)


def test_tiles_grow_where_smaller_faces_are_wanted():
    looks = list(tiles(np.zeros((900, 1200, 3), np.uint8), 2.0, 800))
    assert len(looks) > 1
    assert all(max(look.pixels.shape) <= TILE for look in looks)
    assert looks[0].pixels.shape[1] == pytest.approx(2 * 1200 * looks[0].part.width, abs=1)


def test_a_face_seen_on_the_whole_and_in_several_tiles_is_one_face():
    picture = np.zeros((2000, 3000, 3), np.uint8)
    picture[900:1000, 1400:1500] = (255, 0, 0)
    settings = DetectionSettings(faces=36, size=1000, cnn_size=1000)
    (face,) = faces_of(ArrayPicture(picture), FakeBackend(settings))
    assert face.box.iou(Box(1400 / 3000, 900 / 2000, 1500 / 3000, 1000 / 2000)) > 0.9


class Shortsighted(FakeBackend):
    """Sees no square narrower than 70 pixels at the size it is told to look."""

    def detect(self, pictures):
        found = []
        for pixels in pictures:
            longest = self.settings.size or max(pixels.shape)
            scale = longest / max(pixels.shape)
            faces = super().detect([pixels])[0]
            found.append([face for face in faces if face.box.width * pixels.shape[1] * scale >= 70])
        return found


def test_faces_too_small_for_the_whole_are_found_in_tiles_when_wanted():
    picture = np.zeros((3000, 4000, 3), np.uint8)
    picture[500:600, 3000:3100] = (0, 255, 0)
    seen = {
        wanted: len(faces_of(ArrayPicture(picture), Shortsighted(DetectionSettings(faces=wanted))))
        for wanted in (0, 90, 72)
    }
    assert seen == {0: 0, 90: 1, 72: 1}


def gradient_square() -> np.ndarray:
    picture = draw((255, 40, 40))
    square = picture[50:150, 50:150]
    picture[50:150, 50:150] = (square * np.linspace(1.0, 0.5, 100)[:, None, None]).astype(np.uint8)
    return picture


@pytest.mark.parametrize("turn", TURNS)
def test_a_face_on_a_picture_that_lies_on_its_side_is_found_and_encoded_upright(turn):
    upright = gradient_square()
    backend = Upright(DetectionSettings())
    (expected,) = faces_of(ArrayPicture(upright), backend)
    lying = turned(upright, turn)
    (face,) = faces_of(Loose(lying), backend)
    assert face.box.iou(upright_box(expected.box, turn)) > 0.95
    assert np.allclose(face.encoding, expected.encoding, atol=0.02)


def test_a_picture_that_says_how_it_lies_is_not_turned():
    lying = turned(gradient_square(), 6)
    assert faces_of(ArrayPicture(lying), Upright(DetectionSettings())) == ()


def test_turning_can_be_switched_off():
    lying = turned(gradient_square(), 6)
    assert faces_of(Loose(lying), Upright(DetectionSettings(turns=False))) == ()


def test_doubtful_faces_on_turned_pictures_are_not_believed():
    class Doubtful(Upright):
        def detect(self, pictures):
            sure = self.settings.min_score <= 0.2
            return [[Detection(f.box, 0.2, "x") for f in found if sure] for found in super().detect(pictures)]

    lying = turned(gradient_square(), 8)
    backend = Doubtful(DetectionSettings())
    assert faces_of(Loose(turned(lying, 6)), backend)
    assert faces_of(Loose(lying), backend) == ()


def crowd(width: int) -> np.ndarray:
    """Three faces that are just large enough at 1600 pixels, and one that is not."""
    picture = np.zeros((1000, width, 3), np.uint8)
    side = round(width * 80 / 1600)
    for place in range(3):
        picture[100 : 100 + side, (2 * place + 1) * side : (2 * place + 2) * side] = (255, 0, 0)
    small = round(width * 50 / 1600)
    picture[500 : 500 + small, width - 400 : width - 400 + small] = (0, 255, 0)
    return picture


@pytest.mark.parametrize(("width", "group", "faces"), [(4000, 3, 4), (4000, 0, 3), (4000, 4, 3), (1600, 3, 3)])
def test_where_several_faces_are_seen_and_one_is_small_smaller_ones_are_looked_for(width, group, faces):
    backend = Shortsighted(DetectionSettings(group=group))
    assert len(faces_of(ArrayPicture(crowd(width)), backend)) == faces
