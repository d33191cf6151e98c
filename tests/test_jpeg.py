"""JPEGs straight into an array: the same pixels and the same verdicts as Pillow's, in less memory."""

from __future__ import annotations

import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from faceindex.errors import UnreadablePicture
from faceindex.image import TURNS, jpeg, open_picture, turned
from faceindex.models import Box, ReadLimits

SCALES = st.sampled_from(jpeg.SCALES)
BROKEN = ("imagetestsuite_jpg", "libjpeg-turbo", "pillow")


def encoded(pixels: np.ndarray, mode: str = "RGB", **options: object) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)


def by_pillow(data: bytes, scale: int) -> np.ndarray:
    image = Image.open(BytesIO(data))
    image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
    return np.asarray(image.convert("RGB"))


@pytest.fixture
def only_pillow(monkeypatch):
    """Call a function as if libjpeg were reached through Pillow alone."""

    def call(function, *args):
        with monkeypatch.context() as patched:
            patched.setattr(jpeg, "decode", lambda *_: None)
            return function(*args)

    return call


def verdict(data: bytes, longest: int | None) -> tuple[str, object]:
    """What is seen of a file, or the sentence that refuses it."""
    try:
        picture = open_picture(data, ReadLimits(max_pixels=10**7, max_decoded=10**7))
        whole = picture.pixels(longest)
        cut, _ = open_picture(data).crop(Box(0.3, 0.3, 0.6, 0.6))
    except UnreadablePicture as refused:
        return refused.kind, str(refused)
    return str(whole.shape), (whole.tobytes(), cut.tobytes())


# Pixels


@given(
    st.integers(16, 150), st.integers(16, 150), SCALES, st.booleans(), st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    st.sampled_from([10, 75, 95]), st.sampled_from(["RGB", "L"]),
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_pixels_are_those_of_pillow(width, height, scale, progressive, subsampling, quality, mode):
    data = encoded(noise(width, height), mode, progressive=progressive, subsampling=subsampling, quality=quality)
    found = jpeg.decode(data, width, height, scale)
    assert found is not None
    assert found.flags.c_contiguous
    # The same code in the same version of libjpeg gives the same; 1 is for builds of two versions.
    assert np.abs(found.astype(int) - by_pillow(data, scale)).max() <= 1


@pytest.mark.parametrize("kept", ["rgb", "restarts", "4:1:1"])
def test_rarer_codings_are_those_of_pillow_or_left_to_it(kept):
    options = {"rgb": {"keep_rgb": True}, "restarts": {"restart_marker_blocks": 3}, "4:1:1": {"subsampling": 2}}[kept]
    data = encoded(noise(90, 70), **options)
    assert np.array_equal(open_picture(data).pixels(), by_pillow(data, 1))


def test_cmyk_and_tiny_pictures_are_left_to_pillow():
    assert jpeg.decode(encoded(noise(64, 64), "CMYK"), 64, 64, 1) is None
    assert jpeg.decode(encoded(noise(15, 64)), 15, 64, 2) is None


def test_a_file_of_another_size_than_its_header_said_is_not_decoded():
    data = encoded(noise(64, 48))
    assert jpeg.decode(data, 64, 48, 1) is not None
    assert jpeg.decode(data, 48, 64, 1) is None
    assert jpeg.decode(data, 8, 8, 1) is None


def test_pillow_has_the_last_word_on_two_headers_that_disagree(only_pillow):
    data = encoded(noise(64, 48))
    start = data.index(b"\xff\xc0")
    frame = data[start : start + 19]
    small = frame[:5] + (16).to_bytes(2, "big") + (16).to_bytes(2, "big") + frame[9:]
    for forged in (data[:start] + small + data[start:], data[: start + 19] + small + data[start + 19 :]):
        assert verdict(forged, None) == only_pillow(verdict, forged, None)


# Damage


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_is_judged_as_by_pillow_alone(data):
    progressive = data.draw(st.booleans())
    whole = encoded(noise(48, 40), progressive=progressive)
    at = data.draw(st.integers(2, len(whole) - 1))
    hurt = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + data.draw(st.integers(0, 4)) :]
    hurt = hurt[: data.draw(st.integers(len(hurt) // 2, len(hurt)))]
    longest = data.draw(st.sampled_from([None, 20]))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jpeg, "decode", lambda *_: None)
        expected = verdict(hurt, longest)
    assert verdict(hurt, longest) == expected


@pytest.mark.parametrize("folder", BROKEN)
def test_real_broken_files_are_judged_as_by_pillow_alone(folder, test_data, only_pillow):
    paths = sorted(path for path in (test_data / "broken" / folder).rglob("*") if path.suffix in (".jpg", ".jpeg"))
    for path in paths:
        data = path.read_bytes()
        for longest in (None, 200):
            assert verdict(data, longest) == only_pillow(verdict, data, longest), path.name
    assert paths


def test_real_photos_are_those_of_pillow(test_data, only_pillow):
    paths = sorted((test_data / "exif").rglob("*.jpg"))
    for path in paths[:: max(1, len(paths) // 40)]:
        data = path.read_bytes()
        assert verdict(data, 200) == only_pillow(verdict, data, 200), path.name
    assert paths


# Orientation


@given(st.integers(1, 500), st.integers(1, 500), st.sampled_from(sorted(TURNS)))
@settings(max_examples=60, deadline=None)
def test_turning_by_tiles_is_turning_the_whole(width, height, orientation):
    stored = noise(width, height)
    upright = turned(stored, orientation)
    assert upright.flags.c_contiguous
    assert np.array_equal(upright, TURNS[orientation][0](stored))


def test_pixels_turn_as_exif_says():
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
    rows = {  # what an array of two rows, 0 1 2 and 3 4 5, looks like upright
        1: [[0, 1, 2], [3, 4, 5]], 2: [[2, 1, 0], [5, 4, 3]], 3: [[5, 4, 3], [2, 1, 0]], 4: [[3, 4, 5], [0, 1, 2]],
        5: [[0, 3], [1, 4], [2, 5]], 6: [[3, 0], [4, 1], [5, 2]], 7: [[5, 2], [4, 1], [3, 0]],
        8: [[2, 5], [1, 4], [0, 3]],
    }  # fmt: skip
    for orientation, upright in rows.items():
        assert turned(stored[:, :, None], orientation)[:, :, 0].tolist() == upright


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_a_picture_with_an_orientation_tag_says_how_it_lies(kind):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    absent = {"AVIF": (0, 1), "HEIF": ()}.get(kind, (0,))  # which of them the writer does not write
    for orientation in range(9):
        exif = Image.Exif()
        exif[274] = orientation
        out = BytesIO()
        Image.fromarray(noise(48, 32)).save(out, kind, exif=exif)
        assert open_picture(out.getvalue()).says_how_it_lies == (orientation not in absent)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_picture_without_a_tag_does_not_say_how_it_lies(kind):
    out = BytesIO()
    Image.fromarray(noise(48, 32)).save(out, kind)
    assert not open_picture(out.getvalue()).says_how_it_lies


# Memory


def test_a_jpeg_is_held_once_while_it_is_decoded_and_cut():
    data = encoded(np.zeros((1200, 1600, 3), np.uint8))
    whole = 1200 * 1600 * 3
    for look in (lambda p: p.pixels(), lambda p: p.crop(Box(0.4, 0.4, 0.6, 0.6), 0.0)):
        picture = open_picture(data)
        tracemalloc.start()
        look(picture)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1.2 * whole
