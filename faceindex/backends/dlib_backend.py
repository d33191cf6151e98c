"""Faces by dlib: HOG and a CNN find them, 5 landmarks align them, a ResNet encodes them.

A picture is scaled to the size its detector works at; for an array of that very size the boxes
and encodings are those of the package face_recognition.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import isqrt
from typing import TYPE_CHECKING, Any

import dlib
import numpy as np

from faceindex.backends.dlib_models import hog, model
from faceindex.image import box_from_pixels, pixel_rect, resize
from faceindex.models import Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from faceindex.backends import Encodings
    from faceindex.models import Box, DetectionSettings, Pixels, Policy

SAME_FACE = 0.4  # IoU above which a HOG and a CNN box are one face
# Down to half the size dlib's own bilinear scaling skips no pixel, finds the same faces and takes 10 ms
# where resize() takes 30 (2000 to 1600 pixels).
PLAIN_BILINEAR = 0.5
CNN_SHORTEST = 40  # pixels: half the CNN's window; below 10 dlib fails and corrupts memory


class DlibBackend:
    """HOG, CNN or both, as settings.policy says; 128 numbers a face."""

    name = "dlib"
    dimensions = 128

    def __init__(self, settings: DetectionSettings) -> None:
        self.settings = settings

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        """Faces of each picture, one picture at a time: dlib gains nothing from batches on a CPU."""
        find = POLICIES[self.settings.policy]
        return [sorted(find(pixels, self.settings), key=top_left) for pixels in pictures]

    def encode(self, pictures: Sequence[Pixels], boxes: Sequence[Sequence[Box]]) -> list[Encodings]:
        """The encodings face_recognition.face_encodings gives for the same pixels and boxes."""
        return [encode_faces(pixels, found) for pixels, found in zip(pictures, boxes, strict=True)]


def find_by_hog(pixels: Pixels, settings: DetectionSettings) -> list[Detection]:
    working = scaled(pixels, settings.size)
    if not working.size:
        return []
    rects, scores, _ = hog().run(working, settings.upsample, settings.min_score)
    return detections(working, rects, scores, "hog")


def find_by_cnn(pixels: Pixels, settings: DetectionSettings) -> list[Detection]:
    working = scaled(pixels, cnn_longest(pixels, settings))
    if min(working.shape[:2]) < CNN_SHORTEST:
        return []
    with memory_errors():
        found = model("cnn")(working, settings.upsample)
    sure = [face for face in found if face.confidence >= settings.min_score]
    return detections(working, [face.rect for face in sure], [face.confidence for face in sure], "cnn")


def find_by_hog_then_cnn(pixels: Pixels, settings: DetectionSettings) -> list[Detection]:
    return find_by_hog(pixels, settings) or find_by_cnn(pixels, settings)


def find_by_both(pixels: Pixels, settings: DetectionSettings) -> list[Detection]:
    """All that HOG finds, and what only the CNN finds.

    HOG's box wins, so that a face found by both has the encoding it has under the other policies.
    """
    by_hog = find_by_hog(pixels, settings)
    by_cnn = find_by_cnn(pixels, settings)
    return by_hog + [face for face in by_cnn if all(face.box.iou(other.box) <= SAME_FACE for other in by_hog)]


POLICIES: dict[Policy, Callable[[Pixels, DetectionSettings], list[Detection]]] = {
    "hog": find_by_hog,
    "cnn": find_by_cnn,
    "hog-then-cnn": find_by_hog_then_cnn,
    "both": find_by_both,
}


def scaled(pixels: Pixels, longest: int) -> Pixels:
    """The picture at its working size, as dlib wants it in memory; 0 means as it is."""
    height, width = pixels.shape[:2]
    if not longest or not pixels.size or max(height, width) == longest:
        return np.ascontiguousarray(pixels)
    scale = longest / max(height, width)
    if PLAIN_BILINEAR <= scale < 1:
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        shrunk: Pixels = dlib.resize_image(np.ascontiguousarray(pixels), rows=rows, cols=columns)
        return shrunk
    return np.ascontiguousarray(resize(pixels, longest))


def cnn_longest(pixels: Pixels, settings: DetectionSettings) -> int:
    """The longest side at which the CNN sees no more than settings.cnn_pixels, upsampling included."""
    height, width = pixels.shape[:2]
    longest, shortest = max(width, height), max(1, min(width, height))
    most = isqrt((settings.cnn_pixels >> 2 * settings.upsample) * longest // shortest)
    return max(1, min(settings.cnn_size or longest, most))


def detections(working: Pixels, rects: Sequence[Any], scores: Sequence[float], detector: str) -> list[Detection]:
    """dlib's rectangles as boxes, cut to the picture the way face_recognition cuts them."""
    height, width = working.shape[:2]
    found = []
    for rect, score in zip(rects, scores, strict=True):
        left, top = max(rect.left(), 0), max(rect.top(), 0)
        right, bottom = min(rect.right(), width), min(rect.bottom(), height)
        if left < right and top < bottom:
            box = box_from_pixels(left, top, right, bottom, width, height)
            found.append(Detection(box, float(score), detector))
    return found


def top_left(found: Detection) -> tuple[float, float]:
    return found.box.top, found.box.left


def encode_faces(pixels: Pixels, boxes: Sequence[Box]) -> Encodings:
    """Encodings (n, 128) of the faces in these boxes."""
    pixels = np.ascontiguousarray(pixels)
    encodings = np.empty((len(boxes), DlibBackend.dimensions), np.float32)
    with memory_errors():
        for row, box in enumerate(boxes):
            encodings[row] = encode_face(pixels, box)
    return encodings


def encode_face(pixels: Pixels, box: Box) -> Any:
    height, width = pixels.shape[:2]
    rect = dlib.rectangle(*pixel_rect(box, width, height))
    landmarks = model("landmarks")(pixels, rect)
    return model("encoder").compute_face_descriptor(pixels, landmarks, 1)  # 1 jitter: none


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn what dlib raises when the graphics card is full into a MemoryError.

    After it every later call to dlib in this process fails, so the process has to go.
    """
    try:
        yield
    except RuntimeError as error:
        if "out of memory" not in str(error):
            raise
        problem = "the graphics card is out of memory; lower cnn_pixels or use fewer workers"
        raise MemoryError(problem) from error
