"""Decode JPEGs by simplejpeg and by Pillow alone, side by side: python benchmarks/decode.py [ROUNDS]

Each way decodes in processes of its own, as in a worker: in one process the two spoil each other's reuse
of memory. Times are the best of ROUNDS (3) such processes in turns, each the best of five decodings; peaks
are what a process holds at most above what it held before. Both ways end in the same upright array, or in
the same cut-outs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from library import twelve_megapixels
from PIL import Image

from faceindex.image import Picture, jpeg, open_picture
from faceindex.models import Box, ReadLimits

LIMITS = ReadLimits(max_decoded=120_000_000)
HUNDRED = (12000, 8400)
FACES = [Box(0.2, 0.3, 0.25, 0.36), Box(0.6, 0.3, 0.65, 0.36)]
LOOKS: dict[str, Callable[[Picture], object]] = {
    "whole": lambda picture: picture.pixels(),
    "half": lambda picture: picture.pixels(
        picture.width // 2 if picture.width > picture.height else picture.height // 2
    ),
    "quarter": lambda picture: picture.pixels(max(picture.width, picture.height) // 4),
    "for 1600 px": lambda picture: picture.pixels(1600),
    "two faces cut out": lambda picture: picture.crops(FACES, 0.4),
}
CASES = {  # photo: what is asked of it
    "12 MP": ("whole", "half", "quarter", "two faces cut out"),
    "12 MP progressive": ("whole", "half"),
    "12 MP lying on its side": ("whole", "half", "two faces cut out"),
    "100 MP": ("for 1600 px", "two faces cut out"),
    "100 MP progressive": ("for 1600 px",),
}
WAYS: dict[str, Callable[..., object]] = {"Pillow": lambda *_: None, "simplejpeg": jpeg.decode}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{'':44}{'time, ms':>22}{'peak, MB':>24}")
    print(f"{'':44}" + "".join(f"{way:>12}" for way in (*WAYS, *WAYS)))
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in photos(Path(scratch)):
            for look in CASES[name]:
                measured = [[run(path, look, way) for way in WAYS] for _ in range(rounds)]
                best = [min(column) for column in zip(*measured, strict=True)]
                figures = [time for time, _ in best] + [peak for _, peak in best]
                print(f"{name + ', ' + look:44}" + "".join(f"{figure:12.0f}" for figure in figures))


def photos(folder: Path) -> Iterator[tuple[str, Path]]:
    original = Image.open(twelve_megapixels(folder, 1)[0])
    exif = Image.Exif()
    exif[274] = 6
    for megapixels, image in (("12 MP", original), ("100 MP", original.resize(HUNDRED))):
        for kind, options in (
            ("", {}),
            (" progressive", {"progressive": True}),
            (" lying on its side", {"exif": exif}),
        ):
            if megapixels + kind in CASES:
                path = folder / f"{megapixels}{kind}.jpg"
                image.save(path, quality=90, **options)
                yield megapixels + kind, path


def run(path: Path, look: str, way: str) -> tuple[float, float]:
    """What `decode` prints in a process of its own: milliseconds, megabytes."""
    command = [sys.executable, __file__, str(path), look, way]
    time, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(time), float(peak)


def decode(path: str, look: str, way: str) -> None:
    data = Path(path).read_bytes()
    jpeg.decode = WAYS[way]
    before, times = high_water(), []
    for _ in range(5):
        start = perf_counter()
        LOOKS[look](open_picture(data, LIMITS))
        times.append(1000 * (perf_counter() - start))
    print(min(times), high_water() - before)


def high_water() -> float:
    """Peak resident memory in MB; ru_maxrss would also count what the parent had when it forked."""
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 1000


if __name__ == "__main__":
    decode(*sys.argv[1:]) if len(sys.argv) == 4 else main()
