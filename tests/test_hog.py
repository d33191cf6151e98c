"""The native HOG detector finds what dlib's finds, to the pixel, and refuses weights that are not dlib's."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor

import dlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from faceindex.errors import BadWeights, FaceindexError
from faceindex.native import library
from faceindex.nets import hog

needs_kernels = pytest.mark.skipif(not hog.available(), reason="no C kernels here")
DLIB = dlib.get_frontal_face_detector()
EVERYTHING = -1e6  # a threshold that all windows reach
PHOTOS = "detect/**/*.jpg", "albums/**/*.jpg", "lfw/A*/*.jpg", "nofaces/**/*.jpg"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("weights") / "hog.svm"
    DLIB.save(str(path))
    return path.read_bytes()


@pytest.fixture(scope="module")
def detector(weights) -> hog.HogDetector:
    return hog.HogDetector(weights)


def gray_of(picture: Image.Image, side: int | None = None) -> np.ndarray:
    if side:
        scale = side / max(picture.size)
        picture = picture.resize([max(1, round(edge * scale)) for edge in picture.size])
    return np.asarray(picture.convert("L"))


def by_dlib(gray: np.ndarray, min_score: float) -> dict[tuple[int, int, int, int], float]:
    boxes, scores, _ = DLIB.run(np.ascontiguousarray(gray), 0, min_score)
    return {(box.left(), box.top(), box.right(), box.bottom()): score for box, score in zip(boxes, scores, strict=True)}


def assert_same(detector: hog.HogDetector, gray: np.ndarray, min_score: float) -> int:
    """Compare with dlib; boxes within a hair of the threshold may be on either side of it."""
    theirs = by_dlib(gray, min_score)
    ours = {found[:4]: found.score for found in detector.detect(gray, min_score)}
    assert all(theirs.get(box, min_score) == pytest.approx(ours.get(box, min_score), abs=1e-4) for box in theirs | ours)
    return len(theirs)


@needs_kernels
@pytest.mark.parametrize("side", [333, 450, 512, 901])
def test_finds_the_astronaut_where_dlib_does(detector, astronaut, side):
    assert assert_same(detector, gray_of(Image.fromarray(astronaut), side), -0.5) >= 1


@needs_kernels
@pytest.mark.parametrize("pattern", PHOTOS)
def test_finds_on_real_photos_what_dlib_finds(detector, test_data, pattern):
    photos = sorted(test_data.glob(pattern))
    for path in photos[:: max(1, len(photos) // 8)]:
        with Image.open(path) as picture:
            assert_same(detector, gray_of(picture, 640), -0.5)


@needs_kernels
@settings(max_examples=30)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_scores_any_small_picture_as_dlib_does(detector, rows, columns, smoothness, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (rows // smoothness + 1, columns // smoothness + 1))
    gray = gray_of(Image.fromarray(noise.astype(np.uint8)).resize((columns, rows), Image.Resampling.BICUBIC))
    theirs, ours = by_dlib(gray, EVERYTHING), detector.detect(gray, EVERYTHING)
    assert bool(theirs) == bool(ours)
    if theirs:  # which of a thousand overlapping windows are dropped hangs on ties; the best of them is certain
        assert ours[0].score == pytest.approx(max(theirs.values()), abs=1e-4)


@needs_kernels
@pytest.mark.parametrize("shape", [(0, 0), (0, 100), (100, 0), (1, 1), (1, 2000), (2000, 1), (19, 19), (79, 79)])
def test_finds_nothing_on_a_picture_without_room(detector, shape):
    assert detector.detect(np.full(shape, 127, np.uint8), 0.0) == []


@needs_kernels
def test_a_view_of_a_larger_picture_is_read_row_by_row(detector, astronaut):
    whole = gray_of(Image.fromarray(astronaut))
    for view in (whole[20:300, 90:400], whole[:, ::-1], whole[::-1, ::-1], whole.T):
        assert detector.detect(view, -1.0) == detector.detect(np.ascontiguousarray(view), -1.0)


@needs_kernels
@pytest.mark.parametrize("wrong", [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.float32)])
def test_refuses_what_is_not_gray(detector, wrong):
    with pytest.raises(ValueError, match="gray must be"):
        detector.detect(wrong, 0.0)


@needs_kernels
def test_threads_share_a_detector(detector, astronaut):
    grays = [gray_of(Image.fromarray(astronaut), side) for side in (300, 400, 500, 600)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detector.detect, grays)) == [detector.detect(gray) for gray in grays]


@needs_kernels
def test_every_gradient_gets_the_orientation_that_dlib_gives():
    x, y = (part.ravel() for part in np.meshgrid(np.arange(-255, 256), np.arange(-255, 256)))
    above, below, row = (np.zeros(3 * x.size, np.uint8) for _ in range(3))  # every third pixel is a case
    above[1::3], below[1::3] = np.maximum(-y, 0), np.maximum(y, 0)
    row[0::3], row[2::3] = np.maximum(-x, 0), np.maximum(x, 0)
    lengths, slots = np.zeros(row.size + 4, np.float32), np.zeros(row.size, np.uint16)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (above[1:], row[1:], below[1:])]
    outputs = [ctypes.c_void_p(a.ctypes.data) for a in (lengths, slots)]
    library().fi_hog_gradients(*pointers, ctypes.c_int64(row.size - 2), *outputs)
    np.testing.assert_array_equal(slots[: row.size - 2 : 3] // 2 % 18, orientations(x, y))
    np.testing.assert_allclose(lengths[: row.size - 2 : 3], np.hypot(x, y), rtol=1e-6)


def orientations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The first of dlib's 18 directions with the largest dot product, tried as dlib does: each, then its opposite."""
    cosines = np.array([1, 0.9397, 0.7660, 0.5, 0.1736, -0.1736, -0.5, -0.7660, -0.9397], np.float32)
    sines = np.array([0, 0.3420, 0.6428, 0.8660, 0.9848, 0.9848, 0.8660, 0.6428, 0.3420], np.float32)
    best, chosen = np.zeros(x.size, np.float32), np.zeros(x.size, int)
    for number in range(9):
        dot = cosines[number] * x.astype(np.float32) + sines[number] * y.astype(np.float32)
        for value, orientation in ((dot, number), (-dot, number + 9)):
            chosen = np.where(value > best, orientation, chosen)
            best = np.maximum(value, best)
    return chosen


