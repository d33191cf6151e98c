"""The options of `faceindex scan`, heading by heading, and what they make of ScanOptions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time
from functools import partial
from typing import Any, TypeVar

import click

from faceindex.cli.app import absolute
from faceindex.cli.options import Number, Option, Switch
from faceindex.models import DetectionSettings, ReadLimits
from faceindex.pipeline import ScanOptions
from faceindex.pipeline.stop import seconds_until
from faceindex.presets import DEFAULT, LARGEST, NORMAL, PRESETS, SMALLEST, settings_of

F = TypeVar("F", bound=Callable[..., Any])

UNITS = {"s": 1, "m": 60, "h": 3600}
LONGEST = 366 * 24 * 3600  # seconds: clocks and timers of the system hold no time without end
MOST_PIXELS = 20_000  # longest side at which a detector can be told to look
DETECTION, LIMITS, DEFAULTS = DetectionSettings(), ReadLimits(), ScanOptions()


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only in newer click
    """90s, 45m, 6h or 1h30m, in seconds."""

    name = "duration"

    def __init__(self, least: int = 0) -> None:
        self.least = least  # seconds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip().lower()
        parts = re.findall(r"([0-9]{1,12})([smh])", text)
        if not parts or "".join(n + u for n, u in parts) != text:
            self.fail(f"{value!r} is no duration; write it like 90s, 45m, 6h or 1h30m", param, ctx)
        seconds = sum(int(number) * UNITS[unit] for number, unit in parts)
        if not self.least <= seconds <= LONGEST:
            self.fail(f"{value!r} is out of range; write {self.least}s or more, at most {LONGEST // 3600}h", param, ctx)
        return float(seconds)


class Clock(click.ParamType):  # type: ignore[type-arg]
    """HH:MM of the local clock, in seconds from now."""

    name = "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = f"{value:%H:%M}" if isinstance(value, time) else str(value)  # TOML knows times of day
        try:
            return seconds_until(text, datetime.now())
        except ValueError:
            self.fail(f"{text!r} is no time of day; write it like 06:30", param, ctx)


class Faces(click.ParamType):  # type: ignore[type-arg]
    """small, normal, large, or the narrowest face in pixels of the original."""

    name = "faces"
    whole_numbers = True  # in a settings file, too

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        text = str(value).strip().lower()
        if text in ("small", NORMAL, "large"):
            return text
        if not (text.isdecimal() and len(text) < 6 and SMALLEST <= int(text) <= LARGEST):
            self.fail(f"{value!r} is no size of faces; write small, normal, large or pixels from {SMALLEST} to "
                      f"{LARGEST}", param, ctx)  # fmt: skip
        return int(text)


def pixels(least: int, most: int | None = None) -> dict[str, Any]:
    return {"type": click.IntRange(least, most), "metavar": "PIXELS", "show_default": True}


when = partial(click.option, cls=Option, section="When to stop, what to say")
walk = partial(click.option, cls=Option, section="What to read")
find = partial(click.option, cls=Option, section="How faces are found")
know = partial(click.option, cls=Option, section="How they are recognised")

OPTIONS = (
    when("--until", type=Clock(), help="Stop at this time of day, everything finished so far saved."),
    when("--max-time", type=Duration(), help="Stop after so long: 6h, 45m, 1h30m."),
    when("--low-priority", cls=Switch, help="Give way to every other program, on processor and disk."),
    when("--report", type=click.Choice(["text", "json"]), default="text", show_default=True,
         help="Text says nothing when there is no news, so that cron mails only news."),
    when("--profile", cls=Switch, help="Say where the time went, too."),
    walk("--exclude", multiple=True, metavar="GLOB",
         help="Leave out names, or paths below the root, that match; may be given several times."),
    walk("--default-excludes/--no-default-excludes", default=True,
         help="Leave out hidden folders, thumbnails, previews, trash of well-known programs, or do not."),
    walk("--one-file-system", cls=Switch, help="Do not cross into other mounts."),
    walk("--photos-only", cls=Switch, help="Do not read videos and other files to find duplicates of them."),
    walk("--verify", cls=Switch, help="Read every file again, trusting no time stamp."),
    walk("--accept-vanished", cls=Switch, help="Believe that a root which is missing or lost most is so."),
    walk("--max-bytes", type=click.IntRange(1), default=LIMITS.max_bytes, metavar="BYTES", show_default=True,
         help="Larger pictures are only hashed."),
    walk("--max-pixels", default=LIMITS.max_pixels, help="Pictures with more are not decoded.", **pixels(1)),
    walk("--thumbnails", type=click.IntRange(0), default=DEFAULTS.thumbnails, metavar="MB", show_default=True,
         help="Small pictures kept beside the index, for 'faceindex serve'; 0: none."),
    walk("--photo-time", type=Duration(1), default=f"{DEFAULTS.photo_time:.0f}s", show_default=True,
         help="Longest that one photo may take."),
    find("--engine", default=DEFAULTS.engine, metavar="NAME", show_default=True,
         help="Where the work runs: serial, processes, or processes:N."),
    find("--backend", default=DEFAULTS.backend, metavar="NAME", show_default=True,
         help="What finds and encodes faces."),
    find("--preset", type=click.Choice(list(PRESETS)), default=DEFAULT, show_default=True,
         help="Which detectors look at a photo, and how closely: from the fastest to the most thorough."),
    find("--faces", type=Faces(), default=NORMAL, metavar="SIZE", show_default=True,
         help="How small faces are looked for: small (every pixel is), normal, large (twice as fast), "
              "or the narrowest in pixels of the original."),
    find("--turns/--no-turns", default=DETECTION.turns,
         help="Try 90° turns where no face was found and the file does not say how it lies, or do not."),
    find("--size", help="Longest side at which HOG looks; default: the preset's.", **pixels(80, MOST_PIXELS)),
    find("--cnn-size", help="The same for the CNN; default: the preset's.", **pixels(80, MOST_PIXELS)),
    find("--cnn-pixels", help="Most that the CNN may see, its memory grows with them; default: the preset's.",
         **pixels(10_000)),
    find("--min-face", help="Narrowest face kept, in the original; default: the preset's.", **pixels(0)),
    find("--min-score", type=Number(-1, 2), metavar="SCORE",
         help="Lowest confidence of the detector; default: the preset's."),
    find("--runtime", type=click.Choice(["onnx", "dlib"]), default=DETECTION.runtime, show_default=True,
         help="What runs the networks; the results are the same."),
    find("--device", default=DETECTION.device, metavar="NAME", show_default=True,
         help="Where they run: auto, cpu, cuda, openvino …; 'faceindex doctor' lists what is here."),
    know("--distance", type=click.Choice(["normalised", "plain"]), default=DEFAULTS.distance, show_default=True,
         help="How faces are compared: judged by other people's faces, or as they are."),
    know("--threshold", type=Number(0, 2), metavar="DISTANCE",
         help="Below this a face joins a cluster; default: computed for at most 1 of 1,000 strangers wrongly named."),
    know("--margin", type=Number(0, 2), metavar="DISTANCE",
         help="How much nearer than to anybody else; default as measured."),
)  # fmt: skip


def scan_options(command: F) -> F:
    """Give a command every option above."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def asked(given: dict[str, Any]) -> ScanOptions:
    """What the command line, variables and settings ask of a scan."""
    detection = ("preset", "faces", "turns", "size", "cnn_size", "cnn_pixels", "min_face", "min_score",
                 "runtime", "device")  # fmt: skip
    rest = ("default_excludes", "one_file_system", "photos_only", "verify", "accept_vanished",
            "engine", "backend", "photo_time", "thumbnails", "distance", "threshold", "margin")  # fmt: skip
    return ScanOptions(
        roots=tuple(dict.fromkeys(map(absolute, given["roots"]))),
        exclude=tuple(given["exclude"]),
        detection=settings_of(**{k: given[k] for k in detection}),
        limits=ReadLimits(max_bytes=given["max_bytes"], max_pixels=given["max_pixels"]),
        **{k: given[k] for k in rest},
    )


def limit(given: dict[str, Any]) -> float | None:
    """Seconds that the scan may take."""
    return min((given[k] for k in ("until", "max_time") if given[k] is not None), default=None)
