"""Presets are tables; what is said beside them wins."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from faceindex.models import DetectionSettings
from faceindex.presets import DEFAULT, PRESETS, SMALL, settings_of


def test_the_default_preset_is_what_python_callers_get_without_settings():
    assert settings_of() == PRESETS[DEFAULT] == DetectionSettings()


@pytest.mark.parametrize("preset", PRESETS)
def test_normal_faces_are_those_of_the_preset(preset):
    assert settings_of(preset) == settings_of(preset, "normal") == PRESETS[preset]


@pytest.mark.parametrize("preset", PRESETS)
def test_large_faces_are_looked_for_at_half_the_size(preset):
    whole, half = PRESETS[preset], settings_of(preset, "large")
    assert (half.size, half.cnn_size) == (whole.size // 2, whole.cnn_size // 2)
    assert replace(half, size=whole.size, cnn_size=whole.cnn_size) == whole


def test_small_faces_are_a_width_in_pixels_too():
    assert settings_of("both", "small") == settings_of("both", SMALL) == replace(PRESETS["both"], faces=SMALL)


def test_faces_that_are_looked_for_are_kept_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.setitem(PRESETS, DEFAULT, DetectionSettings(min_face=60))
    assert settings_of(faces=80).min_face == 60
    assert settings_of(faces=40).min_face == 40
    assert settings_of(faces=40, min_face=50).min_face == 50


def test_what_is_given_wins_over_the_preset_and_none_is_not_given():
    given = settings_of("fast", "large", size=900, min_score=0.0, cnn_size=None)
    assert asdict(given) == {**asdict(settings_of("fast", "large")), "size": 900, "min_score": 0.0}
