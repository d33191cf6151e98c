"""What runs dlib's detectors and its encoder: ONNX Runtime and our own HOG, or dlib itself.

Both give the same boxes, scores and encodings (tests/test_dlib_backend.py), but that dlib's CNN knows no
other pyramid than its own, so an index may be filled by either. Without C kernels dlib's HOG runs in both.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlib
import numpy as np

from faceindex.backends.dlib_models import checked_file, model
from faceindex.errors import FaceindexError
from faceindex.nets.found import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceindex.models import DetectionSettings, Pixels

    Gray = NDArray[np.uint8]  # (H, W)
    Chips = NDArray[np.uint8]  # (n, 150, 150, 3) RGB, aligned
    Encodings = NDArray[np.float32]  # (n, 128)


@dataclass(frozen=True, eq=False)
class Runtime:
    """What a backend needs of it; the numbers are lowest scores."""

    hog: Callable[[Gray, float], Sequence[Found]]
    cnn: Callable[[Pixels, float, int], Sequence[Found]]  # with the step of the pyramid; dlib's is always 6
    encode: Callable[[Chips], Encodings]
    notes: Callable[[], list[str]] = list  # what happened on the way, once each


def runtime(settings: DetectionSettings) -> Runtime:
    """What these settings ask for; nothing is loaded before it is first called."""
    if settings.runtime == "dlib":
        return Runtime(dlib_hog, dlib_cnn, dlib_encode)
    device = settings.device
    return Runtime(
        our_hog,
        lambda pixels, least, step: onnx_cnn(device, step).detect(pixels, least),
        lambda chips: onnx_encoder(device).encode(chips),
        fallbacks,
    )


def fallbacks() -> list[str]:
    sessions = sys.modules.get("faceindex.nets.sessions")  # without one there is nothing to tell
    return sessions.fallbacks() if sessions else []


@cache
def onnx_cnn(device: str, step: int) -> Any:
    with import_errors():
        from faceindex.nets.detector import FaceDetector  # noqa: PLC0415  (most photos need no CNN)

        return FaceDetector(checked_file("cnn"), device, step)


@cache
def onnx_encoder(device: str) -> Any:
    with import_errors():
        from faceindex.nets.encoder import FaceEncoder  # noqa: PLC0415  (a photo without a face needs none)

        return FaceEncoder(checked_file("encoder"), device)


@contextmanager
def import_errors() -> Iterator[None]:
    """End the run where onnxruntime, or onnx, is missing or broken: no photo is to blame for it."""
    try:
        yield
    except ImportError as error:
        problem = f"onnxruntime cannot be loaded ({error}); reinstall onnxruntime and onnx, or scan with --runtime dlib"
        raise FaceindexError(problem) from error


def our_hog(gray: Gray, least: float) -> Sequence[Found]:
    from faceindex.nets import hog  # noqa: PLC0415  (not wanted under runtime "dlib")

    return our_hog_detector().detect(gray, least) if hog.available() else dlib_hog(gray, least)


@cache
def our_hog_detector() -> Any:
    from faceindex.nets.cache import cached_bytes  # noqa: PLC0415
    from faceindex.nets.hog import HogDetector  # noqa: PLC0415

    return HogDetector(cached_bytes(f"hog-{dlib.__version__}.svm", hog_weights))


def hog_weights() -> bytes:
    """The weights of dlib's HOG, which dlib carries packed in its code: to unpack them takes it 230 ms."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frontal.svm"
        dlibs_hog().save(str(file))
        return file.read_bytes()


@cache
def dlibs_hog() -> Any:
    """dlib's HOG detector, which is part of dlib itself."""
    return dlib.get_frontal_face_detector()


def dlib_hog(gray: Gray, least: float) -> Sequence[Found]:
    if not gray.size:
        return []
    rects, scores, _ = dlibs_hog().run(gray, 0, least)
    return [as_found(rect, score) for rect, score in zip(rects, scores, strict=True)]


def dlib_cnn(pixels: Pixels, least: float, _: int = 6) -> Sequence[Found]:
    with memory_errors():
        found = model("cnn")(pixels, 0)
    return [as_found(face.rect, face.confidence) for face in found if face.confidence >= least]


def dlib_encode(chips: Chips) -> Encodings:
    with memory_errors():
        encodings = [model("encoder").compute_face_descriptor(chip) for chip in chips]
    return np.array(encodings, np.float32).reshape(len(encodings), 128)


def as_found(rect: Any, score: float) -> Found:
    return Found(rect.left(), rect.top(), rect.right(), rect.bottom(), float(score))


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