def test_reads_weights_from_a_file_as_from_its_bytes(weights, tmp_path):
    (tmp_path / "hog.svm").write_bytes(weights)
    one, other = hog.read_filters(weights), hog.read_filters(tmp_path / "hog.svm")
    np.testing.assert_array_equal(one.planes, other.planes)
    assert one.planes.shape == (5, 31, 10, 10)


def test_spectra_multiply_to_what_the_filters_give():
    random = np.random.default_rng(1)
    planes, cells = random.normal(size=(5, 31, 10, 10)), np.zeros((32, 32, 32))
    cells[:31] = random.normal(size=(31, 32, 32))
    z = np.fft.fft2(cells[:16] + 1j * cells[16:])
    opposite = np.roll(z[:, ::-1, ::-1], 1, (1, 2))
    product = np.zeros((5, 32, 32), complex)
    for (y, x), (ur, ui, vr, vi) in zip(
        hog._frequencies(), hog.spectra(planes).astype(float).transpose(0, 2, 1, 3), strict=True
    ):
        product[:, y, x] = ((ur + 1j * ui) * z[:, y, x] + (vr + 1j * vi) * opposite[:, y, x].conj()).sum(-1)
        product[:, -y % 32, -x % 32] = product[:, y, x].conj()
    scores = np.fft.ifft2(product * 32**2).real
    np.testing.assert_allclose(scores[:, 3, 7], np.tensordot(planes, cells[:31, 3:13, 7:17], 3), atol=1e-3)


@settings(max_examples=10)
@given(st.data())
def test_damaged_weights_are_one_sentence(weights, data):
    cut = data.draw(st.integers(0, len(weights) - 1))
    for damaged in (weights[:cut], weights + b"\x01", b"\x01\x03" + weights[2:], weights[:20] + b"\xff" + weights[21:]):
        with pytest.raises(BadWeights, match=r"^the HOG detector's file .*reinstall") as caught:
            hog.read_filters(damaged)
        assert "\n" not in str(caught.value)


def test_without_kernels_there_is_no_native_detector(weights, monkeypatch):
    monkeypatch.setenv("FACEINDEX_NATIVE", "0")
    assert not hog.available()
    with pytest.raises(FaceindexError, match="needs the C kernels"):
        hog.HogDetector(weights)
