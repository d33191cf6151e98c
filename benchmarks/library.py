"""Makes photo libraries to measure with, out of real photos, in a scratch folder."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("FACEINDEX_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
TWELVE_MEGAPIXELS = (4000, 3000)
ORIENTATION = 274  # EXIF
GRAIN, QUALITY = 6, 92  # standard deviation of the noise, and of JPEG: about 3 MB a photo, as cameras make them


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes away again: on this disk, which /tmp may not be, and where git does not look."""
    build = CHECKOUT / "build"
    build.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(dir=build)


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


Boxes = list[tuple[float, float, float, float]]  # fractions of the upright picture: left, top, right, bottom


def checked_photos(folder: Path, count: int, least: int = 300) -> dict[str, tuple[Path, Boxes]]:
    """Write `count` of the photos of truth.json as JPEGs of 12 megapixels; name to path and checked boxes.

    Spread evenly over those of truth.json that show a face and are not too small.
    """
    told = json.loads((Path(__file__).with_name("truth.json")).read_text("utf-8"))["photos"]
    fit = [photo for photo in told if photo["faces"] and min(photo["size"]) >= least]
    chosen = fit[:: max(1, len(fit) // count)][:count]
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for number, photo in enumerate(chosen):
        with Image.open(DATA / photo["path"]) as image:
            path = as_camera(ImageOps.exif_transpose(image).convert("RGB"), folder, number)
        made[path.name] = path, [tuple(box) for box in photo["faces"]]
    return made


def as_camera(image: Image.Image, folder: Path, number: int) -> Path:
    """Write a picture as a camera of 12 megapixels would, with sensor noise."""
    rng = np.random.default_rng(number)
    width, height = TWELVE_MEGAPIXELS if image.width >= image.height else TWELVE_MEGAPIXELS[::-1]
    large = ImageOps.contain(image, (width, height), Image.Resampling.BICUBIC)
    grain = rng.normal(0, GRAIN, (large.height // 2 + 1, large.width // 2 + 1, 1)).repeat(2, 0).repeat(2, 1)
    noisy = np.asarray(large, np.float32) + grain[: large.height, : large.width]
    path = folder / f"IMG_{number:04}.jpg"
    tags = Image.Exif()
    tags[ORIENTATION] = 1  # cameras say how a picture lies
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=QUALITY, exif=tags)
    return path


def twelve_megapixels(folder: Path, count: int, least: int = 300) -> list[Path]:
    """Write `count` JPEGs of 12 megapixels, as a camera makes them: enlarged real photos with sensor noise."""
    folder.mkdir(parents=True, exist_ok=True)
    return [as_camera(image, folder, number) for number, image in zip(range(count), _large_enough(least), strict=False)]


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
