"""`faceindex scan`: the night."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import click
import psutil
from tqdm import tqdm

from faceindex import report
from faceindex.cli.app import App, absolute, pass_app
from faceindex.errors import STOPPED_EARLY, WITH_PROBLEMS
from faceindex.models import DetectionSettings, Examination, Policy, ReadLimits
from faceindex.pipeline import Progress, ScanOptions, ScanResult, Stop
from faceindex.pipeline import scan as run_scan
from faceindex.pipeline.stop import seconds_until
from faceindex.store.paths import shown

UNITS = {"s": 1, "m": 60, "h": 3600}
DETECTION, LIMITS, OPTIONS = DetectionSettings(), ReadLimits(), ScanOptions()


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only in newer click
    """90s, 45m, 6h or 1h30m, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip().lower()
        parts = re.findall(r"(\d+)([smh])", text)
        if not parts or "".join(n + u for n, u in parts) != text:
            self.fail(f"{value!r} is no duration; write it like 90s, 45m, 6h or 1h30m", param, ctx)
        return float(sum(int(number) * UNITS[unit] for number, unit in parts))


class Clock(click.ParamType):  # type: ignore[type-arg]
    """HH:MM of the local clock, in seconds from now."""

    name = "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds_until(str(value), datetime.now())
        except ValueError:
            self.fail(f"{value!r} is no time of day; write it like 06:30", param, ctx)


@click.command(epilog="Example: faceindex scan ~/Pictures --until 06:30 --low-priority")
@click.argument("roots", nargs=-1, metavar="[FOLDER]...", type=click.Path(file_okay=False))
@click.option("--until", type=Clock(), help="Stop at this time of day, everything finished so far saved.")
@click.option("--max-time", type=Duration(), help="Stop after so long: 6h, 45m.")
@click.option("--low-priority", is_flag=True, help="Give way to every other program, on processor and disk.")
@click.option("--report", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="Text says nothing when there is no news, so that cron mails only news.")  # fmt: skip
@click.option("--exclude", multiple=True, metavar="GLOB",
              help="Leave out names, or paths below the root, that match; may be given several times.")  # fmt: skip
@click.option("--default-excludes/--no-default-excludes", default=True, show_default=True,
              help="Leave out hidden folders, thumbnails, previews, trash of well-known programs.")  # fmt: skip
@click.option("--one-file-system", is_flag=True, help="Do not cross into other mounts.")
@click.option("--photos-only", is_flag=True, help="Do not read videos and other files to find duplicates of them.")
@click.option("--verify", is_flag=True, help="Read every file again, trusting no time stamp.")
@click.option("--accept-vanished", is_flag=True, help="Believe that a root which is missing or lost most is so.")
@click.option("--engine", default=OPTIONS.engine, show_default=True, help="serial, processes, or processes:N.")
@click.option("--backend", default=OPTIONS.backend, show_default=True, help="What finds and encodes faces.")
@click.option("--detector", type=click.Choice(["hog-then-cnn", "hog", "cnn", "both"]),
              default=DETECTION.policy, show_default=True, help="Which detectors look at a photo.")  # fmt: skip
@click.option("--size", type=click.IntRange(80), default=DETECTION.size, show_default=True,
              help="Longest side, in pixels, at which HOG looks.")  # fmt: skip
@click.option("--cnn-size", type=click.IntRange(80), default=DETECTION.cnn_size, show_default=True,
              help="The same for the CNN.")  # fmt: skip
@click.option("--cnn-pixels", type=click.IntRange(10_000), default=DETECTION.cnn_pixels, show_default=True,
              help="Most pixels the CNN may see: its memory grows with them.")  # fmt: skip
@click.option("--upsample", type=click.IntRange(0, 2), default=DETECTION.upsample, show_default=True,
              help="Times the picture is doubled to find smaller faces; each costs four times as much.")  # fmt: skip
