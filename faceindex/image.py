"""Bytes to an upright RGB array at the size wanted; boxes and points to and from stored pixels; crops.

open_picture(bytes)     reads the header and EXIF; a Picture decodes when asked:
  .pixels(longest)      the whole picture, by the cheapest decoding that is fine enough
  .crops(boxes)         cut-outs at full resolution, one decoding for all of them
upright_box, stored_box EXIF orientation, one table for boxes, points and pixels
resize, pixel_rect      arrays and whole pixels

This is the one border at which hostile bytes arrive: nothing but UnreadablePicture leaves it.
"""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from faceindex import exif
from faceindex.errors import UnreadablePicture
from faceindex.models import Box, Photo, ReadLimits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceindex.models import Pixels, ProblemKind

Rect = tuple[int, int, int, int]  # left, top, right, bottom in pixels

MAGIC = (  # how a file of that format begins
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("BMP", re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]|II\0[*]|MM[*]\0")),
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("AVIF", re.compile(rb"....ftyp(avif|avis|(mif1|msf1)....(....)*?avi[fs])", re.DOTALL)),
    ("HEIF", re.compile(rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)),
)

Transpose = Image.Transpose
TURNS: dict[int, tuple[Transpose | None, Callable[[float, float], tuple[float, float]]]] = {
    # EXIF orientation: how stored pixels are turned upright, where a stored point then lands
    1: (None, lambda x, y: (x, y)),
    2: (Transpose.FLIP_LEFT_RIGHT, lambda x, y: (1 - x, y)),
    3: (Transpose.ROTATE_180, lambda x, y: (1 - x, 1 - y)),
    4: (Transpose.FLIP_TOP_BOTTOM, lambda x, y: (x, 1 - y)),
    5: (Transpose.TRANSPOSE, lambda x, y: (y, x)),
    6: (Transpose.ROTATE_270, lambda x, y: (1 - y, x)),
    7: (Transpose.TRANSVERSE, lambda x, y: (1 - y, 1 - x)),
    8: (Transpose.ROTATE_90, lambda x, y: (y, 1 - x)),
}
BACK = {6: 8, 8: 6}  # the orientation that undoes one; all others undo themselves
SIDEWAYS = frozenset({5, 6, 7, 8})
ORIENTATION = 274
HEIF_TURNS = (b"\0\0\0\x09irot", b"\0\0\0\x09imir")  # boxes by which HEIF turns a picture itself

JPEG_SCALES = (8, 4, 2, 1)  # what libjpeg can divide by while it decodes
DEEP_GRAY = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})  # modes that Pillow would clip
MEMORY = {  # what decoders need a pixel, as measured at 98 million; 1 is 7 bytes: 700 MB at 100 million
    "WEBP": 2.3, "AVIF": 1.3, "TIFF": 1.2, "HEIF": 1.05, "JPEG": 1.0,
}  # fmt: skip
STRIP = 256  # rows of a large picture that are converted at once
DEFAULT_LIMITS = ReadLimits()

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it complains of, UnreadablePicture says

FAILURES: tuple[tuple[type[Exception], ProblemKind, str], ...] = (  # first match wins
    (MemoryError, "memory", "memory ran out while it was decoded; scan with fewer workers"),
    (
        Image.DecompressionBombError,
        "too-large",
        "it has too many pixels; raise the limit to index it",
    ),
    (
        UnidentifiedImageError,
        "corrupt",
        "its header is damaged or of a rare kind; restore it from a backup or convert it",
    ),
    (Exception, "corrupt", "it is damaged ({error}); restore it from a backup"),
)


def is_picture(head: bytes) -> bool:
    """True if a file's first 32 bytes announce a format we decode."""
    return _announced(head) is not None


def open_picture(data: bytes, limits: ReadLimits = DEFAULT_LIMITS) -> Picture:
    """Read header and EXIF of a picture; raise UnreadablePicture if it is none or too large."""
    with _border(limits):
        image = _open(data)
        _refuse_above(limits.max_pixels, image.width * image.height)
        if image.format == "PNG":  # may carry its EXIF behind the pixels
            _refuse_above(limits.max_decoded, image.width * image.height)
            image.load()
        return Picture(data, limits, image)


