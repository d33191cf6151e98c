"""Time `match` against a plain loop over faces, side by side: python benchmarks/matching.py [FACES] [AVERAGES]

The loop does only the nearest average of each face, as one would write it with face_distance, without
margin, photos or rejected pairs; it runs on a sample and its time is multiplied up.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from faceindex.matching import match

SAMPLE = 300  # faces the plain loop is timed on
PEAK = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss units in a MB


def library(faces: int, averages: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encodings of people scattered like dlib's, two to a photo; half of the faces belong to nobody known."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((averages, 128), np.float32) * np.float32(0.052)
    encodings = rng.standard_normal((faces, 128), np.float32) * np.float32(0.027)
    known = faces // 2
    encodings[:known] += centres[rng.integers(averages, size=known)]
    encodings[known:] += rng.standard_normal((faces - known, 128), np.float32) * np.float32(0.052)
    return encodings, rng.integers(known, size=faces), centres


def plain_loop(faces: np.ndarray, averages: np.ndarray) -> list[int]:
    nearest = []
    for face in faces:
        away = np.linalg.norm(averages - face, axis=1)
        nearest.append(int(away.argmin()) if away.min() < 0.40 else -1)
    return nearest


def peak() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK


def main() -> None:
    n, c = (int(text) for text in (*sys.argv[1:], *("100000", "10000")[len(sys.argv) - 1 :]))
    faces, photos, averages = library(n, c)
    before, start = peak(), time.perf_counter()
    found = match(faces, photos, averages, np.arange(c), np.arange(c) % 2 == 0, np.ones(128, np.float32))
    ours, after = time.perf_counter() - start, peak()
    start = time.perf_counter()
    plain_loop(faces[:SAMPLE], averages)
    loop = (time.perf_counter() - start) * n / SAMPLE
    print(f"{n:,} faces, {c:,} averages: {(found.cluster >= 0).sum():,} joined")
    print(f"match                 {ours:8.1f} s   peak {after:,.0f} MB ({before:,.0f} MB before)")
    print(f"plain loop            {loop:8.1f} s   extrapolated from {SAMPLE} faces")
    print(f"match is {loop / ours:.1f} times as fast; all distances at once would take {4e-6 * n * c:,.0f} MB")


if __name__ == "__main__":
    main()
