"""Bytes to upright pixels and back: formats, orientations, limits, hostile files, crops, EXIF."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import IFDRational

from faceindex.errors import UnreadablePicture
from faceindex.image import (
    TURNS,
    box_from_pixels,
    is_picture,
    open_picture,
    pixel_rect,
    stored_box,
    stored_point,
    upright_box,
    upright_point,
)
from faceindex.image import jpeg as jpegs
from faceindex.image import picture as pictures
from faceindex.image import rgb as conversion
from faceindex.models import Box, ReadLimits

LAID = {  # EXIF orientation: how Pillow lays an upright picture so that EXIF has to turn it
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip
WHITE, RED = (255, 255, 255), (230, 20, 20)
unit = st.floats(0, 1)
boxes = st.tuples(unit, unit, unit, unit).map(
    lambda e: Box(min(e[0], e[1]), min(e[2], e[3]), max(e[0], e[1]), max(e[2], e[3]))
)
orientations = st.sampled_from(sorted(TURNS))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    if kind == "HEIF":
        pillow_heif = pytest.importorskip("pillow_heif")
        pillow_heif.register_heif_opener()
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Four colours in four corners: every way of turning it looks different."""
    image = Image.new("RGB", (width, height))
    corners = [(RED, 0, 0), ((20, 200, 20), 1, 0), ((20, 20, 230), 0, 1), ((240, 240, 40), 1, 1)]
    for colour, x, y in corners:
        box = (x * width // 2, y * height // 2, (x + 1) * width // 2, (y + 1) * height // 2)
        image.paste(colour, box)
    return image.convert(mode)


def exif_of(**tags: object) -> Image.Exif:
    exif = Image.Exif()
    names = {"orientation": 274, "make": 271, "model": 272, "date": 306}
    inner = {"original": 36867, "digitized": 36868, "subsec": 37521, "offset": 36881}
    for name, value in tags.items():
        if name in names:
            exif[names[name]] = value
        elif name in inner:
            exif.get_ifd(0x8769)[inner[name]] = value
        else:
            exif.get_ifd(0x8825).update(value)
    return exif


def lying(orientation: int, kind: str = "PNG", **options: object) -> bytes:
    """The scene stored so that EXIF has to turn it upright."""
    stored = scene().transpose(LAID[orientation]) if orientation in LAID else scene()
    return encoded(stored, kind, exif=exif_of(orientation=orientation), **options)


def photo_of(data: bytes):
    return open_picture(data).photo(b"d" * 32, len(data))


def jpeg(width: int, height: int, **options: object) -> bytes:
    return encoded(scene(width, height), "JPEG", **options)


# Formats

KINDS = {"JPEG": 12, "PNG": 0, "GIF": 12, "BMP": 0, "TIFF": 0, "WEBP": 12, "AVIF": 14, "HEIF": 14}  # and its loss


@pytest.mark.parametrize("kind", KINDS)
def test_each_format_is_announced_and_decoded(kind):
    data = encoded(scene(), kind)
    assert is_picture(data[:32])
    picture = open_picture(data)
    assert picture.format == kind
    assert (picture.width, picture.height) == (96, 64)
    pixels = picture.pixels()
    assert pixels.shape == (64, 96, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    middle = pixels[16, 24].astype(int)
    assert np.abs(middle - RED).max() <= KINDS[kind]


@pytest.mark.parametrize(
    "head",
    [b"", b"\0" * 64, b"%!PS-Adobe-3.0 EPSF-3.0" + b" " * 40, b"8BPS\0\1" + b"\0" * 58, b"BM just a text" + b"x" * 50,
     b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 40, b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"\0" * 40,
     b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + b"\0" * 40, b"RIFF\0\0\0\0WAVE" + b"\0" * 52],
)  # fmt: skip
def test_other_files_are_no_pictures(head):
    assert not is_picture(head)
    with pytest.raises(UnreadablePicture) as refused:
        open_picture(head)
    assert refused.value.kind == "corrupt"


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_shown_in_its_colours(kind):
    pixels = open_picture(encoded(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), kind)).pixels()
    red, green, blue = pixels[16, 16]
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_gray_is_scaled_not_clipped(kind):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    pixels = open_picture(encoded(Image.fromarray(ramp), kind)).pixels()
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e9])
def test_floating_point_gray_is_scaled_to_its_white(top):
    ramp = np.linspace(0, top, 256, dtype=np.float32)[None].repeat(4, axis=0)
    ramp[1, 0] = np.nan
    pixels = open_picture(encoded(Image.fromarray(ramp), "TIFF")).pixels()
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_transparent_parts_are_white(mode):
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    image.paste((10, 10, 10, 255), (10, 0, 20, 10))
    options = {}
    if mode == "RGB":  # a colour that stands for transparent
        image, options = image.convert("RGB"), {"transparency": (0, 0, 0)}
    else:
        image = image.convert(mode)
    pixels = open_picture(encoded(image, "PNG", **options)).pixels()
    assert tuple(pixels[5, 2]) == WHITE
    assert pixels[5, 15].max() <= 20


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_counts(kind):
    second = Image.new("RGB", (96, 64), "black")
    data = encoded(scene(), kind, save_all=True, append_images=[second], duration=100)
    assert np.abs(open_picture(data).pixels()[16, 24].astype(int) - RED).max() <= 12


