"""What a scan says in the morning: nothing if there is no news, else a short page."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING, Any

from faceindex.models import DetectionSettings
from faceindex.stopwatch import WORK
from faceindex.store import listings, runs
from faceindex.store.paths import shown
from faceindex.wording import counted as counted  # beside the other words for numbers that are here

if TYPE_CHECKING:
    from faceindex.pipeline import ScanResult

MOST_PROBLEMS = 10  # shown; the rest is counted
# An estimate is honest once so many photos, or what takes as long, were done in so many seconds.
FEWEST_DONE, SHORTEST = 20.0, 5.0
BYTES_A_PHOTO = 20_000_000  # reading and hashing so many bytes takes about as long as looking at a photo
SAME_RESULTS = ("runtime", "device")  # settings that do not change what is found

FILES = {  # count: how it reads
    "files_new": "new", "files_changed": "changed", "files_moved": "moved", "files_copied": "copied",
    "files_returned": "returned", "files_vanished": "vanished",
}  # fmt: skip


def summary(db: sqlite3.Connection, result: ScanResult) -> dict[str, Any]:
    """Everything the report tells, as plain data: what `scan --report json` prints."""
    return {
        "outcome": result.outcome,
        "offline": result.offline,
        "left_photos": result.left_photos,
        "left_bytes": result.left_bytes,
        "left_faces": result.left_faces,
        "seconds": round(result.seconds, 1),
        "run": runs.counts(db, result.run_id),
        "recognised": listings.recognised(db, result.run_id),
        "worth_a_name": listings.worth_a_name(db, result.run_id),
        "problems": listings.troubles_of(db, result.run_id),
        "notes": runs.notes(db, result.run_id),
        "profile": profile(db, result.run_id),
        "seconds_left": _seconds_left(result),
        **_examined_otherwise(db, result.run_id),
    }


def _seconds_left(result: ScanResult) -> float | None:
    """An estimate from this run's own pace; None where there is too little to go by."""
    done, left = work(result.read_photos, result.read_bytes), work(result.left_photos, result.left_bytes)
    about = seconds_left(done, left, result.reading_seconds)
    return None if about is None or not left else float(round(about))


def work(photos: int, size: int) -> float:
    """What so many photos cost that have, with other files, so many bytes; in photos.

    Looking at a photo takes its time however few bytes it has, and a film, which is only hashed, little for many.
    """
    return photos + size / BYTES_A_PHOTO


def seconds_left(done: float, left: float, seconds: float) -> float | None:
    """How long the rest of the work takes where so much took so long; None while nobody can say."""
    return left * seconds / done if done >= FEWEST_DONE and seconds >= SHORTEST else None


def _examined_otherwise(db: sqlite3.Connection, run_id: int) -> dict[str, Any]:
    """How many photos were examined with other settings than this run's, and whether those are new tonight."""
    now, before = (_way(asked) if asked is not None else None for asked in runs.detection(db, run_id))
    photos = sum(count for settings, count in runs.examined_with(db, run_id) if _way(settings) != now)
    return {"examined_otherwise": photos, "settings_changed": before is not None and now != before}


def _way(settings: dict[str, Any]) -> dict[str, Any]:
    """What of detection settings shapes the result; an older version's lack some, which then had their default."""
    whole = {**dataclasses.asdict(DetectionSettings()), **settings}
    return {name: value for name, value in whole.items() if name not in SAME_RESULTS}


def profile(db: sqlite3.Connection, run_id: int) -> dict[str, Any] | None:
    """Where the time of a run went; None where it read nothing."""
    found = runs.profile(db, run_id)
    if found is None:
        return None
    stages = runs.stages(db, run_id)
    return {
        "photos": found.photos,
        "workers": found.workers,
        "seconds": round(found.seconds, 3),
        "photos_per_second": round(found.photos / found.seconds, 2) if found.seconds else None,
        "work": round(sum(row["share"] or 0.0 for row in stages if row["stage"] in WORK), 4),
        "stages": stages,
    }


def is_news(told: dict[str, Any]) -> bool:
    """Whether there is anything to say: cron sends a mail for every line."""
    run = told["run"]
    happened = any(run[name] for name in (*FILES, "photos_new", "faces_found", "clusters_new"))
    said = (told[name] for name in ("recognised", "offline", "problems", "notes"))
    changed = told["settings_changed"] and told["examined_otherwise"]
    return bool(happened or any(said) or changed or told["outcome"] != "done")


