"""Every preset beside plain face_recognition, on the same 12-megapixel photos with checked faces.

    uv run python benchmarks/throughput.py [--photos 40] [--copies 12] [--rounds 2] [--no-cnn] [--more "--runtime dlib"]

All in this one call, on as many processes as there are cores. Each round runs what the README of face_recognition
tells people to do (full size, default upsampling), then every preset, so that all see the same noise; a pace is the
median of the rounds. Each photo is scanned in several versions that differ in the bytes behind the picture, so that a
scan is long enough that starting does not count; the plain use, which is slow, gets every fourth photo once.
Its CNN does not fit into memory with upsampling, so it runs without, on one photo in one process; `cnn` runs in
one process, too. The gallery of faces is the library's own: nothing is labelled.

A checked face (truth.json) is found if a box has an IoU above 0.3 with it.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from library import Boxes, checked_photos, scratch_folder
from measure import FACEINDEX, cores, cost, forget_cached

FIRST = "-0.jpg"  # how the name of the first version of each photo ends
NIGHT = 8 * 3600  # seconds
SAME = 0.3  # IoU
ALONE = 40  # photos that the CNN looks at in one process
PRESETS = ("fast", "hog-then-cnn", "both", "cnn")


@dataclass
class Row:
    """What one way of doing it came to, round by round."""

    name: str
    pace: list[float] = field(default_factory=list)  # photos a second
    found: dict[str, Boxes] = field(default_factory=dict)
    worker_mb: float = 0.0
    read: float = 0.0  # bytes read from the disk for each byte of a photo, the program's own files included
    profile: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return median(self.pace)


def plain(path: str, model: str, upsample: int) -> Boxes:
    """What the README of face_recognition tells people to do."""
    warnings.simplefilter("ignore")
    import face_recognition  # noqa: PLC0415  (in the worker: it loads four models)

    image = face_recognition.load_image_file(path)
    places = face_recognition.face_locations(image, upsample, model)
    face_recognition.face_encodings(image, places)
    height, width = image.shape[:2]
    return [(left / width, top / height, right / width, bottom / height) for top, right, bottom, left in places]


def run_plain(row: Row, photos: list[Path], processes: int, model: str = "hog", upsample: int = 1) -> None:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(warm, range(processes)))
        start = perf_counter()
        found = list(pool.map(plain, map(str, photos), [model] * len(photos), [upsample] * len(photos)))
        row.pace.append(len(photos) / (perf_counter() - start))
    row.found = {path.name: boxes for path, boxes in zip(photos, found, strict=True)}


def run_command_line(row: Row, photos: list[Path], folder: Path) -> None:
    """Its command line with --cpus, on the same photos; it knows one face and tells no boxes."""
    known = folder / "known"
    for path in (*photos, known / "somebody.jpg"):
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / path.parent.name / path.name).write_bytes((path if path.exists() else photos[0]).read_bytes())
    tool = Path(sys.executable).with_name("face_recognition")
    command = [str(tool), "--cpus", str(cores()), str(known), str(folder / photos[0].parent.name)]
    done = cost(command, {"PYTHONWARNINGS": "ignore"})
    if done.code:
        raise SystemExit(done.output)
    row.pace.append(len(photos) / done.seconds)


def warm(_: int) -> None:
    warnings.simplefilter("ignore")
    import face_recognition  # noqa: F401, PLC0415


def run_scan(row: Row, folder: Path, index: Path, options: Iterable[str]) -> None:
    forget_cached(folder)
    done = cost([*FACEINDEX, "--db", str(index), "scan", str(folder), "--report", "json", *options])
    if done.code not in (0, 5):
        raise SystemExit(done.output)
    told = json.loads(done.output)
    row.profile = told["profile"]
    row.pace.append(told["profile"]["photos"] / told["seconds"])
    row.worker_mb = max(row.worker_mb, done.worker_mb)
    row.read = done.disk_bytes / sum(path.stat().st_size for path in folder.iterdir())
    with sqlite3.connect(index) as db:
        rows = db.execute('SELECT path, "left", top, "right", bottom FROM faces').fetchall()
    row.found = {path.name: [] for path in folder.iterdir() if path.name.endswith(FIRST)}
    for path, *box in rows:
        if path.endswith(FIRST):
            row.found[Path(path).name].append(tuple(box))


def recall(found: dict[str, Boxes], truth: dict[str, Boxes]) -> tuple[int, int, int]:
    """Checked faces that were found, all checked faces, and boxes that are none of them."""
    hits = sum(any(iou(face, box) > SAME for box in found[name]) for name in found for face in truth[name])
    false = sum(all(iou(face, box) <= SAME for face in truth[name]) for name in found for box in found[name])
    return hits, sum(len(truth[name]) for name in found), false


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return across * down / (areas - across * down)


def copies(folder: Path, photos: dict[str, tuple[Path, Boxes]], times: int) -> dict[str, Boxes]:
    """Each photo so many times, with another number of bytes behind its end; name of the first to its checked boxes."""
    folder.mkdir()
    for path, _ in photos.values():
        data = path.read_bytes()
        for number in range(times):
            (folder / f"{path.stem}-{number}.jpg").write_bytes(data + bytes(number))
    return {f"{path.stem}{FIRST}": boxes for path, boxes in photos.values()}


def encoder_ms() -> tuple[float, float]:
    """Milliseconds for a face, of 16 encoded together and of one by dlib, and nothing else: medians of 20 turns."""
    import numpy as np  # noqa: PLC0415

    from faceindex.backends.dlib_models import model  # noqa: PLC0415
    from faceindex.backends.runtimes import onnx_encoder  # noqa: PLC0415

    chips = np.random.default_rng(0).integers(0, 255, (16, 150, 150, 3), np.uint8)
    ours, theirs = onnx_encoder("auto").encode, model("encoder").compute_face_descriptor
    timed(ours, chips), timed(theirs, chips[0])
    turns = [(timed(ours, chips) / len(chips), timed(theirs, chips[0])) for _ in range(20)]
    return 1000 * median(turn[0] for turn in turns), 1000 * median(turn[1] for turn in turns)


def timed(work: Any, *given: Any) -> float:
    start = perf_counter()
    work(*given)
    return perf_counter() - start


def worker_start() -> float:
    """Seconds from the birth of a worker to its first encoding; median of 5."""
    command = (
        "import numpy as np; from faceindex import backends; from faceindex.models import Box; "
        "import faceindex.pipeline.examine; b = backends.load('dlib'); p = np.zeros((300, 400, 3), np.uint8); "
        "b.detect([p]); b.encode([p], [[Box(.2, .2, .8, .8)]])"
    )
    return median(cost([sys.executable, "-c", command]).seconds for _ in range(5))


def show(row: Row, base: Row, truth: dict[str, Boxes], per_process: bool = False) -> None:
    hits, faces, false = recall(row.found, truth)
    line = f"{row.name:34} {row.median:7.3f} photos/s {row.median / base.median:7.1f} x"
    if row.found:
        line += f"   {hits} of {faces} faces ({100 * hits / max(faces, 1):.1f} %), {false} other boxes"
    if row.profile:
        night = f"{row.median * NIGHT:,.0f}" if not per_process else "–"
        line += f"; worker {row.worker_mb:.0f} MB; {row.read:.2f} read"
        line += f"; {100 * row.profile['work']:.1f} % work; a night {night}"
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--copies", type=int, default=12, help="versions of each photo that are scanned")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--presets", default=",".join(PRESETS))
    parser.add_argument("--no-cnn", action="store_true", help="leave out the CNN of dlib, which needs 12 GB")
    parser.add_argument("--more", default="", help="further options of scan")
    given = parser.parse_args()
    more = given.more.split()
    with scratch_folder() as scratch:
        here = Path(scratch)
        truth = copies(here / "photos", checked_photos(here / "made", given.photos), given.copies)
        first = [here / "photos" / name for name in truth]
        size = sum(path.stat().st_size for path in first) / len(first)
        print(f"{len(first)} photos of 12 megapixels, {size / 1e6:.1f} MB, {sum(map(len, truth.values()))} checked "
              f"faces, in {given.copies} versions each; {cores()} cores; {given.rounds} rounds\n")  # fmt: skip
        hog, cnn = Row("plain face_recognition, HOG"), Row("its CNN, no upsampling, one process")
        line = Row("its command line, --cpus")
        rows = [Row(f"scan --preset {name}") for name in given.presets.split(",")]
        alone = Row("scan --preset cnn, one process")
        for turn in range(given.rounds):
            run_plain(hog, first[turn % 4 :: 4], cores())
            run_command_line(line, first[turn % 4 :: 4], here / f"line-{turn}")
            for row in rows:
                options = [*row.name.split()[1:], *more]
                run_scan(row, here / "photos", here / f"{turn}-{options[1]}.db", options)
        if not given.no_cnn:
            run_plain(cnn, first[:1], 1, "cnn", 0)
            few = here / "few"
            few.mkdir()
            for path in first[:ALONE]:
                (few / path.name).write_bytes(path.read_bytes())
            run_scan(alone, few, here / "alone.db", ["--preset", "cnn", "--engine", "processes:1", *more])
        show(hog, hog, truth)
        show(line, hog, truth)
        for row in rows:
            show(row, hog, truth)
        if not given.no_cnn:
            show(cnn, cnn, truth)
            show(alone, cnn, truth, per_process=True)
        ours, theirs = encoder_ms()
        print(f"\nencoder {ours:.2f} ms a face (16 together), dlib's {theirs:.1f} ms, {theirs / ours:.1f} x; "
              f"worker start {worker_start():.2f} s")  # fmt: skip
        for row in rows:
            stages = ", ".join(f"{each['stage']} {each['ms_per_photo']:.1f}" for each in row.profile["stages"])
            print(f"{row.name}: ms a photo: {stages}")


if __name__ == "__main__":
    main()
