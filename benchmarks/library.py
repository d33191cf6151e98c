"""Makes photo libraries to measure with, out of real photos, in a scratch folder."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("FACEINDEX_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
TWELVE_MEGAPIXELS = (4000, 3000)


def originals() -> list[Path]:
    """Real photos with faces, in a fixed order."""
    found = [
        path
        for folder in ("albums", "detect")
        for path in sorted((DATA / folder).rglob("*"))
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    ]
    if not found:
        raise SystemExit("no real photos to measure with; set FACEINDEX_TEST_DATA")
    random.Random(1).shuffle(found)
    return found


def twelve_megapixels(folder: Path, count: int, least: int = 300) -> list[Path]:
    """Write `count` JPEGs of 12 megapixels, as a camera makes them: enlarged real photos with sensor noise."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    rng = np.random.default_rng(1)
    for image in _large_enough(least):
        if len(made) == count:
            break
        width, height = TWELVE_MEGAPIXELS if image.width >= image.height else TWELVE_MEGAPIXELS[::-1]
        large = ImageOps.contain(image, (width, height), Image.Resampling.BICUBIC)
        grain = rng.normal(0, 3, (large.height // 2 + 1, large.width // 2 + 1, 1)).repeat(2, 0).repeat(2, 1)
        noisy = np.asarray(large, np.float32) + grain[: large.height, : large.width]
        path = folder / f"IMG_{len(made):04}.jpg"
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        made.append(path)
    return made


def _large_enough(least: int) -> Iterator[Image.Image]:
    for path in originals():
        with Image.open(path) as image:
            if min(image.size) >= least:
                yield ImageOps.exif_transpose(image).convert("RGB")


def many_files(folder: Path, count: int, per_folder: int = 200) -> None:
    """Write `count` small files that are not photos, in a tree as libraries have it."""
    for number in range(count):
        if number % per_folder == 0:
            here = folder / f"{2000 + number // per_folder % 25}" / f"event {number // per_folder:05}"
            here.mkdir(parents=True, exist_ok=True)
        (here / f"DSC_{number:07}.mov").write_bytes(b"%d" % number)