class Picture:
    """One picture's bytes, decoded when and as finely as asked; upright wherever it is seen."""

    def __init__(self, data: bytes, limits: ReadLimits, opened: Image.Image) -> None:
        tags = exif.read(opened)
        self.format = opened.format or ""
        self.orientation = _orientation(opened, tags)
        self._turn = 1 if _comes_upright(self.format, data) else self.orientation
        stored = opened.size
        self.width, self.height = stored[::-1] if self._turn in SIDEWAYS else stored
        self._exposure = exif.exposure(tags)
        self._data = data
        self._limits = limits
        self._opened: Image.Image | None = opened  # spares the first decoding a second look at the header
        self._pixels: Pixels | None = None

    def photo(self, digest: bytes, size: int) -> Photo:
        """Describe the picture as the Photo of that digest and size in bytes."""
        shot = self._exposure
        return Photo(
            digest, size, self.format, self.width, self.height, self.orientation,
            shot.taken_at, shot.camera, shot.latitude, shot.longitude,
        )  # fmt: skip

    def pixels(self, longest: int | None = None) -> Pixels:
        """Decode to (H, W, 3) uint8 RGB, upright, longest side at least `longest` where the picture has it.

        None asks for full resolution. The finest array asked for last is kept and serves again.
        """
        if self._pixels is None or not self._satisfies(self._pixels, longest):
            self._pixels = None  # before the next one is built: never hold both
            with _border(self._limits):
                scale = self._scale(longest)
                self._pixels = _array(_rgb(self._decode(scale), 1 if self._is_jpeg else scale), self._turn)
        return self._pixels

    def crop(self, box: Box, margin: float = 1.0) -> tuple[Pixels, Box]:
        """Cut one box out; see crops, which decodes once for many."""
        return self.crops([box], margin)[0]

    def crops(self, boxes: Iterable[Box], margin: float = 1.0) -> list[tuple[Pixels, Box]]:
        """Cut boxes out at full resolution; with each, where the box lies in its cut-out.

        Each is widened by `margin` times its width and height on every side, as far as the picture goes.
        A JPEG above max_decoded is cut at the finest scale below it.
        """
        if self._pixels is not None and self._satisfies(self._pixels, None):
            whole = self._pixels
            height, width = whole.shape[:2]
            return [_cut(box, margin, width, height, lambda rect: _slice(whole, rect)) for box in boxes]
        with _border(self._limits):
            stored = self._decode(self._finest_scale())  # what is cut out becomes RGB, not the whole
        width, height = stored.size[::-1] if self._turn in SIDEWAYS else stored.size
        return [
            _cut(box, margin, width, height, lambda rect: _array(_rgb(_crop(stored, rect, self._turn)), self._turn))
            for box in boxes
        ]

    def _satisfies(self, pixels: Pixels, longest: int | None) -> bool:
        have, full = max(pixels.shape[0], pixels.shape[1]), max(self.width, self.height)
        return bool(have >= (full if longest is None else min(longest, full)))

    def _scale(self, longest: int | None) -> int:
        """The largest divisor that leaves `longest` pixels on the longest side."""
        full = max(self.width, self.height)
        if longest is None or longest >= full:
            return 1
        if not self._is_jpeg:
            return full // max(longest, 1)
        return next(scale for scale in JPEG_SCALES if scale == 1 or math.ceil(full / scale) >= longest)

    def _finest_scale(self) -> int:
        """The smallest divisor at which a JPEG keeps within max_decoded."""
        if not self._is_jpeg:
            return 1
        room = self._limits.max_decoded
        fits = (scale for scale in reversed(JPEG_SCALES) if self.width * self.height <= room * scale**2)
        return next(fits, max(JPEG_SCALES))

    @property
    def _is_jpeg(self) -> bool:
        return self.format in ("JPEG", "MPO")

    def _decode(self, scale: int) -> Image.Image:
        """Decode to no more than 8 bits a channel, as stored; a JPEG at 1/scale of the full size."""
        image, self._opened = self._opened or _open(self._data), None
        held = image.size
        if self._is_jpeg:
            image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
            # libjpeg keeps all coefficients of a progressive picture, whatever the scale.
            held = held if image.info.get("progressive") else image.size
        _refuse_above(int(self._limits.max_decoded / MEMORY.get(self.format, 1.0)), held[0] * held[1])
        image.load()
        return _eight_bits(image) if image.mode in DEEP_GRAY else image


