"""Where faces are looked for: on the whole, in tiles, turned; their boxes always lie on the picture itself."""

from __future__ import annotations

import weakref
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fakes import FakeBackend, draw
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faceindex.api import ArrayPicture
from faceindex.backends.faces import MOST_OF_STRIP, faces_of, working_size
from faceindex.backends.looks import STRIP, TILE, piece_of, pieces, starts, tiles, whole
from faceindex.image import open_picture, turned, upright_box
from faceindex.models import Box, Detection, DetectionSettings, ReadLimits

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
    look = whole(picture, turn)
    moved = upright_box(box, turn)
    assert look.pixels().shape == (look.height, look.width, 3)
    height, width = look.height, look.width
    rows = slice(round(moved.top * height), round(moved.bottom * height))
    columns = slice(round(moved.left * width), round(moved.right * width))
    assert look.pixels()[rows, columns].min() == 255
    assert look.pixels().sum() == 3 * 255 * (right - left) * (bottom - top)
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


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("scale", [0.7, 1.0, 2.0])
def test_tiles_together_show_every_pixel_where_it_is_and_none_is_too_large(turn, scale):
    across, down = np.meshgrid(np.arange(1500), np.arange(1100))
    picture = np.stack([across // 6, down // 5, np.full_like(across, 200)], 2).astype(np.uint8)
    shown = np.zeros(turned(picture, turn).shape[:2], bool)
    height, width = shown.shape
    for look in tiles(picture, turn, scale, 800):
        pixels = look.pixels()
        assert pixels.shape == (look.height, look.width, 3)
        assert max(pixels.shape) <= TILE
        part = look.part
        rows = slice(round(part.top * height), round(part.bottom * height))
        columns = slice(round(part.left * width), round(part.right * width))
        shown[rows, columns] = True
        middle = look.on_picture(Box(0.5, 0.5, 0.5, 0.5))
        x, y = middle.left * 1500, middle.top * 1100
        there = pixels[look.height // 2, look.width // 2].astype(float)
        assert np.allclose(there[:2], (x / 6, y / 5), atol=3)
    assert shown.all()


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
    picture = np.zeros((width // 2, width, 3), np.uint8)
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


class SeesAll(FakeBackend):
    """As two detectors: "cnn" sees red faces whichever way they lie, "hog" only those brighter above."""

    def detect(self, pictures):
        upright = Upright(self.settings).detect(pictures)
        if self.settings.policy == "hog":
            return [[replace(face, detector="hog") for face in faces] for faces in upright]
        return [[replace(face, detector="cnn", score=0.2) for face in faces] for faces in super().detect(pictures)]


def test_a_face_found_by_turning_the_picture_takes_no_other_face_from_it():
    lying = turned(gradient_square(), 6)
    plain = draw((40, 255, 40))[: lying.shape[0]]
    both = np.concatenate([lying, plain], axis=1)
    assert len(faces_of(Loose(both), SeesAll(DetectionSettings(policy="cnn")))) == 2


def test_looking_at_tiles_holds_no_tile_while_the_next_is_looked_at():
    held = []

    class Watching(FakeBackend):
        def detect(self, pictures):
            held.append(sum(reference() is not None for reference in seen))
            seen.extend(weakref.ref(pixels) for pixels in pictures if pixels.shape[0] < 1700)
            return super().detect(pictures)

    seen = []
    picture = np.zeros((3000, 4000, 3), np.uint8)
    for left in range(100, 3900, 300):
        picture[200:300, left : left + 100] = (255, 0, 0)
    faces = faces_of(ArrayPicture(picture), Watching(DetectionSettings(faces=60, size=1000, cnn_size=1000)))
    assert len(faces) == 13
    assert len(seen) > 4
    assert max(held) <= 2


def test_a_picture_too_large_to_decode_whole_is_still_looked_at_in_tiles(tmp_path):
    picture = np.zeros((1600, 2400, 3), np.uint8)
    picture[400:600, 600:800] = (255, 0, 0)
    path = tmp_path / "large.jpg"
    Image.fromarray(picture).save(path, quality=95)
    opened = open_picture(path.read_bytes(), ReadLimits(max_decoded=1_000_000))
    settings = DetectionSettings(faces=36, size=400, cnn_size=400)
    assert len(faces_of(opened, FakeBackend(settings))) == 1


def strip(*where: int) -> np.ndarray:
    """A panorama of 12,000 by 800 pixels with faces of 200 pixels that begin there."""
    picture = np.zeros((800, 12_000, 3), np.uint8)
    for left in where:
        picture[300:500, left : left + 200] = (0, 255, 0)
    return picture


@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("settings", [DetectionSettings(), DetectionSettings(size=1000, group=0, turns=False)])
def test_faces_of_a_panorama_are_found_as_on_photos_that_it_would_make(turn, settings):
    lefts = (0, 3_150, 6_350, 9_050, 11_800)
    picture = turned(strip(*lefts), turn)
    faces = faces_of(ArrayPicture(picture), Shortsighted(settings))
    assert len(faces) == len(lefts)
    for left in lefts:
        box = upright_box(Box(left / 12_000, 300 / 800, (left + 200) / 12_000, 500 / 800), turn)
        assert max(face.box.iou(box) for face in faces) > 0.9


@given(st.integers(1, 30_000), st.integers(1, 30_000), st.sampled_from([0, 640, 1000, 1600]))
def test_only_a_strip_that_would_be_made_smaller_is_looked_at_in_pieces(width, height, size):
    longest, shortest = max(width, height), min(width, height)
    length = piece_of(width, height, size)
    assert (length < longest) == (bool(size) and longest > size and longest > STRIP * shortest)


@given(st.integers(50, 300), st.integers(800, 3000), st.data())
def test_every_face_of_a_strip_lies_whole_in_one_of_its_pieces(short, long, data):
    pixels = np.broadcast_to(np.uint8(0), (short, long, 3))
    side = data.draw(st.integers(1, short))
    left = data.draw(st.integers(0, long - side))
    found = list(pieces(pixels, STRIP * short))
    assert any(round(look.part.left * long) <= left and left + side <= round(look.part.right * long) for look in found)
    assert all(look.pixels().shape == (look.height, look.width, 3) for look in found)


@given(st.integers(1, 65_000), st.integers(1, 4_000))
def test_a_strip_is_decoded_to_no_more_pixels_than_fit_and_an_ordinary_picture_as_ever(width, height):
    picture = Announced(width, height)
    settings = DetectionSettings()
    longest = working_size(picture, settings)
    if max(width, height) <= STRIP * min(width, height):
        assert longest == 2000
    assert width * height * min(1.0, longest / max(width, height)) ** 2 <= max(MOST_OF_STRIP * 1.02, 2000 * 2000)


class Announced(ArrayPicture):
    """A picture of that size without pixels."""

    def __init__(self, width, height):
        super().__init__(np.broadcast_to(np.uint8(0), (height, width, 3)))
