"""One picture tells whether two runtimes give the same faces: what differs is seen, what is rounding is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from faceindex.backends.compare import LEAST, compare, compared
from faceindex.backends.runtimes import Runtime
from faceindex.nets.found import Found

Picture = NDArray[np.uint8]
BY_HOG = [Found(100, 60, 199, 159, 1.5), Found(300, 80, 380, 160, 0.4)]
BY_CNN = [Found(-4, 55, 204, 164, 1.1)]
PICTURE = np.random.default_rng(3).integers(0, 256, (480, 640, 3), np.uint8)


def fake(hog: Sequence[Found] = BY_HOG, cnn: Sequence[Found] = BY_CNN, off: float = 0.0) -> Runtime:
    """A runtime that finds these in every picture, and encodes a face as its mean colour, that much off."""

    def encode(chips: Picture) -> NDArray[np.float32]:
        return np.repeat(chips.mean((1, 2, 3))[:, None] / 255, 128, 1).astype(np.float32) + np.float32(off)

    return Runtime(lambda gray, least: hog, lambda rgb, least, step: cnn, encode)


def moved(found: Found, **by: float) -> Found:
    return found._replace(**{edge: getattr(found, edge) + pixels for edge, pixels in by.items()})


def test_both_runtimes_agree_on_a_real_face(astronaut: Picture) -> None:
    both = compare(astronaut, "cpu")
    assert both.agree
    assert both.faces == 2  # by HOG and by the CNN
    assert both.times > 0


def test_equal_runtimes_agree() -> None:
    both = compared(PICTURE, fake(), fake())
    assert (both.agree, both.faces, both.differing, both.encoding) == (True, 3, 0, 0.0)


def test_a_picture_without_a_face_is_compared_too() -> None:
    assert compared(PICTURE, fake([], []), fake([], [])).agree
    assert not compared(PICTURE, fake([], [], off=1e-3), fake([], [])).agree


@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_a_box_two_pixels_off_is_a_difference_and_one_pixel_is_not(edge: str) -> None:
    for by, agree in ((2, False), (-2, False), (1, True), (-1, True)):
        assert compared(PICTURE, fake(hog=[BY_HOG[0], moved(BY_HOG[1], **{edge: by})]), fake()).agree is agree
        assert compared(PICTURE, fake(cnn=[moved(BY_CNN[0], **{edge: by})]), fake()).agree is agree


@pytest.mark.parametrize(("by", "agree"), [(0.01, False), (-0.01, False), (1e-4, True)])
def test_another_score_is_a_difference(by: float, agree: bool) -> None:
    assert compared(PICTURE, fake(cnn=[moved(BY_CNN[0], score=by)]), fake()).agree is agree


@pytest.mark.parametrize(("hog", "cnn", "differing"), [(BY_HOG[:1], BY_CNN, 1), (BY_HOG, [], 1), ([], [], 3)])
def test_a_face_that_only_one_finds_is_a_difference(hog: Sequence[Found], cnn: Sequence[Found], differing: int) -> None:
    assert compared(PICTURE, fake(hog, cnn), fake()).differing == differing
    assert compared(PICTURE, fake(), fake(hog, cnn)).differing == differing


def test_a_face_on_the_edge_of_what_is_looked_for_is_no_difference() -> None:
    doubtful = Found(10, 10, 90, 90, LEAST + 1e-4)
    assert compared(PICTURE, fake([*BY_HOG, doubtful]), fake()).agree


@pytest.mark.parametrize(("off", "agree"), [(1e-3, False), (-1e-3, False), (1e-6, True), (float("nan"), False)])
def test_another_encoding_is_a_difference(off: float, agree: bool) -> None:
    both = compared(PICTURE, fake(off=off), fake())
    assert (both.agree, both.same_encodings, both.differing) == (agree, agree, 0)


def test_every_network_is_warm_before_the_clock_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    run = fake()

    def clock() -> float:
        called.append("clock")
        return float(len(called))

    monkeypatch.setattr("faceindex.backends.compare.perf_counter", clock)
    ours = replace(
        run,
        hog=lambda *given: called.append("hog") or run.hog(*given),
        cnn=lambda *given: called.append("cnn") or run.cnn(*given),
        encode=lambda *given: called.append("encode") or run.encode(*given),
    )
    compared(PICTURE, ours, fake())
    assert set(called[: called.index("clock")]) == {"hog", "cnn", "encode"}
