"""From how little detail on the encoding of a face is a guess.

python benchmarks/blur.py FOLDER     FOLDER holds Person_Name/*.jpg, two of a person or more

Of each person two photos: the face of one is blurred by parts of its width, or made small and large again. Printed are
the sharpness that faceindex.sharpness tells, how far the encoding moves from where it was, and how far it then is from
that of the other photo; medians, and 5th and 95th percentiles. Which part of them would count as poor stands last.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from faceindex import backends
from faceindex.matching import POOR_SHARPNESS
from faceindex.models import Box, DetectionSettings
from faceindex.sharpness import sharpness

if TYPE_CHECKING:
    from faceindex.models import Pixels

BLURS = (0, 0.01, 0.02, 0.03, 0.04, 0.06)  # standard deviation of the blur, in widths of the face
WIDTHS = (60, 40, 30, 20)  # pixels that the face is made small to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    people = [sorted(each.iterdir()) for each in sorted(parser.parse_args().folder.iterdir()) if each.is_dir()]
    backend = backends.load("dlib", DetectionSettings(policy="hog"))
    seen: dict[str, list[tuple[float, float, float]]] = {}
    for photos in people:
        found = [face for photo in photos[:2] if (face := largest(photo, backend))]
        if len(found) < 2:
            continue
        (pixels, box), (others, other_box) = found
        other = backend.encode([others], [[other_box]])[0][0]
        sharp = backend.encode([pixels], [[box]])[0][0]
        for name, worse in versions(pixels, box):
            encoding = backend.encode([worse], [[box]])[0][0]
            moved, apart = (float(np.linalg.norm(encoding - each)) for each in (sharp, other))
            seen.setdefault(name, []).append((sharpness(worse, box), moved, apart))
    print(f"{'':>16}  sharpness 5 % / median / 95 %   moved median / 95 %   to the other   poor")
    for name, rows in seen.items():
        told, moved, apart = np.array(rows).T
        low, middle, high = np.percentile(told, [5, 50, 95])
        far, poor = np.percentile(moved, 95), (told < POOR_SHARPNESS).mean()
        print(f"{name:>16}  {low:15.3f} {middle:.3f} {high:.3f}", end="")
        print(f"  {np.median(moved):15.2f} {far:.2f}  {np.median(apart):17.2f}  {poor:8.1%}")
    print(f"{len(next(iter(seen.values())))} people; below {POOR_SHARPNESS} a face counts as poor")


def largest(photo: Path, backend: backends.Backend) -> tuple[Pixels, Box] | None:
    """A photo's pixels and the box of its largest face."""
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    boxes = [each.box for each in backend.detect([pixels])[0]]
    return (pixels, max(boxes, key=lambda box: box.width * box.height)) if boxes else None


def versions(pixels: Pixels, box: Box) -> Iterator[tuple[str, Pixels]]:
    """The photo as it is and made worse, by name."""
    image, width = Image.fromarray(pixels), box.width * pixels.shape[1]
    for blur in BLURS:
        yield f"blurred {blur:.0%}", np.asarray(image.filter(ImageFilter.GaussianBlur(blur * width)) if blur else image)
    for narrow in WIDTHS:
        small = image.resize([max(1, round(side * narrow / width)) for side in image.size], Image.Resampling.LANCZOS)
        yield f"{narrow} pixels wide", np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))


if __name__ == "__main__":
    main()
