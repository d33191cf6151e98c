"""One picture's bytes, decoded when and as finely as asked.

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
from PIL import Image, ImageFile, UnidentifiedImageError

from faceindex import exif
from faceindex.errors import UnreadablePicture
from faceindex.image import jpeg
from faceindex.image.rgb import eight_bits, rgb
from faceindex.image.turns import SIDEWAYS, TURNS, Rect, box_from_pixels, pixel_rect, stored_rect, turned
from faceindex.models import Box, Photo, ReadLimits

if TYPE_CHECKING:
    from faceindex.models import Pixels, ProblemKind

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

ORIENTATION = 274
HEIF_TURNS = (b"\0\0\0\x09irot", b"\0\0\0\x09imir")  # boxes by which HEIF turns a picture itself
MEMORY = {  # what decoders need a pixel, as measured at 98 million; 1 is 7 bytes: 700 MB at 100 million
    "WEBP": 2.3, "AVIF": 1.3, "TIFF": 1.2, "HEIF": 1.05, "JPEG": 1.0,
}  # fmt: skip
DEFAULT_LIMITS = ReadLimits()
NO_ROOM = "they do not fit into memory at once; a JPEG of it, or a smaller copy, can be indexed"

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it complains of, UnreadablePicture says

FAILURES: tuple[tuple[type[Exception], ProblemKind, str], ...] = (  # first match wins
    (MemoryError, "memory", "memory ran out while it was decoded; scan with fewer workers"),
    (
        Image.DecompressionBombError,
        "too-large",
        "it has too many pixels; raise --max-pixels to index it",
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
        _refuse_above(limits.max_pixels, image.width * image.height, "raise --max-pixels to index it")
        if image.format == "PNG":  # may carry its EXIF behind the pixels
            _refuse_above(limits.max_decoded, image.width * image.height, NO_ROOM)
            image.load()
        return Picture(data, limits, image)


class Picture:
    """One picture's bytes, decoded when and as finely as asked; upright wherever it is seen."""

    def __init__(self, data: bytes, limits: ReadLimits, opened: Image.Image) -> None:
        tags = exif.read(opened)
        said = _orientation(opened, tags)
        self.format = opened.format or ""
        self.orientation = said or 1
        turns_itself = self.format == "HEIF" and any(box in data for box in HEIF_TURNS)
        self.says_how_it_lies = said is not None or turns_itself  # else it may lie on its side, unknown to itself
        # Pillow turns a TIFF upright and libheif a HEIF, unless EXIF alone says how.
        self._turn = 1 if self.format == "TIFF" or turns_itself else self.orientation
        self._stored = opened.size
        self.width, self.height = opened.size[::-1] if self._turn in SIDEWAYS else opened.size
        self._is_progressive = bool(opened.info.get("progressive"))
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
                found = self._by_libjpeg(scale)
                if found is None:
                    found = rgb(self._by_pillow(scale), 1 if self._is_jpeg else scale)
                self._pixels = turned(found, self._turn)
        return self._pixels

    def crop(self, box: Box, margin: float = 1.0) -> tuple[Pixels, Box]:
        """Cut one box out; see crops, which decodes once for many."""
        return self.crops([box], margin)[0]

    def crops(self, boxes: Iterable[Box], margin: float = 1.0) -> list[tuple[Pixels, Box]]:
        """Cut boxes out at full resolution; with each, where the box lies in its cut-out.

        Each is widened by `margin` times its width and height on every side, as far as the picture goes.
        A JPEG above max_decoded is cut at the finest scale below it.
        """
        with _border(self._limits):
            whole, turn = self._finest()
            width, height = _size(whole)[::-1] if turn in SIDEWAYS else _size(whole)
            return [
                _cut(box, margin, width, height, lambda rect: _piece(whole, rect, width, height, turn)) for box in boxes
            ]

    def _finest(self) -> tuple[Pixels | Image.Image, int]:
        """The whole picture as finely as can be had, and the turn that it still needs.

        What is cut out is turned and becomes RGB, not the whole.
        """
        if self._pixels is not None and self._satisfies(self._pixels, None):
            return self._pixels, 1
        scale = self._finest_scale()
        found = self._by_libjpeg(scale)
        return self._by_pillow(scale) if found is None else found, self._turn

    @property
    def finest(self) -> int:
        """The longest side of the finest decoding that keeps within max_decoded, as far as scaling can help."""
        return math.ceil(max(self.width, self.height) / self._finest_scale())

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
        return next(scale for scale in jpeg.SCALES if scale == 1 or math.ceil(full / scale) >= longest)

    def _finest_scale(self) -> int:
        """The smallest divisor at which a JPEG keeps within max_decoded."""
        if not self._is_jpeg:
            return 1
        room = self._limits.max_decoded
        fits = (scale for scale in reversed(jpeg.SCALES) if self.width * self.height <= room * scale**2)
        return next(fits, max(jpeg.SCALES))

    @property
    def _is_jpeg(self) -> bool:
        return self.format in ("JPEG", "MPO")

    def _refuse_too_large(self, scale: int) -> None:
        width, height = self._stored
        # libjpeg keeps all coefficients of a progressive picture, whatever the scale.
        divided = scale if self._is_jpeg and not self._is_progressive else 1
        room = int(self._limits.max_decoded / MEMORY.get(self.format, 1.0))
        _refuse_above(room, math.ceil(width / divided) * math.ceil(height / divided), NO_ROOM)

    def _by_libjpeg(self, scale: int) -> Pixels | None:
        """Decode a sound JPEG at 1/scale of the full size, as stored; None for anything else."""
        self._refuse_too_large(scale)
        return jpeg.decode(self._data, *self._stored, scale) if self._is_jpeg else None

    def _by_pillow(self, scale: int) -> Image.Image:
        """Decode to no more than 8 bits a channel, as stored; a JPEG at 1/scale of the full size."""
        self._refuse_too_large(scale)
        image, self._opened = self._opened or _open(self._data), None
        if self._is_jpeg:
            image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
        image.load()
        return eight_bits(image)


