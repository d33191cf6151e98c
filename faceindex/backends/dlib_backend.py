"""Faces by dlib's models: HOG and a CNN find them, 5 landmarks align them, a ResNet encodes them.

A picture is scaled to the size its detector works at, HOG sees it in gray; for an array of that very
size the boxes and encodings are those of the package face_recognition.
"""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from typing import TYPE_CHECKING

import dlib
import numpy as np

from faceindex.backends.dlib_models import model
from faceindex.backends.runtimes import Runtime, runtime
from faceindex.image import box_from_pixels, pixel_rect
from faceindex.models import Detection
from faceindex.native.preprocess import gray_shrink, shrink
from faceindex.stopwatch import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceindex.backends import Encodings
    from faceindex.models import Box, DetectionSettings, Pixels, Policy
    from faceindex.nets.found import Found

SAME_FACE = 0.3  # IoU above which a HOG and a CNN box are one face
# Where HOG has found several faces, those it missed are smaller, too: the CNN looks at a larger picture,
# and to make up for it at fewer sizes of it (docs/detection.md).
SEVERAL, AMONG_SEVERAL, COARSE_STEP = 2, 1.25, 3
CNN_SHORTEST = 40  # pixels: half the CNN's window; below 10 dlib fails and corrupts memory
GROW = 2.0  # times that a small picture is enlarged at most
CHIP = 150  # pixels, the encoder's input …
PADDING = 0.25  # … with so much around the face: what the network was trained with


class DlibBackend:
    """HOG, CNN or both, as settings.policy says; 128 numbers a face."""

    name = "dlib"
    dimensions = 128

    def __init__(self, settings: DetectionSettings) -> None:
        self.settings = settings
        self._runtime = runtime(settings)

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        """Faces of each picture, one picture at a time: batches gain nothing on a CPU."""
        find = POLICIES[self.settings.policy]
        return [sorted(find(pixels, self.settings, self._runtime), key=top_left) for pixels in pictures]

    def encode(self, pictures: Sequence[Pixels], boxes: Sequence[Sequence[Box]]) -> list[Encodings]:
        """The encodings face_recognition.face_encodings gives for the same pixels and boxes."""
        return [encode_faces(pixels, found, self._runtime) for pixels, found in zip(pictures, boxes, strict=True)]

    def notes(self) -> list[str]:
        """Devices that failed, and that the CPU took over."""
        return self._runtime.notes()


def find_by_hog(pixels: Pixels, settings: DetectionSettings, runtime: Runtime) -> list[Detection]:
    if not pixels.size:
        return []
    with stage("resize"):
        gray = gray_shrink(pixels, working_shape(pixels, settings.size))
    with stage("hog"):
        found = runtime.hog(gray, settings.min_score)
    return detections(gray, found, "hog")


def find_by_cnn(pixels: Pixels, settings: DetectionSettings, runtime: Runtime) -> list[Detection]:
    shape = working_shape(pixels, cnn_longest(pixels, settings))
    if min(shape) < CNN_SHORTEST:
        return []
    with stage("resize"):
        working = shrink(pixels, shape)
    with stage("cnn"):
        found = runtime.cnn(working, settings.min_score, settings.cnn_step)
    return detections(working, found, "cnn")


def find_by_hog_then_cnn(pixels: Pixels, settings: DetectionSettings, runtime: Runtime) -> list[Detection]:
    """What HOG finds; where that is nothing, or a face is doubtful, also what only the CNN finds."""
    by_hog = find_by_hog(pixels, settings, runtime)
    if by_hog and all(face.score >= settings.doubt for face in by_hog):
        return by_hog
    return united(by_hog, find_by_cnn(pixels, settings, runtime))


def find_by_both(pixels: Pixels, settings: DetectionSettings, runtime: Runtime) -> list[Detection]:
    """All that HOG finds, and what only the CNN finds."""
    by_hog = find_by_hog(pixels, settings, runtime)
    if len(by_hog) >= SEVERAL and settings.cnn_size:
        size = round(settings.cnn_size * AMONG_SEVERAL)
        settings = replace(settings, cnn_size=size, cnn_step=min(settings.cnn_step, COARSE_STEP))
    return united(by_hog, find_by_cnn(pixels, settings, runtime))


def united(by_hog: list[Detection], by_cnn: list[Detection]) -> list[Detection]:
    """Each face once. HOG's box wins, so that a face has one encoding under every policy that uses HOG."""
    return by_hog + [face for face in by_cnn if all(face.box.iou(other.box) <= SAME_FACE for other in by_hog)]


POLICIES: dict[Policy, Callable[[Pixels, DetectionSettings, Runtime], list[Detection]]] = {
    "hog": find_by_hog,
    "cnn": find_by_cnn,
    "hog-then-cnn": find_by_hog_then_cnn,
    "both": find_by_both,
}


def working_shape(pixels: Pixels, longest: int) -> tuple[int, int]:
    """Height and width at which a detector sees the picture; longest 0 means as it is."""
    height, width = pixels.shape[:2]
    if not longest or not pixels.size:
        return height, width
    scale = min(longest / max(height, width), GROW)
    return max(1, round(height * scale)), max(1, round(width * scale))


def cnn_longest(pixels: Pixels, settings: DetectionSettings) -> int:
    """The longest side at which the CNN sees no more than settings.cnn_pixels."""
    height, width = pixels.shape[:2]
    longest, shortest = max(width, height), max(1, min(width, height))
    most = isqrt(settings.cnn_pixels * longest // shortest)
    return max(1, min(settings.cnn_size or longest, most))


def detections(working: NDArray[np.uint8], found: Sequence[Found], detector: str) -> list[Detection]:
    """Rectangles as boxes, cut to the picture the way face_recognition cuts them."""
    height, width = working.shape[:2]
    cut = []
    for face in found:
        left, top = max(face.left, 0), max(face.top, 0)
        right, bottom = min(face.right, width), min(face.bottom, height)
        if left < right and top < bottom:
            box = box_from_pixels(left, top, right, bottom, width, height)
            cut.append(Detection(box, face.score, detector))
    return cut


def top_left(found: Detection) -> tuple[float, float]:
    return found.box.top, found.box.left


def encode_faces(pixels: Pixels, boxes: Sequence[Box], runtime: Runtime) -> Encodings:
    """Encodings (n, 128) of the faces in these boxes."""
    if not boxes:
        return np.empty((0, DlibBackend.dimensions), np.float32)
    pixels = np.ascontiguousarray(pixels)
    with stage("landmarks"):
        chips = np.stack([chip(pixels, box) for box in boxes])
    with stage("encode"):
        return runtime.encode(chips)


def chip(pixels: Pixels, box: Box) -> Pixels:
    """The face in that box, upright and centred by its landmarks: (150, 150, 3)."""
    height, width = pixels.shape[:2]
    landmarks = model("landmarks")(pixels, dlib.rectangle(*pixel_rect(box, width, height)))
    aligned: Pixels = dlib.get_face_chip(pixels, landmarks, CHIP, PADDING)
    return aligned