def test_of_a_multi_picture_jpeg_the_first_counts():
    data = encoded(scene(), "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64))])
    picture = open_picture(data)
    assert picture.format == "MPO"
    assert np.abs(picture.pixels(48)[8, 12].astype(int) - RED).max() <= 12


OLD_PILLOW = pytest.mark.skipif(PIL.__version__ < "13", reason="Pillow 12 cannot read the YCbCr TIFF it writes")


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "I;16", "I", "F", "LA", "RGBA", "CMYK", pytest.param("YCbCr", marks=OLD_PILLOW)]
)
def test_every_mode_of_tiff_or_png_becomes_rgb(mode):
    image = scene(mode="L" if mode in ("I;16", "I", "F", "LA") else "RGB").convert(mode)
    kind = "PNG" if mode in ("LA", "1") else "TIFF"
    assert open_picture(encoded(image, kind)).pixels().shape == (64, 96, 3)


# Sizes


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("longest", "width"), [(1600, 2000), (1001, 2000), (1000, 1000), (400, 500), (1, 500), (9999, 4000)]
)
def test_a_jpeg_is_decoded_at_the_coarsest_scale_that_is_fine_enough(progressive, longest, width):
    data = encoded(Image.new("RGB", (4000, 40), RED), "JPEG", progressive=progressive)
    pixels = open_picture(data).pixels(longest)
    assert pixels.shape[1] == width


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "L", "RGB"])
@pytest.mark.parametrize("scale", [1, 3, 300])
def test_conversion_in_strips_is_conversion_of_the_whole(mode, scale, monkeypatch):
    image = scene(500, 700).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(scene(500, 700).convert("L"))
    whole = conversion._flat(image)
    expected = np.asarray(whole if scale == 1 else whole.reduce(scale))
    monkeypatch.setattr(conversion, "STRIP", 64)
    assert np.array_equal(conversion.rgb(image, scale), expected)


def test_a_decoder_that_needs_more_memory_may_decode_fewer_pixels():
    limits = ReadLimits(max_decoded=10_000)
    for kind, side in (("PNG", 99), ("WEBP", 60)):
        assert open_picture(encoded(scene(side, side), kind), limits).pixels().shape == (side, side, 3)
    with pytest.raises(UnreadablePicture, match="do not fit into memory at once"):
        open_picture(encoded(scene(99, 99), "WEBP"), limits).pixels()


def test_other_formats_are_reduced_after_decoding():
    assert open_picture(encoded(scene(1000, 500), "PNG")).pixels(300).shape == (167, 334, 3)


@given(st.integers(1, 130), st.integers(1, 130), st.integers(1, 200), orientations)
@settings(max_examples=60, deadline=None)
def test_never_fewer_pixels_than_asked_unless_the_picture_has_fewer(width, height, longest, orientation):
    data = jpeg(width, height, exif=exif_of(orientation=orientation))
    picture = open_picture(data)
    pixels = picture.pixels(longest)
    assert max(pixels.shape) >= min(longest, max(width, height))
    wide = pixels.shape[1] >= pixels.shape[0]
    assert wide or picture.height >= picture.width


