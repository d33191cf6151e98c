"""Ways of looking for faces that have a name, and how small a face may be, as DetectionSettings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faceindex.models import DetectionSettings

DEFAULT = "hog-then-cnn"

# From the fastest to the most thorough; what each finds and costs is in docs/detection.md.
PRESETS: dict[str, DetectionSettings] = {
    "fast": DetectionSettings(policy="hog", size=1000, group=0),
    "hog-then-cnn": DetectionSettings(),
    "both": DetectionSettings(policy="both"),
    "cnn": DetectionSettings(policy="cnn", cnn_size=1600, cnn_step=5, group=0),
}

NORMAL = "normal"
SMALL = 72  # pixels of the original: what detectors need of a face, so that every pixel is looked at
SMALLEST = 36  # pixels: a picture grows at most twofold
LARGEST = 1000  # pixels: what is larger, every way of looking finds


def settings_of(preset: str = DEFAULT, faces: str | int = NORMAL, **given: Any) -> DetectionSettings:
    """A preset's settings for faces "small", "normal", "large" or at least so many pixels wide in the original.

    What is given under the name of a setting wins over the preset, but for None.
    """
    wanted = _for_faces(PRESETS[preset], faces)
    return replace(wanted, **{name: value for name, value in given.items() if value is not None})


def _for_faces(settings: DetectionSettings, faces: str | int) -> DetectionSettings:
    if faces == NORMAL:
        return settings
    if faces == "large":
        return replace(settings, size=settings.size // 2, cnn_size=settings.cnn_size // 2)
    narrowest = SMALL if faces == "small" else int(faces)
    # Else what is found would not be kept.
    return replace(settings, faces=narrowest, min_face=min(narrowest, settings.min_face))
