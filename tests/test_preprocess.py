"""Resizing is Pillow's, whichever way it runs: kernels for each kind of processor, or Pillow itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from faceindex import native
from faceindex.native import preprocess
from faceindex.native.preprocess import TOLERANCE, gray_shrink, shrink, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WAYS = {"vectors": 2, "narrow vectors": 1, "plain": 0}  # what fi_widest takes

# The fixture `way` stays as it is from example to example.
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
sides = st.integers(1, 90)
sizes = st.tuples(sides, sides)


@pytest.fixture(params=[*WAYS, "no kernels"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "no kernels":
        monkeypatch.setenv("FACEINDEX_NATIVE", "0")
        yield request.param
        return
    if (kernels := native.library()) is None:
        pytest.skip(str(native.why_not()))
    kernels.fi_widest(WAYS[request.param])
    yield request.param
    kernels.fi_widest(2)


def noise(rng: np.random.Generator, kind: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Noise, the hardest to resize: soft or hard, or all of one colour."""
    if kind == "flat":
        return np.full((*shape, 3), rng.integers(0, 256, 3), np.uint8)
    pixels = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    return pixels if kind == "soft" else np.where(pixels > 127, 255, 0).astype(np.uint8)


@st.composite
def pictures(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[int, int]] = sizes) -> NDArray[np.uint8]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return noise(rng, draw(st.sampled_from(["soft", "hard", "flat"])), draw(shapes))


