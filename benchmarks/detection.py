"""The numbers of docs/detection.md, from real photos (FACEINDEX_TEST_DATA or ../shared/data).

python benchmarks/detection.py policies          time and faces of HOG, and of the CNN where HOG finds nothing
python benchmarks/detection.py nothing           false boxes on photos without a face
python benchmarks/detection.py scores [FOLDER]   how sure each box is; doubtful ones as pictures into FOLDER
python benchmarks/detection.py plain             face_recognition as it comes, on every eighth photo
python benchmarks/detection.py memory            peak memory of a process that examines 12-megapixel photos
python benchmarks/detection.py malloc            the CNN with glibc's defaults, and with large blocks kept
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from faceindex.backends import load
from faceindex.backends.dlib_backend import find_by_cnn, find_by_hog
from faceindex.backends.faces import faces_of
from faceindex.errors import UnreadablePicture
from faceindex.image import Picture, open_picture, pixel_rect
from faceindex.models import Detection, DetectionSettings, ReadLimits

if TYPE_CHECKING:
    from faceindex.models import Pixels

PHOTOS = Path(os.environ.get("FACEINDEX_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CNN_SIZES = (400, 640, 800)
BOUNDS = ((400, 120_000), (640, 320_000), (640, 480_000), (800, 410_000), (800, 480_000))
SETTINGS = DetectionSettings(cnn_pixels=10**9, min_score=0.0)
JUDGED = replace(SETTINGS, cnn_size=640, cnn_pixels=320_000)  # the CNN whose boxes were looked at
SMALLEST = 200  # pixels: below are icons and crops of single faces
GROUP = "detect/dlib_faces/2007_007763.jpg"
KEEP_BLOCKS = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"


def pictures(*folders: str, every: int = 1) -> Iterator[tuple[Path, Picture]]:
    """Photos of these folders with at least SMALLEST pixels each way, in order of their paths."""
    paths = [path for folder in folders for path in sorted((PHOTOS / folder).rglob("*")) if path.is_file()]
    opened = ((path, picture) for path in paths if (picture := as_picture(path)))
    large = [each for each in opened if min(each[1].width, each[1].height) >= SMALLEST]
    yield from large[::every]


def as_picture(path: Path) -> Picture | None:
    try:
        return open_picture(path.read_bytes(), ReadLimits())
    except UnreadablePicture:
        return None


def timed(find: Callable[..., list[Detection]], *given: object) -> tuple[float, list[Detection]]:
    """Milliseconds, and what was found."""
    start = time.perf_counter()
    found = find(*given)
    return 1000 * (time.perf_counter() - start), found


def measure(*folders: str, every: int = 1) -> None:
    """HOG on every photo; the CNN, at each size, where it finds nothing."""
    by_hog = [(picture.pixels(1600), *timed(find_by_hog, picture.pixels(1600), SETTINGS))
              for _, picture in pictures(*folders, every=every)]  # fmt: skip
    left = [pixels for pixels, _, found in by_hog if not found]
    hog_ms = [ms for _, ms, _ in by_hog]
    faces = sum(len(found) for *_, found in by_hog)
    print(f"{len(by_hog)} photos; HOG at {SETTINGS.size}: {faces} boxes, {mean(hog_ms):.0f} ms a photo")
    print(f"HOG finds nothing on {len(left)}; there:")
    for size in CNN_SIZES:
        runs = [timed(find_by_cnn, pixels, replace(SETTINGS, cnn_size=size)) for pixels in left]
        sure = sum(face.score >= 0.5 for _, found in runs for face in found)
        boxes, spent = sum(len(found) for _, found in runs), [ms for ms, _ in runs]
        average = (sum(hog_ms) + sum(spent)) / len(by_hog)
        print(f"  CNN at {size}: {boxes} more boxes ({sure} with a score of 0.5 and more) "
              f"on {sum(bool(found) for _, found in runs)} photos, "
              f"{mean(spent):.0f} ms a photo, {average:.0f} ms on average over all photos")  # fmt: skip


def policies() -> None:
    measure("detect", "albums")


def nothing() -> None:
    measure("nofaces", every=3)


def scores(folder: str | None = None) -> None:
    """Every box with its score, surest last; below 1.0 also as a cut-out."""
    rows = []
    for path, picture in pictures("detect", "albums", "nofaces"):
        pixels = picture.pixels(1600)
        found = find_by_hog(pixels, SETTINGS) or find_by_cnn(pixels, JUDGED)
        rows += [(face.detector, face.score, path, pixels, face) for face in found]
    rows.sort(key=lambda row: row[:2])
    for detector, score, path, pixels, face in rows:
        width = face.box.width * pixels.shape[1]
        print(f"{detector} {score:6.3f} {width:5.0f} px  {path.relative_to(PHOTOS)}")
    if folder:
        for detector in ("hog", "cnn"):
            doubtful = [row for row in rows if row[0] == detector and row[1] < 1.0]
            sheet([(pixels, face) for *_, pixels, face in doubtful]).save(Path(folder) / f"{detector}.png")


def sheet(faces: list[tuple[Pixels, Detection]], side: int = 110, across: int = 12) -> Image.Image:
    """Faces with something around them, twelve to a row, each under its score."""
    page = Image.new("RGB", (side * across, (side + 12) * (1 + len(faces) // across)))
    for place, (pixels, face) in enumerate(faces):
        height, width = pixels.shape[:2]
        left, top, right, bottom = pixel_rect(face.box, width, height)
        room = (right - left) // 2
        cut = Image.fromarray(pixels).crop((left - room, top - room, right + room, bottom + room))
        corner = place % across * side, place // across * (side + 12)
        ImageDraw.Draw(page).text(corner, f"{place}: {face.score:.2f}")
        page.paste(cut.resize((side, side)), (corner[0], corner[1] + 12))
    return page


def plain() -> None:
    """face_recognition's own defaults next to ours, on the same few photos."""
    import face_recognition  # noqa: PLC0415

    sample = [picture for _, picture in pictures("detect", "albums", every=8)]
    enlarged = [Image.fromarray(picture.pixels()).resize((4000, 3000)) for picture in sample[::3]]
    twelve = [open_picture(as_jpeg(image), ReadLimits()) for image in enlarged]
    for kind, chosen in (("as they are", sample), ("enlarged to 12 megapixels", twelve)):
        theirs = [timed(face_recognition.face_locations, picture.pixels()) for picture in chosen]
        ours = [timed(find_by_hog, picture.pixels(1600), SETTINGS) for picture in chosen]
        for name, runs in (("face_recognition", theirs), ("HOG at 1600", ours)):
            boxes, spent = sum(len(found) for _, found in runs), mean(ms for ms, _ in runs)
            print(f"{name}: {boxes} boxes on {len(runs)} photos {kind}, {spent:.0f} ms a photo")


