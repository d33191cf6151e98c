"""Which setting of the detectors finds which of the checked faces, at what cost.

python benchmarks/recall.py table [SETTING ...]   faces found, by width; false boxes; milliseconds of one core
python benchmarks/recall.py turns                 photos that lie on a side or on their head

A look is a detector at a longest side: hog@1600 (gray), hog-rgb@1600, cnn@800, cnn@800/3 (each level of the
pyramid 2/3 of the one before; without a number 5/6); hog@1600=0.15 keeps only scores from 0.15 on. A SETTING is
  LOOK             that look
  LOOK+LOOK        both, on every photo
  LOOK:LOOK:WHEN   the second only where the first found: none (nothing), best0.7 (no score of 0.7 and more),
                   any0.7 (a score below 0.7), few2 (less than two faces), group3 (three and more), small90 (a
                   face narrower than 90 pixels at the working size); a,b is a or b, a_b is a and b; :LOOK:WHEN
                   may be repeated

benchmarks/truth.json holds the boxes; the photos are those of FACEINDEX_TEST_DATA or ../shared/data. Each is scaled
to the size exactly, small ones too, as a photo of 12 megapixels would be. What a look finds is kept in CACHE
(--fresh: look again), settings are then put together from it. A box with an IoU above 0.3 with a checked one has found
it; of two looks' boxes with an IoU above 0.3 the first look's stays.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from faceindex.models import Box

PHOTOS = Path(os.environ.get("FACEINDEX_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
TRUTH = Path(__file__).with_name("truth.json")
CACHE = Path(tempfile.gettempdir()) / "faceindex-recall"
FOUND = 0.3  # IoU above which a box has found a checked face
SAME_FACE = 0.3  # IoU above which boxes of two looks are one face
LEAST = {"hog": -0.2, "hog-rgb": -0.2, "cnn": 0.0}  # lowest scores kept in the cache
BINS = (0.06, 0.08, 0.12, 0.20)  # widths of faces, in parts of the photo's longest side
FACELESS = "nofaces/"
HOG = "hog@1600=0.1"
SETTINGS = (
    "hog@800", "hog@1000", "hog@1200", "hog@1600", "hog@2000", "hog@2400", HOG, "hog@1600=0.15", "hog-rgb@1600",
    *(f"cnn@{size}{step}" for size in (640, 800, 1000, 1600) for step in ("", "/4", "/3")),
    *(f"{HOG}:cnn@{size}{step}:none" for size in (400, 640, 800) for step in ("", "/3")),
    *(f"{HOG}:cnn@640:none,{when}" for when in (
        "best0.3", "best0.5", "best0.7", "best1.0", "any0.3", "any0.5", "any1.0", "group2", "group3")),
    f"{HOG}:cnn@640:none:cnn@800/3:group2",
    "hog@1000:cnn@640:none", "hog@1000:cnn@1600/3:none", "hog@1000:cnn@640:none,any0.3", "hog@1200:cnn@640:none,any0.3",
    *(f"{HOG}+cnn@{size}{step}" for size in (400, 500, 640, 800) for step in ("", "/3")),
    f"{HOG}:cnn@800/3:group2:cnn@640:group0",
)  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """A photo and what is on it; boxes as fractions of the upright picture."""

    path: str
    sha256: str
    width: int
    height: int
    faces: tuple[Box, ...]
    either: tuple[Box, ...] = ()  # count neither as found nor as false

    @property
    def longest(self) -> int:
        return max(self.width, self.height)

    def width_of(self, box: Box) -> float:
        """A box's width in parts of the longest side."""
        return box.width * self.width / self.longest


@dataclass(frozen=True)
class Look:
    detector: str
    size: int
    step: int = 6
    least: float = 0.0  # score
    turn: int = 0  # degrees by which the photo is turned to the left before

    @property
    def key(self) -> str:
        return f"{self.detector}@{self.size}-{self.step}-{self.turn}"


@dataclass(frozen=True)
class Found:
    box: Box
    score: float


@dataclass(frozen=True)
class Seen:
    """What a look found on a photo, and the milliseconds of one core it took."""

    found: tuple[Found, ...]
    ms: float


