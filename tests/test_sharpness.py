"""Faces that something blurred are told from sharp ones, whatever their size and light."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from faceindex.matching import POOR_SHARPNESS, is_poor
from faceindex.models import Box
from faceindex.sharpness import sharpness

FACE = Box(0.33, 0.12, 0.54, 0.33)  # the astronaut's


def face_at(width, astronaut, blur=0.0):
    """The portrait with a face so wide, blurred by this part of the face's width."""
    size = round(width / FACE.width)
    image = Image.fromarray(astronaut).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(blur * width)))


@pytest.mark.parametrize("width", [60, 100, 240])
def test_a_sharp_face_is_above_and_a_blurred_one_below_the_threshold_at_any_size(width, astronaut):
    assert sharpness(face_at(width, astronaut), FACE) > 1.5 * POOR_SHARPNESS
    assert sharpness(face_at(width, astronaut, blur=0.04), FACE) < POOR_SHARPNESS


def test_the_more_it_is_blurred_the_less_sharp_it_is(astronaut):
    found = [sharpness(face_at(200, astronaut, blur), FACE) for blur in (0, 0.01, 0.02, 0.04, 0.08)]
    assert found == sorted(found, reverse=True)


def test_a_small_picture_made_large_is_not_sharp(astronaut):
    small = Image.fromarray(face_at(16, astronaut))
    assert sharpness(np.asarray(small.resize((512, 512), Image.Resampling.BICUBIC)), FACE) < POOR_SHARPNESS


def test_light_makes_little_difference(astronaut):
    dark = (face_at(200, astronaut) * 0.4).astype(np.uint8)
    assert sharpness(dark, FACE) == pytest.approx(sharpness(face_at(200, astronaut), FACE), rel=0.2)


@pytest.mark.parametrize(
    "box", [Box(0, 0, 1, 1), Box(-0.5, -0.5, 0.2, 0.2), Box(0.99, 0.99, 1.5, 1.5), Box(0.5, 0.5, 0.5, 0.5)]
)
def test_even_pixels_have_no_detail_wherever_the_box_lies(box):
    assert sharpness(np.full((40, 30, 3), 200, np.uint8), box) == 0


def test_only_faces_whose_encodings_were_measured_are_judged_by_it():
    assert is_poor(100, 1.0, "cnn", POOR_SHARPNESS / 2)
    assert not is_poor(100, 1.0, "cnn", None)
    assert not is_poor(100, 1.0, "other", POOR_SHARPNESS / 2)