@click.option("--min-face", type=click.IntRange(0), default=DETECTION.min_face, show_default=True,
              help="Narrowest face kept, in pixels of the original.")  # fmt: skip
@click.option("--min-score", type=float, default=DETECTION.min_score, show_default=True,
              help="Lowest confidence of the detector.")  # fmt: skip
@click.option("--max-bytes", type=click.IntRange(1), default=LIMITS.max_bytes, show_default=True,
              help="Larger pictures are only hashed.")  # fmt: skip
@click.option("--max-pixels", type=click.IntRange(1), default=LIMITS.max_pixels, show_default=True,
              help="Pictures with more are not decoded.")  # fmt: skip
@click.option("--photo-time", type=Duration(), default=f"{OPTIONS.photo_time:.0f}s", show_default=True,
              help="Longest that one photo may take.")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(0, 2),
              help="Distance below which a face joins a cluster; default as measured.")  # fmt: skip
@click.option("--margin", type=click.FloatRange(0, 2),
              help="How much nearer than to anybody else; default as measured.")  # fmt: skip
@pass_app
@click.pass_context
def scan(ctx: click.Context, app: App, /, **given: Any) -> None:
    """Walk the folders, find faces, recognise people.

    A FOLDER given for the first time is remembered; without one, all remembered folders are scanned. What is
    already known is not done again, so a scan that was stopped goes on where it was.
    """
    options = _options(given)
    if given["low_priority"]:
        _give_way()
    with _progress(app) as progress:
        result = run_scan(app.index, options, Stop(_limit(given)), progress)
    _report(app, result, given["form"])
    ctx.exit(_exit_code(result))


def _options(given: dict[str, Any]) -> ScanOptions:
    return ScanOptions(
        roots=tuple(dict.fromkeys(map(absolute, given["roots"]))),
        exclude=tuple(given["exclude"]),
        detection=DetectionSettings(
            policy=cast(Policy, given["detector"]),
            **{k: given[k] for k in ("size", "cnn_size", "cnn_pixels", "upsample", "min_face", "min_score")},
        ),
        limits=ReadLimits(max_bytes=given["max_bytes"], max_pixels=given["max_pixels"]),
        **{
            k: given[k]
            for k in ("default_excludes", "one_file_system", "photos_only", "verify", "accept_vanished",
                      "engine", "backend", "photo_time", "threshold", "margin")
        },
    )  # fmt: skip


def _limit(given: dict[str, Any]) -> float | None:
    limits = [limit for limit in (given["until"], given["max_time"]) if limit is not None]
    return min(limits, default=None)


def _give_way() -> None:
    os.nice(19)
    if sys.platform == "linux":
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


@contextlib.contextmanager
def _progress(app: App) -> Iterator[Progress]:
    """Bars on a terminal, nothing elsewhere."""
    hidden = app.quiet or not sys.stderr.isatty()
    with (
        tqdm(desc="Looking", unit=" files", disable=hidden, leave=False) as crawled,
        tqdm(desc="Reading", unit=" photos", disable=hidden, leave=False, delay=1) as reading,
    ):
        def begin(photos: int, size: int) -> None:
            crawled.close()
            app.tell(f"{photos} photos to read, {report.size(size)} in all")
            reading.reset(total=photos)

        def read(found: Examination) -> None:
            reading.update(found.photo is not None or found.problem is not None)

        yield Progress(crawled.update, begin, read)


def _report(app: App, result: ScanResult, form: str) -> None:
    with app.open() as db:
        told = report.summary(db, result)
    if form == "json":
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    elif not app.quiet:
        for line in report.text(told):
            click.echo(line)
    for path in result.roots:
        app.tell(f"scanned {shown(path)}")


def _exit_code(result: ScanResult) -> int:
    if result.outcome in ("deadline", "stopped"):
        return STOPPED_EARLY
    return WITH_PROBLEMS if result.offline or result.problems else 0