@st.composite
def steep(draw: st.DrawFn) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A picture up to 18 times as high and wide as its size is to be: some rows, and columns for some vectors."""
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 45)))
    scales = draw(st.tuples(st.floats(1, 18), st.floats(3, 18)))
    shape = (round(size[0] * scales[0]), round(size[1] * scales[1]))
    return draw(pictures(st.just(shape))), size


jobs = st.tuples(pictures(), sizes) | steep()  # a picture, and the size that it is to have


def by_pillow(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels)).resize(size[::-1], Image.Resampling.BILINEAR)


def apart(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())


@many
@given(job=jobs)
def test_shrink_is_what_pillow_makes(way: str, job: tuple[NDArray[np.uint8], tuple[int, int]]) -> None:
    pixels, size = job
    assert apart(shrink(pixels, size), np.asarray(by_pillow(pixels, size))) <= TOLERANCE


@many
@given(job=jobs)
def test_gray_shrink_is_the_luma_of_what_pillow_makes(way: str, job: tuple[NDArray[np.uint8], tuple[int, int]]) -> None:
    pixels, size = job
    assert apart(gray_shrink(pixels, size), np.asarray(by_pillow(pixels, size).convert("L"))) <= TOLERANCE


@many
@given(job=jobs, order=st.sampled_from(["RGB", "BGR"]))
def test_tensor_is_pillow_and_the_usual_formula(
    way: str, job: tuple[NDArray[np.uint8], tuple[int, int]], order: str
) -> None:
    pixels, size = job
    planes = np.asarray(by_pillow(pixels, size)).transpose(2, 0, 1) / 255
    expected = (planes - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    made = tensor(pixels, size, MEAN, STD, order=order)
    assert made.dtype == np.float32
    assert apart(made, expected[::-1] if order == "BGR" else expected) <= TOLERANCE / 255 / min(STD) + 1e-5


@many
@given(job=jobs)
def test_every_kind_of_processor_computes_the_same_bits(job: tuple[NDArray[np.uint8], tuple[int, int]]) -> None:
    pixels, size = job
    if (kernels := native.library()) is None:
        pytest.skip(str(native.why_not()))
    results = []
    for widest in (0, 1, 2):
        kernels.fi_widest(widest)
        results.append((shrink(pixels, size), gray_shrink(pixels, size), tensor(pixels, size, MEAN, STD)))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@many
@given(colour=st.integers(0, 255), size=sizes, larger=sizes)
def test_a_flat_picture_stays_as_it_is(way: str, colour: int, size: tuple[int, int], larger: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), colour, np.uint8)
    assert (shrink(pixels, larger) == colour).all()
    assert (gray_shrink(pixels, larger) == colour).all()
    assert np.allclose(tensor(pixels, larger), colour / 255, atol=1e-6)


@many
@given(pixels=pictures(), size=sizes, cut=st.tuples(*[st.floats(0, 1)] * 4))
def test_a_crop_is_cut_out_first(
    way: str, pixels: NDArray[np.uint8], size: tuple[int, int], cut: tuple[float, ...]
) -> None:
    height, width = pixels.shape[:2]
    left, right = sorted(round(fraction * (width - 1)) for fraction in cut[:2])
    top, bottom = sorted(round(fraction * (height - 1)) for fraction in cut[2:])
    box = (left, top, right + 1, bottom + 1)
    alone = np.ascontiguousarray(pixels[top : bottom + 1, left : right + 1])
    assert np.array_equal(tensor(pixels, size, crop=box), tensor(alone, size))


def test_pixels_may_lie_in_any_order_in_memory(way: str, astronaut: NDArray[np.uint8]) -> None:
    views = [astronaut[::-1], astronaut[:, ::-1], astronaut[..., ::-1], astronaut[10:300:2, 3:200]]
    for view in [*views, np.asfortranarray(astronaut), astronaut.transpose(1, 0, 2)]:
        alone = np.ascontiguousarray(view)
        assert np.array_equal(shrink(view, (70, 91)), shrink(alone, (70, 91)))
        assert np.array_equal(gray_shrink(view, (70, 91)), gray_shrink(alone, (70, 91)))
        assert np.array_equal(tensor(view, (70, 91)), tensor(alone, (70, 91)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3000), (700, 900)])
@pytest.mark.parametrize("size", [(1, 1), (1, 800), (800, 1), (333, 17)])
def test_odd_shapes_are_resized_like_any_other(way: str, shape: tuple[int, int], size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    expected = by_pillow(pixels, size)
    assert apart(shrink(pixels, size), np.asarray(expected)) <= TOLERANCE
    assert apart(gray_shrink(pixels, size), np.asarray(expected.convert("L"))) <= TOLERANCE


@pytest.mark.parametrize("scale", [2.9, 3.5, 3.75, 4.1, 4.7, 5.4, 8, 8.9, 9.4, 13, 15.9, 16, 16.1, 17, 40])
def test_a_large_photo_shrinks_as_pillow_shrinks_it(way: str, scale: float) -> None:
    pixels = noise(np.random.default_rng(0), "hard", (round(7 * scale), round(83 * scale)))
    expected = by_pillow(pixels, (7, 83))
    assert apart(shrink(pixels, (7, 83)), np.asarray(expected)) <= TOLERANCE
    assert apart(gray_shrink(pixels, (7, 83)), np.asarray(expected.convert("L"))) <= TOLERANCE


@pytest.mark.parametrize("scale", [3.75, 16, 16.5])
@pytest.mark.parametrize("colour", [0, 1, 128, 254, 255])
def test_many_taps_neither_overflow_nor_darken(way: str, scale: float, colour: int) -> None:
    pixels = np.full((round(7 * scale), round(83 * scale), 3), colour, np.uint8)
    assert (shrink(pixels, (7, 83)) == colour).all()
    assert (gray_shrink(pixels, (7, 83)) == colour).all()
    assert np.allclose(tensor(pixels, (7, 83)), colour / 255, atol=1e-6)


def test_without_kernels_bands_join_without_a_seam(
    monkeypatch: pytest.MonkeyPatch, astronaut: NDArray[np.uint8]
) -> None:
    monkeypatch.setenv("FACEINDEX_NATIVE", "0")
    monkeypatch.setattr(preprocess, "BAND", 512 * 20)
    for size in [(100, 77), (511, 512), (700, 800), (3, 5)]:
        assert apart(shrink(astronaut, size), np.asarray(by_pillow(astronaut, size))) <= 1  # rounded elsewhere


def test_a_tensor_can_be_made_in_its_place_in_a_batch(way: str, astronaut: NDArray[np.uint8]) -> None:
    batch = np.zeros((3, 3, 40, 50), np.float32)
    assert tensor(astronaut, (40, 50), MEAN, STD, out=batch[1]).base is batch
    assert np.array_equal(batch[1], tensor(astronaut, (40, 50), MEAN, STD))
    assert not batch[[0, 2]].any()


def test_threads_do_not_meet(way: str, astronaut: NDArray[np.uint8]) -> None:
    shapes = [(height, 300 - height) for height in range(20, 260, 8)]
    alone = [gray_shrink(astronaut, size) for size in shapes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda size: gray_shrink(astronaut, size), shapes))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda pixels: shrink(pixels[..., 0], (5, 5)),
        lambda pixels: shrink(pixels[..., :2], (5, 5)),
        lambda pixels: shrink(pixels.astype(np.float32), (5, 5)),
        lambda pixels: gray_shrink(pixels[:0], (5, 5)),
        lambda pixels: gray_shrink(pixels, (0, 5)),
        lambda pixels: gray_shrink(pixels, (5, 2**30)),
        lambda pixels: shrink(pixels, (5, 5, 3)),
        lambda pixels: tensor(pixels, (5, 5), (0.0, 0.0), STD),
        lambda pixels: tensor(pixels, (5, 5), MEAN, (1.0, 0.0, 1.0)),
        lambda pixels: tensor(pixels, (5, 5), crop=(3, 0, 3, 5)),
        lambda pixels: tensor(pixels, (5, 5), crop=(-1, 0, 3, 5)),
        lambda pixels: tensor(pixels, (5, 5), crop=(0, 0, 31, 5)),
        lambda pixels: tensor(pixels, (5, 5), order="GBR"),
        lambda pixels: tensor(pixels, (5, 5), out=np.empty((3, 5, 6), np.float32)),
        lambda pixels: tensor(pixels, (5, 5), out=np.empty((3, 5, 5), np.float64)),
        lambda pixels: tensor(pixels, (5, 5), out=np.empty((3, 5, 10), np.float32)[..., ::2]),
    ],
)
def test_what_does_not_fit_is_a_value_error(way: str, call) -> None:
    with pytest.raises(ValueError, match=r"."):
        call(np.zeros((20, 30, 3), np.uint8))