def _orientation(image: Image.Image, tags: Image.Exif) -> int | None:
    """EXIF orientation as stored, None without one; pillow_heif takes it out of the EXIF and keeps it aside."""
    value = image.info.get("original_orientation") or exif.tag(tags, ORIENTATION)
    return value if isinstance(value, int) and value in TURNS else None


@contextmanager
def _border(limits: ReadLimits) -> Iterator[None]:
    """Turn whatever Pillow throws at damaged bytes into UnreadablePicture."""
    # Process-wide switches: set anew each time and not put back, since other threads may be decoding.
    warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
    Image.MAX_IMAGE_PIXELS = limits.max_pixels // 2  # Pillow's alarm goes off at twice this
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # importing face_recognition switches it on
    try:
        yield
    except UnreadablePicture:
        raise
    except Exception as error:  # hostile bytes have drawn nearly every class of exception from decoders
        kind, advice = next((kind, advice) for family, kind, advice in FAILURES if isinstance(error, family))
        reason = " ".join((str(error) or type(error).__name__).split())[:200]
        message = f"The picture cannot be decoded: {advice.format(error=reason)}."
        raise UnreadablePicture(message, kind) from error


def _refuse_above(limit: int, pixels: int, advice: str) -> None:
    if pixels > limit:
        message = f"The picture has {pixels / 1e6:.1f} million pixels to decode, more than {limit / 1e6:.1f} million"
        raise UnreadablePicture(f"{message}; {advice}.", "too-large")


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


def _size(whole: Pixels | Image.Image) -> tuple[int, int]:
    """Width and height."""
    return (whole.shape[1], whole.shape[0]) if isinstance(whole, np.ndarray) else whole.size


def _piece(whole: Pixels | Image.Image, rect: Rect, width: int, height: int, turn: int) -> Pixels:
    """Cut a rectangle of the upright picture, width by height, out of one that still needs a turn."""
    left, top, right, bottom = stored = stored_rect(rect, width, height, turn)
    piece = whole[top:bottom, left:right] if isinstance(whole, np.ndarray) else rgb(whole.crop(stored))
    return np.ascontiguousarray(turned(piece, turn))
