"""dlib's frontal face detector (HOG) run by the native kernels: the same boxes and scores, four to five times as fast.

The weights come from dlib itself: `dlib.get_frontal_face_detector().save(path)` writes them.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceindex.errors import FaceindexError
from faceindex.native import library
from faceindex.nets.found import Found
from faceindex.nets.serialized import Cursor, open_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTORS = 5  # front, left, right, and front turned either way
PLANES = 31
WINDOW = 10  # cells of 8 pixels
TILE = 32  # cells: the size that the kernel transforms
# What stands in front of the filters; the kernel knows no other sizes.
HEADER = (
    ("detector version", 2),
    ("scanner version", 1),
    ("rows of features", 0),
    ("columns of features", 0),
    ("cell size", 8),
    ("padding", 0),
    ("window width", 80),
    ("window height", 80),
    ("pyramid levels", 1000),
    ("least layer width", 64),
    ("least layer height", 64),
)


@dataclass(frozen=True, eq=False)
class Filters:
    """What dlib's file holds."""

    planes: NDArray[np.float64]  # (5, 31, 10, 10): detector, feature, row, column
    thresholds: NDArray[np.float64]  # (5,)
    most_joint: float  # of two boxes: intersection by bounding box of both, above which the weaker one goes
    most_covered: float  # or intersection by either box


def available() -> bool:
    """Whether the native kernels are there; without them dlib's own detector has to do."""
    return library() is not None


def read_filters(weights: bytes | Path) -> Filters:
    """The filters of a file (or its bytes) that dlib saved; raises BadWeights."""
    cursor = open_weights(weights) if isinstance(weights, Path) else Cursor("the HOG detector's file", weights)
    for what, wanted in HEADER:
        cursor.one_of(what, wanted)
    cursor.float()  # a strength that only training uses
    cursor.one_of("filter size", PLANES * WINDOW * WINDOW)
    most_joint, most_covered = cursor.float(), cursor.float()
    cursor.one_of("number of detectors", DETECTORS)
    rows = [_filter(cursor) for _ in range(DETECTORS)]
    cursor.finish()
    planes = np.stack([row[:-1].reshape(PLANES, WINDOW, WINDOW) for row in rows])
    return Filters(planes, np.array([row[-1] for row in rows]), most_joint, most_covered)


def _filter(cursor: Cursor) -> NDArray[np.float64]:
    row = cursor.matrix().ravel()
    if row.size != PLANES * WINDOW * WINDOW + 1 or not np.isfinite(row).all():
        raise cursor.unexpected(f"a filter of {row.size} numbers")
    return row


def spectra(planes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Filters (5, 31, 10, 10) as what the kernel multiplies by: (514, 5, 4, 16) float32.

    Planes j and j + 16 go through one complex transform Z = A + iB. As A and B are real, A = (Z + Z'*) / 2 and
    B = (Z - Z'*) / 2i, Z' being Z at the opposite frequency; so conj(F_a)·A + conj(F_b)·B = U·Z + V·Z'* with
    U = (conj(F_a) - i conj(F_b)) / 2 and V = (conj(F_a) + i conj(F_b)) / 2. Real and imaginary parts of U and V are
    what stands third; the scale of the transform back is in them too.
    """
    padded = np.pad(planes, ((0, 0), (0, 1), (0, 0), (0, 0)))
    conjugate = np.conj(np.fft.fft2(padded, s=(TILE, TILE))) / TILE**2
    first, second = conjugate[:, :16], conjugate[:, 16:]
    u, v = (first - 1j * second) / 2, (first + 1j * second) / 2
    parts = np.stack([u.real, u.imag, v.real, v.imag], axis=1)  # (5, 4, 16, 32, 32)
    rows, columns = np.array(_frequencies()).T
    return np.ascontiguousarray(np.moveaxis(parts[..., rows, columns], -1, 0), np.float32)


def _frequencies() -> list[tuple[int, int]]:
    """One of each two opposite frequencies, in the kernel's order."""
    half = ((y, x) for y in range(TILE // 2 + 1) for x in range(TILE))
    return [(y, x) for y, x in half if not (-y % TILE == y and -x % TILE < x)]


class HogDetector:
    """dlib's detector on one thread; may be shared by threads. Raises BadWeights, or FaceindexError without kernels."""

    def __init__(self, weights: bytes | Path) -> None:
        kernels = library()
        if kernels is None:
            raise FaceindexError(
                "the fast HOG detector needs the C kernels: install faceindex where there is a compiler"
            )
        self._kernels = kernels
        filters = read_filters(weights)
        self._spectra = spectra(filters.planes)
        self._limits = np.array([*filters.thresholds, filters.most_joint, filters.most_covered])

    def detect(self, gray: NDArray[np.uint8], min_score: float = 0.0) -> list[Found]:
        """The faces of a picture (H, W) uint8, best first: what dlib's `run(gray, 0, min_score)` finds.

        Scores differ from dlib's by rounding, some 10^-6. Raises ValueError for another shape or dtype.
        """
        if gray.ndim != 2 or gray.dtype != np.uint8:
            raise ValueError(f"gray must be (H, W) uint8, not {gray.shape} {gray.dtype}")
        rows = self._boxes(gray, min_score).tolist()
        return [Found(int(left), int(top), int(right), int(bottom), score) for left, top, right, bottom, score in rows]

    def _boxes(self, gray: NDArray[np.uint8], min_score: float) -> NDArray[np.float64]:
        pixels = gray if gray.strides[1] == 1 and gray.strides[0] > 0 else np.ascontiguousarray(gray)
        boxes = ctypes.POINTER(ctypes.c_double)()
        run = self._kernels.fi_hog_detect
        run.restype = ctypes.c_int64
        count = run(
            ctypes.c_void_p(pixels.ctypes.data),
            *map(ctypes.c_int64, (*pixels.shape, pixels.strides[0])),
            ctypes.c_void_p(self._spectra.ctypes.data),
            ctypes.c_void_p(self._limits.ctypes.data),
            ctypes.c_double(min_score),
            ctypes.byref(boxes),
        )
        if count < 0:
            raise MemoryError("no memory to look for faces")
        if count == 0:
            return np.empty((0, 5))
        found: NDArray[np.float64] = np.ctypeslib.as_array(boxes, (count, 5)).copy()
        self._kernels.fi_hog_free(boxes)
        return found