def test_a_size_that_is_in_hand_is_not_decoded_again():
    picture = open_picture(jpeg(4000, 400))
    fine = picture.pixels(1600)
    assert picture.pixels(2000) is fine
    assert picture.pixels(300) is fine
    assert picture.pixels(2001) is not fine
    assert picture.pixels() is picture.pixels(1600)


# Orientation


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_a_picture_comes_upright_however_it_lies(kind, orientation):
    picture = open_picture(lying(orientation, kind))
    assert (picture.width, picture.height) == (96, 64)
    assert picture.orientation == orientation
    assert np.abs(picture.pixels().astype(int) - np.asarray(scene()))[8:24, 8:40].max() <= 40


@pytest.mark.parametrize("orientation", TURNS)
def test_heif_comes_upright_by_its_own_turning(orientation):
    own = open_picture(lying(orientation, "HEIF"))  # pillow_heif writes irot and imir boxes
    assert np.abs(own.pixels().astype(int) - np.asarray(scene()))[8:24, 8:40].max() <= 40
    assert (own.width, own.height) == (96, 64)


def test_an_iphone_heic_without_turning_boxes_follows_its_exif(test_data):
    picture = open_picture((test_data / "heif/photoprism/iphone_7.heic").read_bytes())
    assert picture.orientation == 6
    assert (picture.width, picture.height) == (3024, 4032)


@pytest.mark.parametrize("value", [0, 9, 77, 65535])
def test_an_absurd_orientation_counts_as_upright(value):
    assert open_picture(jpeg(32, 16, exif=exif_of(orientation=value))).orientation == 1


def test_png_exif_behind_the_pixels_is_found():
    data = encoded(scene(), "PNG")
    chunk = b"eXIf" + exif_of(orientation=6).tobytes()[6:]
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert open_picture(data[:-12] + whole + data[-12:]).orientation == 6


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(pixels)
    image.thumbnail((60, 60))
    return np.asarray(image).astype(int)


def test_real_photos_agree_in_all_orientations(test_data):
    folder = test_data / "exif" / "orientation"
    upright = thumbnail(open_picture((folder / "Portrait_1.jpg").read_bytes()).pixels(450))
    for orientation in TURNS:
        picture = open_picture((folder / f"Portrait_{orientation}.jpg").read_bytes())
        assert picture.orientation == orientation
        assert np.abs(thumbnail(picture.pixels(450)) - upright).mean() < 4


@given(unit, unit, orientations)
def test_points_go_there_and_back(x, y, orientation):
    assert stored_point(*upright_point(x, y, orientation), orientation) == pytest.approx((x, y))


@given(boxes, orientations)
def test_boxes_go_there_and_back(box, orientation):
    back = stored_box(upright_box(box, orientation), orientation)
    assert [back.left, back.top, back.right, back.bottom] == pytest.approx([box.left, box.top, box.right, box.bottom])


@pytest.mark.parametrize("orientation", TURNS)
def test_points_move_as_pixels_do(orientation):
    stored = np.zeros((30, 50, 3), np.uint8)
    stored[4, 7] = 255
    picture = open_picture(encoded(Image.fromarray(stored), "PNG", exif=exif_of(orientation=orientation)))
    (row, column), *_ = np.argwhere(picture.pixels()[:, :, 0])
    x, y = upright_point(7.5 / 50, 4.5 / 30, orientation)
    assert (int(x * picture.width), int(y * picture.height)) == (column, row)