def text(told: dict[str, Any]) -> list[str]:
    """The report in lines; none where there is no news."""
    if not is_news(told):
        return []
    lines = [
        _headline(told),
        *_offline(told),
        *_notes(told),
        _files(told["run"]),
        *_faces(told),
        *_otherwise(told),
        *_names(told),
        *_problems(told),
    ]
    return [line for line in [*lines, *_left(told)] if line]


def _headline(told: dict[str, Any]) -> str:
    ends = {"done": "done", "deadline": "stopped at the deadline", "stopped": "stopped when asked to"}
    began = f"Run {told['run']['run_id']} of {moment(told['run']['started_at'])}"
    return f"{began}: {ends[told['outcome']]} after {duration(told['seconds'])}"


def _offline(told: dict[str, Any]) -> list[str]:
    return [f"WARNING  {sentence}" for sentence in told["offline"]]


def _notes(told: dict[str, Any]) -> list[str]:
    return [f"Note     {sentence}" for sentence in told["notes"]]


def _files(run: dict[str, Any]) -> str:
    parts = [f"{run[name]:,} {word}" for name, word in FILES.items() if run[name]]
    return f"Files    {', '.join(parts)} (of {run['files_seen']:,})" if parts else ""


def _faces(told: dict[str, Any]) -> list[str]:
    run = told["run"]
    if not run["photos_new"] and not run["faces_found"]:
        return []
    return [f"Photos   {run['photos_new']:,} examined, {counted(run['faces_found'], 'face')} found"]


def _otherwise(told: dict[str, Any]) -> list[str]:
    count = told["examined_otherwise"]
    were = "was" if count == 1 else "were"
    return [f"Settings {counted(count, 'photo')} {were} examined with other settings and not again now "
            "(docs/detection.md says how to)"] if count else []  # fmt: skip


def _names(told: dict[str, Any]) -> list[str]:
    lines = []
    if told["recognised"]:
        who = ", ".join(f"{row['person']} on {counted(row['photos'], 'photo')}" for row in told["recognised"])
        lines.append(f"Known    {who}")
    if told["worth_a_name"]:
        lines.append("Unknown  worth a name:")
        lines += [
            f"         cluster {row['cluster']}: on {counted(row['photos'], 'photo')}"
            + (f", {counted(row['new'], 'new face')}" if row["new"] else "")
            for row in told["worth_a_name"]
        ]
        first = told["worth_a_name"][0]["cluster"]
        lines.append("         look:  faceindex cluster list --unnamed --sheet faces.jpg")
        lines.append(f'         name:  faceindex cluster label {first} "Anna"')
    return lines


def _problems(told: dict[str, Any]) -> list[str]:
    found = told["problems"]
    lines = [f"Problems {len(found):,} new (see 'faceindex problem list')"] if found else []
    lines += [f"         {shown(row['path'])}: {row['message']}" for row in found[:MOST_PROBLEMS]]
    more = len(found) - MOST_PROBLEMS
    return [*lines, f"         and {more:,} more"] if more > 0 else lines


def _left(told: dict[str, Any]) -> list[str]:
    faces = told["left_faces"]
    lines = [f"Left     {counted(faces, 'face')} to be matched by the next scan"] if faces else []
    if not told["left_bytes"]:
        return lines
    about = told["seconds_left"]
    estimate = f", about {duration(about)} more" if about is not None else ""
    left = f"{counted(told['left_photos'], 'photo')}, {size(told['left_bytes'])}"
    return [*lines, f"Left     {left}{estimate}; the next scan goes on"]


def profile_text(found: dict[str, Any] | None) -> list[str]:
    """Where the time of a run went, as a table."""
    if found is None:
        return ["Profile  nothing was read"]
    lines = ["Profile  stage         seconds  ms a photo  % of the cores' time"]
    lines += [
        f"         {row['stage']:<10} {row['seconds']:>10,.1f}  {_number(row['ms_per_photo'], 1):>10}"
        f"  {100 * (row['share'] or 0.0):>20.1f}"
        for row in found["stages"]
    ]
    pace = _number(found["photos_per_second"], 1 if (found["photos_per_second"] or 0) >= 10 else 2)
    return [
        *lines,
        f"         {100 * found['work']:.1f} % of the time the cores decoded, detected or encoded; "
        f"{counted(found['photos'], 'photo')} in {duration(found['seconds'])}, {pace} a second",
    ]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def moment(utc: str) -> str:
    """A time of the index as people read it: by the local clock, to the minute."""
    return datetime.fromisoformat(utc.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """Seconds as people say them: 41 s, 5 min, 7 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def size(count: float) -> str:
    """Bytes as people say them, in powers of ten: 4.5 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
