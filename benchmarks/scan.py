"""`faceindex scan` beside what a user would run instead, on the same 12-megapixel photos and cores.

    uv run python benchmarks/scan.py [--photos 24]

Everything runs one after the other in this one call, on as many processes as there are cores; the plain
use of face_recognition both as a Python script (load_image_file, face_locations, face_encodings) and as
its own command line with --cpus. Prints photos per second, the ratio, faces found, memory, bytes read.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from library import twelve_megapixels
from measure import FACEINDEX, Cost, cores, cost, forget_cached

Boxes = list[tuple[float, float, float, float]]  # fractions: left, top, right, bottom


def plain(path: str) -> Boxes:
    """What the README of face_recognition tells people to do."""
    warnings.simplefilter("ignore")
    import face_recognition  # noqa: PLC0415  (in the worker: it loads four models)

    image = face_recognition.load_image_file(path)
    places = face_recognition.face_locations(image)
    face_recognition.face_encodings(image, places)
    height, width = image.shape[:2]
    return [(left / width, top / height, right / width, bottom / height) for top, right, bottom, left in places]


def run_plain(photos: list[Path]) -> tuple[float, dict[str, Boxes]]:
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
        list(pool.map(len, ["warm"] * cores()))
        start = perf_counter()
        found = list(pool.map(plain, map(str, photos)))
        return perf_counter() - start, {path.name: boxes for path, boxes in zip(photos, found, strict=True)}


def run_scan(folder: Path, index: Path, *options: str) -> tuple[Cost, dict[str, Boxes]]:
    done = cost([*FACEINDEX, "--db", str(index), "scan", str(folder), "--report", "json", *options])
    if done.code not in (0, 5):
        raise SystemExit(done.output)
    with sqlite3.connect(index) as db:
        rows = db.execute('SELECT path, "left", top, "right", bottom FROM faces').fetchall()
    found: dict[str, Boxes] = {}
    for path, *box in rows:
        found.setdefault(Path(path).name, []).append(tuple(box))
    return done, found


def run_command_line(folder: Path, known: Path) -> float:
    tool = Path(sys.executable).with_name("face_recognition")
    done = cost([str(tool), "--cpus", str(cores()), str(known), str(folder)], {"PYTHONWARNINGS": "ignore"})
    if done.code:
        raise SystemExit(done.output)
    return done.seconds


def also_found(ours: dict[str, Boxes], theirs: dict[str, Boxes]) -> int:
    """How many of their faces we have, too (boxes overlapping by half)."""
    return sum(
        any(iou(box, mine) > 0.4 for mine in ours.get(name, [])) for name, boxes in theirs.items() for box in boxes
    )


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return across * down / (areas - across * down)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=24)
    count = parser.parse_args().photos
    with tempfile.TemporaryDirectory(dir=".") as scratch:
        here = Path(scratch)
        photos = twelve_megapixels(here / "photos", count)
        size = sum(path.stat().st_size for path in photos)
        known = here / "known"
        known.mkdir()
        (known / "somebody.jpg").write_bytes(photos[0].read_bytes())
        print(f"{len(photos)} photos of 12 megapixels, {size / len(photos) / 1e6:.1f} MB each, {cores()} cores\n")
        slow, theirs = run_plain(photos)
        total = sum(map(len, theirs.values()))
        row("plain face_recognition (HOG), Python", len(photos) / slow, 1.0, f"{total} faces")
        seconds = run_command_line(here / "photos", known)
        row("its command line, --cpus", len(photos) / seconds, slow / seconds, "")
        for name, options in {
            "scan --detector hog": ["--detector", "hog"],
            "scan (default)": [],
            "scan --detector both": ["--detector", "both"],
        }.items():
            forget_cached(here / "photos")
            done, ours = run_scan(here / "photos", here / f"{len(name)}.db", *options)
            took = json.loads(done.output)["seconds"]
            faces = sum(map(len, ours.values()))
            note = (
                f"{faces} faces, {also_found(ours, theirs)} of the {total}; worker {done.worker_mb:.0f} MB, "
                f"parent {done.parent_mb:.0f} MB; {done.disk_bytes / size:.3f} bytes read per byte"
            )
            row(name, len(photos) / took, slow / took, note)


def row(name: str, pace: float, ratio: float, note: str) -> None:
    print(f"{name:38} {pace:6.2f} photos/s  {ratio:5.1f} x   {note}", flush=True)


if __name__ == "__main__":
    main()