@given(boxes, st.integers(1, 5000), st.integers(1, 5000))
def test_a_pixel_rectangle_lies_inside_and_is_never_empty(box, width, height):
    left, top, right, bottom = pixel_rect(box, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@given(st.data(), st.integers(1, 5000), st.integers(1, 5000), orientations)
def test_whole_pixels_survive_boxes_and_turning(data, width, height, orientation):
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    rect = left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    box = stored_box(upright_box(box_from_pixels(*rect, width, height), orientation), orientation)
    assert pixel_rect(box, width, height) == rect


def test_a_box_beyond_the_picture_is_clipped():
    assert box_from_pixels(-10, -10, 150, 30, 100, 100) == Box(0.0, 0.0, 1.0, 0.3)


# Crops


@given(boxes, st.sampled_from([0.0, 0.4, 1.0]), orientations, st.sampled_from(["PNG", "JPEG", "TIFF"]))
@settings(max_examples=80, deadline=None)
def test_a_crop_is_the_same_region_of_the_full_picture(box, margin, orientation, kind):
    data = lying(orientation, kind)
    cut, inside = open_picture(data).crop(box, margin)
    full = open_picture(data)
    whole = full.pixels()
    wide = Box(
        box.left - margin * box.width, box.top - margin * box.height,
        box.right + margin * box.width, box.bottom + margin * box.height,
    )  # fmt: skip
    left, top, right, bottom = pixel_rect(wide, full.width, full.height)
    assert np.array_equal(cut, whole[top:bottom, left:right])
    assert cut.flags.c_contiguous
    again, inside_again = full.crop(box, margin)  # from the array in hand
    assert np.array_equal(cut, again)
    assert inside == inside_again
    assert 0 <= inside.left <= inside.right <= 1
    assert left + inside.left * (right - left) == pytest.approx(box.left * full.width, abs=1)
    assert top + inside.bottom * (bottom - top) == pytest.approx(box.bottom * full.height, abs=1)


def test_crops_have_full_resolution_after_a_coarse_look():
    picture = open_picture(jpeg(3200, 400))
    assert picture.pixels(400).shape[1] == 400
    cut, inside = picture.crop(Box(0.25, 0.25, 0.5, 0.75), margin=0.0)
    assert cut.shape == (200, 800, 3)
    assert inside == Box(0, 0, 1, 1)


def test_many_crops_need_one_decoding(monkeypatch):
    opened = []
    decoded = []
    genuine, decoding = pictures._open, jpegs.decode
    monkeypatch.setattr(pictures, "_open", lambda data: opened.append(1) or genuine(data))
    monkeypatch.setattr(jpegs, "decode", lambda *args: decoded.append(1) or decoding(*args))
    for kind in ("JPEG", "PNG"):
        picture = open_picture(encoded(scene(640, 480), kind))
        assert len(picture.crops([Box(0.1, 0.1, 0.2, 0.2), Box(0.5, 0.5, 0.6, 0.6), Box(0, 0, 1, 1)])) == 3
    assert (len(opened), len(decoded)) == (2, 1)


def test_a_jpeg_too_large_for_full_decoding_is_still_cut_out():
    picture = open_picture(jpeg(800, 600), ReadLimits(max_decoded=200_000))
    cut, _ = picture.crop(Box(0, 0, 0.5, 0.5), margin=0.0)
    assert cut.shape == (150, 200, 3)
    with pytest.raises(UnreadablePicture):
        picture.pixels()


# Limits and damage


@pytest.mark.parametrize(("width", "height"), [(30000, 30000), (65500, 65500)])
def test_a_bomb_is_refused_before_it_goes_off(width, height):
    png = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    png[16:24] = struct.pack(">II", width, height)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    with pytest.raises(UnreadablePicture) as refused:
        open_picture(bytes(png))
    assert refused.value.kind == "too-large"


def test_announced_pixels_above_the_limit_are_refused():
    with pytest.raises(UnreadablePicture) as refused:
        open_picture(jpeg(101, 100), ReadLimits(max_pixels=10_000))
    assert refused.value.kind == "too-large"
    assert open_picture(jpeg(100, 100), ReadLimits(max_pixels=10_000)).width == 100


def test_scaled_decoding_gets_a_large_jpeg_through():
    limits = ReadLimits(max_decoded=150_000)
    assert open_picture(jpeg(800, 600), limits).pixels(400).shape == (300, 400, 3)
    for data in (jpeg(800, 600, progressive=True), encoded(scene(800, 600), "GIF")):
        with pytest.raises(UnreadablePicture) as refused:
            open_picture(data, limits).pixels(400)
        assert refused.value.kind == "too-large"


def test_what_another_library_tells_pillow_to_forgive_is_not_forgiven(astronaut, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as face_recognition does when imported
    data = encoded(Image.fromarray(astronaut), "JPEG")
    with pytest.raises(UnreadablePicture):
        open_picture(data[: len(data) // 2]).pixels()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("longest", [None, 64])
def test_a_truncated_jpeg_is_corrupt(astronaut, progressive, longest):
    data = encoded(Image.fromarray(astronaut), "JPEG", progressive=progressive)
    picture = open_picture(data[: len(data) // 2])
    with pytest.raises(UnreadablePicture) as refused:
        picture.pixels(longest)
    assert refused.value.kind == "corrupt"
    with pytest.raises(UnreadablePicture):
        picture.pixels(longest)


@pytest.mark.parametrize(("kind", "where", "what"), [("PNG", pictures, "rgb"), ("JPEG", jpegs, "decode")])
def test_memory_that_runs_out_is_said_so(kind, where, what, monkeypatch):
    def exhausted(*_):
        raise MemoryError

    picture = open_picture(encoded(scene(32, 32), kind))
    monkeypatch.setattr(where, what, exhausted)
    with pytest.raises(UnreadablePicture) as refused:
        picture.pixels()
    assert refused.value.kind == "memory"


def outcome(data: bytes) -> tuple[str, str]:
    try:
        pixels = open_picture(data, ReadLimits(max_pixels=10**6, max_decoded=10**6)).pixels(20)
    except UnreadablePicture as refused:
        return refused.kind, str(refused)
    return "decoded", str(pixels.shape)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_bytes_are_decoded_or_refused(kind):
    whole = encoded(scene(40, 30), kind)

    @given(st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=6), st.integers(0, len(whole)))
    @settings(max_examples=40, deadline=None)
    def check(at: int, noise: bytes, end: int) -> None:
        data = (whole[:at] + noise + whole[at + len(noise) :])[: max(end, 12)]
        verdict, message = outcome(data)
        assert verdict in ("decoded", "corrupt", "too-large", "memory")
        assert " at 0x" not in message  # the same damage must always read the same

    check()


SURVEY = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("error")
from faceindex.errors import UnreadablePicture
from faceindex.image import open_picture
from faceindex.models import Box, ReadLimits
for line in sys.stdin:
    name = line.rstrip()
    print("begin", name, flush=True)
    try:
        picture = open_picture(Path(name).read_bytes(), ReadLimits(max_decoded=20_000_000))
        photo = picture.photo(b"", 0)
        pixels = picture.pixels(200)
        cut, _ = picture.crop(Box(0.3, 0.3, 0.5, 0.5))
    except UnreadablePicture as refused:
        print("refused", refused.kind)
    else:
        assert pixels.shape[2] == cut.shape[2] == 3 and 1 <= photo.orientation <= 8
        print("decoded", picture.format)
"""


@pytest.mark.parametrize("part", ["broken/imagetestsuite_jpg", "broken/libjpeg-turbo", "broken/pillow", "heif", "exif"])
def test_real_broken_files_are_decoded_or_refused(test_data, part):
    names = sorted(str(path) for path in (test_data / part).rglob("*") if path.is_file())
    done = subprocess.run(
        [sys.executable, "-c", SURVEY], input="\n".join(names), capture_output=True, text=True, timeout=300,
        cwd=Path(__file__).parent.parent, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.splitlines()[-1:] + done.stderr.splitlines()[-5:]
    assert done.stdout.count("begin") == len(names)
    assert "decoded" in done.stdout
    assert "Warning" not in done.stderr  # libtiff itself does write complaints there


def test_real_truncated_and_bombs_are_told_apart(test_data):
    kinds = {}
    for name in ("truncated_jpeg.jpg", "truncated_image.png", "decompression_bomb.gif", "bmp/b/badwidth.bmp"):
        with pytest.raises(UnreadablePicture) as refused:
            open_picture((test_data / "broken/pillow" / name).read_bytes()).pixels(100)
        kinds[name] = refused.value.kind
    assert list(kinds.values()) == ["corrupt", "corrupt", "too-large", "too-large"]


# EXIF


@pytest.mark.parametrize(
    ("tags", "taken_at"),
    [
        ({"original": "2019:07:04 12:00:01", "subsec": "25", "offset": "+02:00"}, "2019-07-04T12:00:01.250+02:00"),
        ({"original": "2019:07:04 12:00:01"}, "2019-07-04T12:00:01"),
        ({"original": "2019:07:04 12:00:01", "subsec": "123456"}, "2019-07-04T12:00:01.123456"),
        ({"original": "2019:07:04 12:00:01", "offset": "-03:30"}, "2019-07-04T12:00:01-03:30"),
        ({"original": "2019:07:04 12:00:01", "subsec": "  ", "offset": "   :  "}, "2019-07-04T12:00:01"),
        ({"original": "2019:07:04 12:00:01\0junk"}, "2019-07-04T12:00:01"),
        ({"original": "0000:00:00 00:00:00", "digitized": "2001:02:03 04:05:06"}, "2001-02-03T04:05:06"),
        ({"original": "    :  :     :  :  ", "date": "2001:02:03 04:05:06"}, "2001-02-03T04:05:06"),
        ({"original": "2019:13:04 12:00:01"}, None),
        ({"original": "2019:02:30 12:00:01"}, None),
        ({"original": "yesterday"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_date_is_when_the_shutter_opened(tags, taken_at):
    found = photo_of(jpeg(16, 16, exif=exif_of(**tags))).taken_at
    assert found == taken_at
    assert found is None or datetime.fromisoformat(found)


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 40D", "Canon EOS 40D"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("Apple", "iPhone 7", "Apple iPhone 7"),
        ("SONY\0\0\0", "DSC-W1 \0rubbish", "SONY DSC-W1"),
        ("A\x07B", "C\n", "A B C"),
        ("", "X100", "X100"),
        ("Leica", "", "Leica"),
        ("", "", None),
    ],
)
def test_the_camera_is_named_once(make, model, camera):
    assert photo_of(jpeg(16, 16, exif=exif_of(make=make, model=model))).camera == camera


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({1: "N", 2: (48.0, 30.0, 36.0), 3: "W", 4: (2.0, 15.0, 0.0)}, (48.51, -2.25)),
        ({1: "S", 2: (33.5, 0.0, 0.0), 3: "E", 4: (151.0, 0.0, 0.0)}, (-33.5, 151.0)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, (None, None)),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}, (None, None)),
        ({1: "N", 2: (48.0, 0.0, 0.0)}, (None, None)),
        ({2: (48.0, 0.0, 0.0), 4: (2.0, 0.0, 0.0)}, (None, None)),
        ({1: "N", 2: (IFDRational(0, 0),) * 3, 3: "E", 4: (10.0, 0.0, 0.0)}, (None, None)),
    ],
)
def test_the_place_is_in_degrees(gps, place):
    photo = photo_of(jpeg(16, 16, exif=exif_of(gps=gps)))
    assert (photo.latitude, photo.longitude) == (place if None in place else pytest.approx(place))


@given(st.binary(max_size=300))
@settings(max_examples=80, deadline=None)
def test_damaged_exif_is_no_reason_to_refuse_a_picture(noise):
    good = exif_of(make="A", original="2019:07:04 12:00:01", gps={1: "N", 2: (1.0, 2.0, 3.0)}).tobytes()
    for exif in (b"Exif\0\0II*\0" + noise, good[: 20 + len(noise) % 60] + noise):
        assert photo_of(jpeg(16, 16, exif=exif)).width == 16


def test_a_photo_says_what_the_picture_is():
    photo = open_picture(lying(6, "JPEG")).photo(b"\1" * 32, 1234)
    assert (photo.digest, photo.size, photo.format) == (b"\1" * 32, 1234, "JPEG")
    assert (photo.width, photo.height, photo.orientation) == (96, 64, 6)


def test_pillow_heif_is_not_loaded_for_a_jpeg():
    check = "import sys, faceindex.image; assert 'pillow_heif' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=Path(__file__).parent.parent)