def resize(pixels: Pixels, longest: int, grow: float = 2.0) -> Pixels:
    """Scale so that the longest side is `longest`, enlarging at most `grow` times; antialiased."""
    height, width = pixels.shape[:2]
    scale = min(longest / max(height, width), max(grow, 1.0))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return pixels
    # 2000 to 1600 px: Hamming 23 ms, nearer to Lanczos (50 ms) than bilinear (23 ms) or box (16 ms) come.
    # Dividing by a whole number first, where there is room, halves the time and more.
    kind, gap = (Image.Resampling.HAMMING, 1.0) if scale < 1 else (Image.Resampling.BILINEAR, None)
    return np.array(Image.fromarray(pixels).resize(size, kind, reducing_gap=gap))


def upright_point(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Where a point of the stored picture lies in the upright one; fractions."""
    _, move = TURNS.get(orientation, TURNS[1])
    return move(x, y)


def stored_point(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Where a point of the upright picture lies in the stored one; fractions."""
    return upright_point(x, y, BACK.get(orientation, orientation))


def upright_box(box: Box, orientation: int) -> Box:
    """Where a box of the stored picture lies in the upright one; fractions."""
    x0, y0 = upright_point(box.left, box.top, orientation)
    x1, y1 = upright_point(box.right, box.bottom, orientation)
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def stored_box(box: Box, orientation: int) -> Box:
    """Where a box of the upright picture lies in the stored one; fractions."""
    return upright_box(box, BACK.get(orientation, orientation))


def pixel_rect(box: Box, width: int, height: int) -> Rect:
    """Left, top, right, bottom in whole pixels, inside the picture and at least one pixel each way."""
    left, right = _span(box.left, box.right, width)
    top, bottom = _span(box.top, box.bottom, height)
    return left, top, right, bottom


def box_from_pixels(left: float, top: float, right: float, bottom: float, width: int, height: int) -> Box:
    """The Box of a rectangle in pixels of a width by height picture, clipped to it."""
    return Box(*(min(max(edge, 0.0), 1.0) for edge in (left / width, top / height, right / width, bottom / height)))


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    first = min(max(round(start * length), 0), length - 1)
    return first, min(max(round(end * length), first + 1), length)


def _orientation(image: Image.Image, tags: Image.Exif) -> int:
    """EXIF orientation as stored; pillow_heif takes it out of the EXIF and keeps it aside."""
    value = image.info.get("original_orientation") or exif.tag(tags, ORIENTATION)
    return value if isinstance(value, int) and value in TURNS else 1


def _comes_upright(format: str, data: bytes) -> bool:
    """True if the decoder turns the picture: Pillow a TIFF, libheif a HEIF, unless EXIF alone says how."""
    return format == "TIFF" or (format == "HEIF" and any(box in data for box in HEIF_TURNS))


@contextmanager
def _border(limits: ReadLimits) -> Iterator[None]:
    """Turn whatever Pillow throws at damaged bytes into UnreadablePicture."""
    # Process-wide switches: set anew each time and not put back, since other threads may be decoding.
    warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
    Image.MAX_IMAGE_PIXELS = limits.max_pixels // 2  # Pillow's alarm goes off at twice this
    try:
        yield
    except UnreadablePicture:
        raise
    except Exception as error:  # hostile bytes have drawn nearly every class of exception from decoders
        kind, advice = next((kind, advice) for family, kind, advice in FAILURES if isinstance(error, family))
        reason = " ".join((str(error) or type(error).__name__).split())[:200]
        message = f"The picture cannot be decoded: {advice.format(error=reason)}."
        raise UnreadablePicture(message, kind) from error


def _refuse_above(limit: int, pixels: int) -> None:
    if pixels > limit:
        message = f"The picture has {pixels / 1e6:.0f} million pixels to decode; raise the limit to index it"
        raise UnreadablePicture(f"{message} (now {limit / 1e6:.0f} million).", "too-large")


def _announced(head: bytes) -> str | None:
    return next((name for name, magic in MAGIC if magic.match(head)), None)


def _open(data: bytes) -> Image.Image:
    """Read the header, trying no decoder but that of the format announced."""
    name = _announced(data[:64])
    if name is None:
        raise UnreadablePicture("The file is no picture of a known format; nothing can be done with it.")
    if name == "HEIF":
        _register_heif()
    return Image.open(BytesIO(data), formats=[name])


@cache
def _register_heif() -> None:
    from pillow_heif import register_heif_opener  # noqa: PLC0415  (50 ms, and most libraries hold none)

    register_heif_opener()


def _rgb(image: Image.Image, scale: int = 1) -> Image.Image:
    """Convert any mode of 8 bits a channel to RGB at 1/scale, transparent parts over white.

    Strip by strip where it must change: each step makes a copy, and of a large picture one is enough.
    """
    if image.mode == "RGB" and not image.has_transparency_data:
        return image if scale == 1 else image.reduce(scale)
    canvas = Image.new("RGB", (-(-image.width // scale), -(-image.height // scale)))
    for top, strip in _strips(image, STRIP // scale * scale or scale):
        flat = _flat(strip)
        canvas.paste(flat if scale == 1 else flat.reduce(scale), (0, top // scale))
    return canvas


def _strips(image: Image.Image, rows: int) -> Iterator[tuple[int, Image.Image]]:
    """Cut an image into strips of so many rows; with each, where it begins."""
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _flat(image: Image.Image) -> Image.Image:
    """A copy in RGB, transparent parts over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(layer, mask=layer.getchannel("A"))
    return canvas


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale deep gray to 0..255; what is white the 16-bit type tells, or else the values."""
    is_short = image.mode.startswith("I;16")
    white = 65535 if is_short else _white(image)
    canvas = Image.new("L", image.size)
    for top, strip in _strips(image, STRIP):
        gray = np.asarray(strip) >> 8 if is_short else np.rint(_finite(strip).clip(0, white) * np.float32(255 / white))
        canvas.paste(Image.fromarray(gray.astype(np.uint8)), (0, top))
    return canvas


def _white(image: Image.Image) -> float:
    peak = max(float(_finite(strip).max()) for _, strip in _strips(image, STRIP))
    return next((level for level in (1, 255, 65535) if peak <= level), peak)


def _finite(image: Image.Image) -> NDArray[np.float32]:
    """The values of a deep gray image (H, W); what is no number counts as 0."""
    return np.nan_to_num(np.asarray(image).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _array(image: Image.Image, turn: int) -> Pixels:
    """Turn an RGB image upright and copy it out, in strips: Pillow's own way holds three copies at a time."""
    transpose, _ = TURNS[turn]
    upright = image if transpose is None else image.transpose(transpose)
    pixels = np.empty((upright.height, upright.width, 3), np.uint8)
    for top, strip in _strips(upright, STRIP):
        pixels[top : top + strip.height] = np.asarray(strip)
    return pixels


def _cut(box: Box, margin: float, width: int, height: int, take: Callable[[Rect], Pixels]) -> tuple[Pixels, Box]:
    """Take a box with its margin from a width by height picture; say where the box lies in it."""
    across, down = margin * box.width, margin * box.height
    wide = Box(box.left - across, box.top - down, box.right + across, box.bottom + down)
    rect = left, top, right, bottom = pixel_rect(wide, width, height)
    inside = box_from_pixels(
        box.left * width - left, box.top * height - top, box.right * width - left, box.bottom * height - top,
        right - left, bottom - top,
    )  # fmt: skip
    return take(rect), inside


def _slice(whole: Pixels, rect: Rect) -> Pixels:
    left, top, right, bottom = rect
    return np.ascontiguousarray(whole[top:bottom, left:right])


def _crop(stored: Image.Image, rect: Rect, turn: int) -> Image.Image:
    """Cut an upright rectangle out of an image that still lies as stored."""
    width, height = stored.size[::-1] if turn in SIDEWAYS else stored.size
    return stored.crop(pixel_rect(stored_box(box_from_pixels(*rect, width, height), turn), *stored.size))
