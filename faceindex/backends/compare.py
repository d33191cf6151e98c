"""Do ONNX Runtime and dlib give the same faces on this machine? One picture tells."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from faceindex.backends.dlib_backend import chip, detections, working_shape
from faceindex.backends.runtimes import Runtime, runtime
from faceindex.models import Box, DetectionSettings
from faceindex.native.preprocess import gray_shrink, shrink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceindex.models import Pixels
    from faceindex.nets.found import Found

SIZE = 640  # longest side, pixels: dlib's CNN takes two seconds and 330 MB for it
LEAST = 0.15  # score
DLIBS_STEP = 6
SAME_ENCODING = 1e-5  # largest difference of a number that is none
SAME_SCORE = 1e-3
SAME_EDGE = 1  # pixel
CORNER = 160  # pixels: enough for all networks to be loaded


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one runtime gave, against the other."""

    faces: int  # found by dlib's CNN and HOG together
    differing: int  # found by only one runtime; one found elsewhere, or with another score, counts on both sides
    encoding: float  # largest difference of a number of an encoding
    times: float  # how many times as fast ONNX Runtime was

    @property
    def agree(self) -> bool:
        return not self.differing and self.same_encodings

    @property
    def same_encodings(self) -> bool:
        return self.encoding <= SAME_ENCODING  # not if it is no number


def compare(pixels: Pixels, device: str = "auto") -> Comparison:
    """Look at one upright picture (H, W, 3), its shorter side a sixteenth of the longer at least, with both."""
    return compared(pixels, runtime(DetectionSettings(device=device)), runtime(DetectionSettings(runtime="dlib")))


def compared(pixels: Pixels, ours: Runtime, theirs: Runtime) -> Comparison:
    """The same of any two runtimes; encodings are those of the faces that HOG of the second finds."""
    rgb, gray = shrink(pixels, working_shape(pixels, SIZE)), gray_shrink(pixels, working_shape(pixels, SIZE))
    boxes = [face.box for face in detections(gray, theirs.hog(gray, LEAST), "hog")] or [Box(0.25, 0.25, 0.75, 0.75)]
    chips = np.stack([chip(rgb, box) for box in boxes])
    hog, cnn, encodings, seconds = timed(ours, gray, rgb, chips)
    their_hog, their_cnn, their_encodings, their_seconds = timed(theirs, gray, rgb, chips)
    return Comparison(
        len(their_hog) + len(their_cnn),
        differing(hog, their_hog) + differing(cnn, their_cnn),
        float(np.abs(encodings - their_encodings).max()),
        their_seconds / seconds,
    )


def timed(
    run: Runtime, gray: NDArray[np.uint8], rgb: Pixels, chips: NDArray[np.uint8]
) -> tuple[Sequence[Found], Sequence[Found], NDArray[np.float32], float]:
    """What a runtime finds and encodes, and the seconds it takes when warm."""
    # A corner is enough: what takes long the first time is to load the weights.
    run.hog(np.ascontiguousarray(gray[:CORNER, :CORNER]), LEAST)
    run.cnn(np.ascontiguousarray(rgb[:CORNER, :CORNER]), LEAST, DLIBS_STEP)
    run.encode(chips[:1])
    start = perf_counter()
    return run.hog(gray, LEAST), run.cnn(rgb, LEAST, DLIBS_STEP), run.encode(chips), perf_counter() - start


def differing(ours: Sequence[Found], theirs: Sequence[Found]) -> int:
    """How many faces have no equal on the other side; those on the edge of LEAST do not count."""
    return sum(not any(same(a, b) for b in theirs) for a in ours if a.score > LEAST + SAME_SCORE) + sum(
        not any(same(a, b) for a in ours) for b in theirs if b.score > LEAST + SAME_SCORE
    )


def same(a: Found, b: Found) -> bool:
    near = all(abs(p - q) <= SAME_EDGE for p, q in zip(a[:4], b[:4], strict=True))
    return near and abs(a.score - b.score) <= SAME_SCORE