def memory() -> None:
    for size, pixels in BOUNDS:
        print(run("examine", str(size), str(pixels)), end="")


def examine(cnn_size: str, cnn_pixels: str) -> None:
    """Examine 12 megapixels upright, upside down (for the CNN), and square; say the peak."""
    import resource  # noqa: PLC0415

    backend = load("dlib", DetectionSettings(cnn_size=int(cnn_size), cnn_pixels=int(cnn_pixels)))
    group = Image.open(PHOTOS / GROUP).convert("RGB")
    wide, square = group.resize((4000, 3000)), group.resize((3464, 3464))
    shapes = (wide, wide.rotate(180), square.rotate(180))
    found = [len(faces_of(open_picture(as_jpeg(shape), ReadLimits()), backend)) for shape in shapes]
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(f"CNN at {cnn_size}, at most {cnn_pixels} pixels: {found} faces, peak {peak:.0f} MB")


def as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "jpeg", quality=90)
    return file.getvalue()


def malloc() -> None:
    for _ in range(3):
        for name, tunables in (("glibc as it is", ""), ("large blocks kept", KEEP_BLOCKS)):
            print(f"{name}: {run('cnn', GLIBC_TUNABLES=tunables)}", end="")


def run(*command: str, **env: str) -> str:
    """What this script prints for a command, in a process of its own."""
    python = [sys.executable, __file__, *command]
    return subprocess.run(python, env={**os.environ, **env}, capture_output=True, text=True, check=True).stdout


def cnn() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    runs = [timed(find_by_cnn, pixels, SETTINGS)[0] for _ in range(6)]
    print(f"CNN at 640x480: median {median(runs[1:]):.0f} ms")


if __name__ == "__main__":
    commands = {each.__name__: each for each in (policies, nothing, scores, plain, memory, malloc, examine, cnn)}
    commands[sys.argv[1]](*sys.argv[2:])
