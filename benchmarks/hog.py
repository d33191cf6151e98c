"""The native HOG detector beside dlib's, on one thread (photos: FACEINDEX_TEST_DATA or ../shared/data).

python benchmarks/hog.py speed [ROUNDS]   milliseconds on the same gray pictures, turn about, at several sizes
python benchmarks/hog.py same [PHOTOS]    boxes and scores of both on real photos of each folder
python benchmarks/hog.py memory           how far peak memory rises on pictures of 2 to 100 megapixels
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import dlib
import numpy as np
from PIL import Image

from faceindex.nets.hog import HogDetector

PHOTOS = Path(os.environ.get("FACEINDEX_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FOLDERS = ("detect", "albums", "lfw", "nofaces")
SIZES = (800, 1000, 1600, 2400)
CHECKS = ((800, -0.5), (1600, 0.0), (None, -1.0))  # longest side, threshold

DLIB = dlib.get_frontal_face_detector()


def native() -> HogDetector:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hog.svm"
        DLIB.save(str(path))
        return HogDetector(path)


def photos(most: int) -> Iterator[Path]:
    """Up to `most` photos of each folder, evenly spread."""
    for folder in FOLDERS:
        found = sorted(path for path in (PHOTOS / folder).rglob("*") if path.suffix.lower() in {".jpg", ".png"})
        yield from found[:: max(1, len(found) // most)][:most]


def gray_of(path: Path, side: int | None) -> np.ndarray:
    with Image.open(path) as picture:
        scale = side / max(picture.size) if side else 1
        size = [max(1, round(edge * scale)) for edge in picture.size]
        return np.array(picture.convert("L").resize(size))


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def speed(rounds: int = 9) -> None:
    """Medians and minima over the rounds; each picture 4:3."""
    detector, path = native(), sorted((PHOTOS / "albums").rglob("*.jpg"))[0]
    for side in SIZES:
        with Image.open(path) as picture:
            gray = np.array(picture.convert("L").resize((side, side * 3 // 4)))
        pairs = [(timed(lambda: DLIB.run(gray, 0, 0.0)), timed(lambda: detector.detect(gray))) for _ in range(rounds)]  # noqa: B023
        theirs, ours = zip(*pairs, strict=True)
        print(
            f"{side:5} px  dlib {median(theirs):6.1f} ms (least {min(theirs):6.1f})"
            f"  native {median(ours):6.1f} ms (least {min(ours):6.1f})  {median(theirs) / median(ours):.1f} times"
        )


def same(most: int = 45) -> None:
    detector, paths = native(), list(photos(most))
    for side, min_score in CHECKS:
        boxes = identical = unlike = 0
        largest = 0.0
        for path in paths:
            gray = gray_of(path, side)
            found, scores, _ = DLIB.run(gray, 0, min_score)
            theirs = {(b.left(), b.top(), b.right(), b.bottom()): s for b, s in zip(found, scores, strict=True)}
            ours = {face[:4]: face.score for face in detector.detect(gray, min_score)}
            shared = theirs.keys() & ours.keys()
            boxes, identical, unlike = (
                boxes + len(theirs),
                identical + len(shared),
                unlike + (theirs.keys() != ours.keys()),
            )
            largest = max([largest, *(abs(theirs[box] - ours[box]) for box in shared)])
        print(
            f"{side or 'own'} px, scores from {min_score}: {len(paths)} photos, {boxes} boxes of dlib's, {identical} "
            f"identical, {unlike} photos differ, scores within {largest:.1e}"
        )


def memory() -> None:
    detector = native()
    for width, height in ((1600, 1200), (4000, 3000), (11552, 8664)):
        gray = np.random.default_rng(1).integers(0, 256, (height, width), np.uint8)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        milliseconds = timed(lambda: detector.detect(gray))  # noqa: B023
        rise = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"{width} × {height}: peak up by {rise / 1024:.0f} MiB, {milliseconds:.0f} ms")


if __name__ == "__main__":
    command, *numbers = sys.argv[1:]
    {"speed": speed, "same": same, "memory": memory}[command](*map(int, numbers))
