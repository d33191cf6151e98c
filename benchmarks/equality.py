"""Do dlib's networks give the same on onnxruntime as in dlib? Compares detections and encodings, photo by photo.

    uv run python benchmarks/equality.py FOLDER... [--side 560] [--limit 250] [--device cpu]

Photos are scaled so that their longest side is `--side`. A box is the same if no edge is more than a pixel away;
a detection that only one side has is put down to a tie if its score is within 0.001 of the threshold, or if the
other side has a box there whose score is within 0.001, of which non-maximum suppression then kept another.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import dlib
import numpy as np
from PIL import Image, UnidentifiedImageError

from faceindex.backends.dlib_models import model, model_file
from faceindex.nets.detector import FaceDetector
from faceindex.nets.encoder import FaceEncoder
from faceindex.nets.found import Found

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
TIE = 1e-3


def photos(folders: list[Path], side: int, limit: int) -> Iterator[tuple[Path, np.ndarray]]:
    """Evenly spread over each folder, (H, W, 3) uint8."""
    per_folder = -(-limit // len(folders))
    for folder in folders:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        for path in paths[:: max(1, len(paths) // per_folder)][:per_folder]:
            try:
                with Image.open(path) as picture:
                    picture = picture.convert("RGB")
            except (OSError, UnidentifiedImageError):
                continue
            scale = side / max(picture.size)
            width, height = (max(10, round(length * scale)) for length in picture.size)
            yield path, np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def dlibs(pixels: np.ndarray) -> list[Found]:
    found = model("cnn")(pixels, 0)
    return [Found(f.rect.left(), f.rect.top(), f.rect.right(), f.rect.bottom(), f.confidence) for f in found]


def shift(one: Found, other: Found) -> int:
    """Most that an edge of one box is away from the other's, in pixels."""
    return max(abs(a - b) for a, b in zip(one[:4], other[:4], strict=True))


def same(one: Found, others: list[Found]) -> Found | None:
    return next((other for other in others if shift(one, other) <= 1), None)


def explanation(extra: Found, others: list[Found]) -> str:
    if extra.score < TIE:
        return f"a tie at the threshold (score {extra.score:.6f})"
    if near := [other for other in others if abs(other.score - extra.score) < TIE]:
        return (
            f"a tie between two boxes {shift(extra, near[0])} px apart (scores {extra.score:.6f}, {near[0].score:.6f})"
        )
    return f"NOT EXPLAINED (score {extra.score:.6f})"


def chip_of(pixels: np.ndarray, found: Found) -> np.ndarray:
    rect = dlib.rectangle(*map(int, found[:4]))
    return dlib.get_face_chip(pixels, model("landmarks")(pixels, rect), 150, 0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--side", type=int, default=560)
    parser.add_argument("--limit", type=int, default=250)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    ours, encoder = FaceDetector(model_file("cnn").path, options.device), FaceEncoder(model_file("encoder").path)
    seen, counts, identical, score, away, encoding = 0, [0, 0], 0, 0.0, 0, 0.0
    seconds = [0.0, 0.0]
    differences = []
    for path, pixels in photos(options.folders, options.side, options.limit):
        start = time.process_time()
        theirs = dlibs(pixels)
        middle = time.process_time()
        mine = ours.detect(pixels, 0.0)
        seconds = [seconds[0] + middle - start, seconds[1] + time.process_time() - middle]
        seen += 1
        counts = [counts[0] + len(theirs), counts[1] + len(mine)]
        for found in mine:
            if (twin := same(found, theirs)) is None:
                differences.append(f"{path.name}: only on onnxruntime: {explanation(found, theirs)}")
                continue
            identical += found[:4] == twin[:4]
            away = max(away, shift(found, twin))
            score = max(score, abs(found.score - twin.score))
            chip = chip_of(pixels, found)
            numbers = np.array(model("encoder").compute_face_descriptor(chip))
            encoding = max(encoding, float(np.abs(encoder.encode(chip[None])[0] - numbers).max()))
        for found in theirs:
            if same(found, mine) is None:
                differences.append(f"{path.name}: only in dlib: {explanation(found, mine)}")
    print(f"{seen} photos, longest side {options.side}: {counts[0]} detections in dlib, {counts[1]} on onnxruntime")
    print(f"{identical} identical boxes; the others at most {away} px apart; scores at most {score:.2e} apart")
    print(f"encodings of those faces at most {encoding:.2e} apart")
    print(f"CPU time a photo: dlib {seconds[0] / seen:.3f} s, onnxruntime {seconds[1] / seen:.3f} s")
    print("\n".join(differences) or "no other differences")


if __name__ == "__main__":
    main()