When = Callable[[Checked, Look, Sequence[Found]], bool]
WHEN: dict[str, Callable[[float], When]] = {
    "none": lambda _: lambda photo, look, found: not found,
    "best": lambda least: lambda photo, look, found: all(face.score < least for face in found),
    "any": lambda least: lambda photo, look, found: any(face.score < least for face in found),
    "few": lambda many: lambda photo, look, found: len(found) < many,
    "group": lambda many: lambda photo, look, found: len(found) >= many,
    "small": lambda px: lambda photo, look, found: any(photo.width_of(face.box) * look.size < px for face in found),
}


# settings


def parse_look(text: str) -> Look:
    match = re.fullmatch(r"(hog|hog-rgb|cnn)@(\d+)(?:/(\d))?(?:=(-?[\d.]+))?", text)
    if not match:
        raise SystemExit(f"no such look: {text}; write for example hog@1600, cnn@800/3 or hog@1600=0.15")
    detector, size, step, least = match.groups()
    return Look(detector, int(size), int(step or 6), float(least or 0))


def parse_when(text: str) -> When:
    """`a,b` is a or b, `a_b` is a and b."""
    either = [[parse_condition(one) for one in both.split("_")] for both in text.split(",")]
    return lambda photo, look, found: any(all(one(photo, look, found) for one in both) for both in either)


def parse_condition(text: str) -> When:
    match = re.fullmatch(r"([a-z]+)([\d.]*)", text)
    if not match or match[1] not in WHEN:
        raise SystemExit(f"no such condition: {text}; there are {', '.join(WHEN)}")
    return WHEN[match[1]](float(match[2] or 0))


def parse_setting(text: str) -> tuple[Look, list[tuple[Look, When]]]:
    """Its first look, and those that may follow with their conditions."""
    first, *rest = re.split("[:+]", text)
    followed = [(look, "group0") for look in rest] if "+" in text else zip(rest[::2], rest[1::2], strict=True)
    return parse_look(first), [(parse_look(look), parse_when(when)) for look, when in followed]


# photos


@cache
def truth() -> tuple[Checked, ...]:
    """The checked photos that are there and are what they were."""
    photos = [checked(entry) for entry in json.loads(TRUTH.read_text("utf-8"))["photos"]]
    there = [photo for photo in photos if sha256(PHOTOS / photo.path) == photo.sha256]
    if len(there) < len(photos):
        print(f"{len(photos) - len(there)} of {len(photos)} photos are not there or have changed: left out")
    return tuple(there)


