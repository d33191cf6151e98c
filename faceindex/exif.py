"""What EXIF says about when, with what and where a picture was taken; damaged tags say nothing."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from PIL import ExifTags, Image

DATE_TAGS = (  # directory, date, fraction of the second, offset from UTC; the first valid date counts
    (ExifTags.IFD.Exif, 36867, 37521, 36881),  # DateTimeOriginal
    (ExifTags.IFD.Exif, 36868, 37522, 36882),  # DateTimeDigitized
    (None, 306, 37520, 36880),  # DateTime; its companions stand in the Exif directory
)
DATE = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")

# What reading damaged EXIF has been seen to raise.
DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError,
    RecursionError, SyntaxError, TypeError, ValueError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exposure:
    taken_at: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None


def read(image: Image.Image) -> Image.Exif:
    """The EXIF of an image; empty where it is damaged."""
    try:
        return image.getexif()
    except DAMAGE:
        return Image.Exif()


def _directory(exif: Image.Exif, name: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(name)
    except DAMAGE:
        return {}


def tag(tags: Mapping[int, Any], number: int) -> Any:
    """The value of a tag; None where it is missing or damaged."""
    try:
        return tags[number]
    except DAMAGE:
        return None


def text(value: object) -> str:
    """Printable text of a tag up to its first NUL; "" if it holds no text."""
    found = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(found, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in found.split("\0")[0]).split())


def exposure(exif: Image.Exif) -> Exposure:
    """When, with what and where the picture was taken, as far as its EXIF says so."""
    return Exposure(_taken_at(exif), _camera(exif), *_position(_directory(exif, ExifTags.IFD.GPSInfo)))


def _taken_at(exif: Image.Exif) -> str | None:
    companions = _directory(exif, ExifTags.IFD.Exif)
    for directory, date, fraction, offset in DATE_TAGS:
        dates = companions if directory else exif
        texts = text(tag(dates, date)), text(tag(companions, fraction)), text(tag(companions, offset))
        if moment := _moment(*texts):
            return moment
    return None


def _moment(date: str, fraction: str, offset: str) -> str | None:
    """ISO 8601 of an EXIF date, with milli- or microseconds and offset where they are given."""
    found = DATE.match(date)
    if not found:
        return None
    digits = fraction[:6] if fraction.isascii() and fraction.isdigit() else ""
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, int(digits.ljust(6, "0")), _zone(offset))
    except ValueError:  # no such day: cameras write zeros for a clock that was never set
        return None
    return moment.isoformat(timespec=("seconds", "milliseconds", "microseconds")[(len(digits) + 2) // 3])


def _zone(offset: str) -> timezone | None:
    found = OFFSET.fullmatch(offset)
    if not found or int(found[2]) > 14 or int(found[3]) > 59:
        return None
    east = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(east if found[1] == "+" else -east)


def _camera(exif: Image.Exif) -> str | None:
    """Make and model; the model alone where it begins with a word of the make."""
    make, model = (text(tag(exif, number))[:80] for number in (ExifTags.Base.Make, ExifTags.Base.Model))
    doubled = model and model.split()[0].casefold() in make.casefold().split()
    return (model if doubled else f"{make} {model}".strip()) or None


def _position(gps: Mapping[int, Any]) -> tuple[float | None, float | None]:
    north = _degrees(tag(gps, 2), text(tag(gps, 1)), "NS", 90)
    east = _degrees(tag(gps, 4), text(tag(gps, 3)), "EW", 180)
    # Cameras without a fix write zeros; nobody lives at 0° N 0° E.
    return (north, east) if north is not None and east is not None and (north or east) else (None, None)


def _degrees(angle: Any, reference: str, signs: str, limit: int) -> float | None:
    """Degrees of an EXIF angle in degrees, minutes and seconds; None unless it makes sense."""
    try:
        parts = [float(part) for part in angle]
        degrees = math.fsum(part / 60**power for power, part in enumerate(parts[:3]))
    except DAMAGE:
        return None
    if reference not in tuple(signs) or not parts or min(parts) < 0 or not degrees <= limit:
        return None  # NaN, which 0/0 gives, is not at most the limit either
    return degrees if reference == signs[0] else -degrees