def checked(entry: dict[str, Any]) -> Checked:
    boxes = {kind: tuple(Box(*box) for box in entry.get(kind, ())) for kind in ("faces", "either")}
    return Checked(entry["path"], entry["sha256"], *entry["size"], **boxes)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def scaled(photo: Checked, size: int, turn: int = 0) -> Image.Image:
    """Upright, then turned to the left, its longest side `size` exactly."""
    with Image.open(PHOTOS / photo.path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    scale = size / photo.longest
    small = upright.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
    return small.transpose(TRANSPOSED[turn]) if turn else small


Transpose = Image.Transpose
TRANSPOSED = {90: Transpose.ROTATE_90, 180: Transpose.ROTATE_180, 270: Transpose.ROTATE_270}


# looking


@cache
def hog() -> Callable[[np.ndarray, float], Iterable[Any]]:
    from faceindex.backends.runtimes import our_hog  # noqa: PLC0415

    return our_hog


@cache
def cnn(step: int) -> Callable[[np.ndarray, float], Iterable[Any]]:
    from faceindex.backends.dlib_models import checked_file  # noqa: PLC0415
    from faceindex.nets.detector import FaceDetector  # noqa: PLC0415

    detector = FaceDetector(checked_file("cnn"), "cpu", step)
    detector.detect(np.zeros((200, 200, 3), np.uint8))  # loads what is loaded when first needed
    return detector.detect


def detect(image: Image.Image, look: Look) -> Seen:
    """Only the detector is timed, not decoding and scaling."""
    pixels = np.asarray(image.convert("L") if look.detector == "hog" else image)
    find = cnn(look.step) if look.detector == "cnn" else hog()
    start = time.thread_time()
    rects = list(find(pixels, LEAST[look.detector]))
    ms = 1000 * (time.thread_time() - start)
    height, width = pixels.shape[:2]
    found = [Found(_cut(each, width, height), float(each.score)) for each in rects]
    return Seen(tuple(found), ms)


def _cut(rect: Any, width: int, height: int) -> Box:
    """A rectangle of pixels as fractions, cut to the picture."""
    sides = rect.left / width, rect.top / height, (rect.right + 1) / width, (rect.bottom + 1) / height
    return Box(*(min(1.0, max(0.0, side)) for side in sides))


def look_at(look: Look, photo: Checked) -> Seen:
    return detect(scaled(photo, look.size, look.turn), look)


def all_seen(look: Look, fresh: bool, processes: int) -> dict[str, Seen]:
    """What a look finds on each photo, from the cache where it is there."""
    file = CACHE / f"{look.key}.json"
    if file.exists() and not fresh:
        kept = json.loads(file.read_text())
        if kept["photos"] == [photo.sha256 for photo in truth()]:
            return {path: Seen(tuple(Found(Box(*b), s) for s, *b in found), ms) for path, ms, found in kept["seen"]}
    with ProcessPoolExecutor(processes) as pool:
        seen = list(pool.map(partial(look_at, look), truth(), chunksize=4))
    rows = [
        (photo.path, each.ms, [(face.score, *sides(face.box)) for face in each.found])
        for photo, each in zip(truth(), seen, strict=True)
    ]
    CACHE.mkdir(exist_ok=True)
    file.write_text(json.dumps({"photos": [photo.sha256 for photo in truth()], "seen": rows}))
    return {photo.path: each for photo, each in zip(truth(), seen, strict=True)}


def sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


# judging


def union(first: Sequence[Found], second: Sequence[Found]) -> list[Found]:
    """All of the first, and what only the second found."""
    return [*first, *(face for face in second if all(face.box.iou(one.box) <= SAME_FACE for one in first))]


@dataclass(frozen=True)
class Verdict:
    found: frozenset[int]  # places in photo.faces
    false: tuple[Found, ...]  # on nothing
    again: int  # boxes on a face that another box has found


def judge(photo: Checked, found: Iterable[Found]) -> Verdict:
    """Surest boxes first; each takes the checked face it shares most with."""
    hits: set[int] = set()
    false, again = [], 0
    for face in sorted(found, key=lambda face: -face.score):
        place, shared = nearest(photo.faces, face.box)
        if shared > FOUND:
            again += place in hits
            hits.add(place)
        elif nearest(photo.either, face.box)[1] <= FOUND:
            false.append(face)
    return Verdict(frozenset(hits), tuple(false), again)


def nearest(boxes: Sequence[Box], box: Box) -> tuple[int, float]:
    """Place of the box it shares most with, and their IoU."""
    shared = [each.iou(box) for each in boxes]
    return (int(np.argmax(shared)), max(shared)) if shared else (-1, 0.0)


def apply(setting: str, see: Callable[[Look], dict[str, Seen]]) -> dict[str, Seen]:
    """What a setting finds on each photo, and what it costs there."""
    first, others = parse_setting(setting)
    seen = {}
    for photo in truth():
        found, ms = kept(first, see(first)[photo.path])
        look = next((look for look, when in others if when(photo, first, found)), None)
        more, also = kept(look, see(look)[photo.path]) if look else ([], 0.0)
        seen[photo.path] = Seen(tuple(union(found, more)), ms + also)
    return seen


def kept(look: Look, seen: Seen) -> tuple[list[Found], float]:
    return [face for face in seen.found if face.score >= look.least], seen.ms


# tables


def table(settings: Sequence[str], see: Callable[[Look], dict[str, Seen]]) -> None:
    """A line per setting, measured on photos with faces and, last, on those without."""
    people = [photo for photo in truth() if not photo.path.startswith(FACELESS)]
    empty = [photo for photo in truth() if photo.path.startswith(FACELESS)]
    widths = [photo.width_of(face) for photo in people for face in photo.faces]
    each = np.bincount(np.searchsorted(BINS, widths, "right"), minlength=len(BINS) + 1)
    print(f"{len(widths)} faces on {len(people)} photos, by width {' '.join(map(str, each))}; {len(empty)} without")
    print(f"{'setting':44} {'found':>12}  {'by width':22} {'false':>5} {'again':>5} {'ms':>6}   without: false, ms")
    for setting in settings:
        seen = apply(setting, see)
        verdicts = {photo.path: judge(photo, seen[photo.path].found) for photo in truth()}
        hits = [photo.width_of(photo.faces[place]) for photo in people for place in verdicts[photo.path].found]
        by_width = np.bincount(np.searchsorted(BINS, hits, "right"), minlength=len(BINS) + 1)
        print(
            f"{setting:44} {len(hits):4} ({100 * len(hits) / len(widths):5.1f}%)  {' '.join(map(str, by_width)):22}"
            f" {sum(len(verdicts[photo.path].false) for photo in people):5}"
            f" {sum(verdicts[photo.path].again for photo in people):5}"
            f" {mean(seen[photo.path].ms for photo in people):6.0f}"
            f"   {sum(len(verdicts[photo.path].false) for photo in empty):5}"
            f" {mean(seen[photo.path].ms for photo in empty):6.0f}"
        )


# turns


def turned_box(box: Box, turn: int) -> Box:
    """Where a box lies once the picture is turned to the left."""
    for _ in range(turn // 90):
        box = Box(box.top, 1 - box.right, box.bottom, 1 - box.left)
    return box


def turned_photo(photo: Checked, turn: int) -> Checked:
    turned = {kind: tuple(turned_box(box, turn) for box in getattr(photo, kind)) for kind in ("faces", "either")}
    return replace(photo, **turned)


def turns(see: Callable[[Look], dict[str, Seen]]) -> None:
    """Photos that lie turned to the left, on which HOG at 1600 finds nothing; then HOG at 1000 tries other turns."""
    people = [photo for photo in truth() if photo.faces]
    empty = [photo for photo in truth() if photo.path.startswith(FACELESS)]
    print(f"{len(people)} photos with faces, {len(empty)} without")
    print("lies  CNN  HOG none  score  turns tried  right  wrong  false  without: false")
    for lies in (0, 90, 180, 270):
        first, by_cnn = see(Look("hog", 1600, turn=lies)), see(Look("cnn", 640, turn=lies))
        missed, none = ([photo for photo in photos if not _sure(first[photo.path], 0.1)] for photos in (people, empty))
        lucky = sum(bool(_sure(by_cnn[photo.path], 0.1)) for photo in missed)
        for tried in ((90, 270), (90, 180, 270)):
            for least in (0.0, 0.15, 0.3, 0.5):
                best = [(photo, *best_turn(photo, lies, tried, least, see)) for photo in missed]
                verdicts = [judge(turned_photo(photo, way), found) for photo, way, found in best]
                right = sum(bool(verdict.found) for verdict in verdicts)
                wrong = sum(bool(found) and bool(way) for _, way, found in best)
                false = sum(len(verdict.false) for verdict in verdicts)
                alarms = sum(false_alarms(photo, *best_turn(photo, lies, tried, least, see)) for photo in none)
                print(f"{lies:4} {lucky:4} {len(missed):9} {least:6.2f}  {'/'.join(map(str, tried)):11}"
                      f"  {right:5} {wrong:6} {false:6} {alarms:15}")  # fmt: skip


def _sure(seen: Seen, least: float) -> list[Found]:
    return [face for face in seen.found if face.score >= least]


def false_alarms(photo: Checked, way: int, found: Sequence[Found]) -> int:
    return len(judge(turned_photo(photo, way), found).false)


def best_turn(
    photo: Checked, lies: int, tried: Sequence[int], least: float, see: Callable[[Look], dict[str, Seen]]
) -> tuple[int, list[Found]]:
    """Of the turns tried the one with the largest sum of scores: how the photo is then seen, and what is found."""
    ways = [(lies + turn) % 360 for turn in tried]
    found = {way: kept(Look("hog", 1000, least=least), see(Look("hog", 1000, turn=way))[photo.path])[0] for way in ways}
    way = max(ways, key=lambda way: sum(face.score for face in found[way]))
    return way, found[way]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("table", "turns"))
    parser.add_argument("settings", nargs="*", default=SETTINGS)
    parser.add_argument("--fresh", action="store_true", help="look again, whatever the cache holds")
    parser.add_argument("--processes", type=int, default=1, help="that look at once; 1 for times worth quoting")
    given = parser.parse_args()
    see = cache(partial(all_seen, fresh=given.fresh, processes=given.processes))
    commands: dict[str, Callable[[], None]] = {
        "table": lambda: table(given.settings, see), "turns": lambda: turns(see),
    }  # fmt: skip
    commands[given.command]()


if __name__ == "__main__":
    main()
