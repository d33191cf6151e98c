"""What a cohort gains, by how many of it judge (K): python benchmarks/cohort.py FOLDER [ENCODINGS.npz]

Folder, encodings and options are those of benchmarks/quality.py. Of each variant: the detection and identification
rate at 1 % of strangers named, with 1, 3 and 5 labelled photos a person, mean of the halvings; and the best B-cubed F1
of groups whose precision is 0.99 or more.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import quality
from quality import LABELLED, PRECISION, TRIED, People

from faceindex import clustering, distance
from faceindex.distance import Cohort, drawn
from faceindex.matching import match, rules_for, variance_weights

JUDGES = (1, 3, 5, 10, 30)
SIZES = (64, 128, 256, 512)
HALVINGS = 12
PLAIN = 0.42  # about which plain thresholds are tried


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("kept", type=Path, nargs="?", metavar="ENCODINGS.npz")
    parser.add_argument("--without", default="", metavar="NAME,...", help="leave out people")
    options = parser.parse_args()
    some = quality.load(options.folder, options.kept)
    if options.without:
        some = some.without(options.without.split(","))
    weights = variance_weights([some.faces], some.faces.shape[1])
    print(f"{'':32} DIR at 1 %: {'  '.join(f'{n} labelled' for n in LABELLED)}    best F1")
    for name, judges, size, vector in variants(weights):
        distance.NEAREST = judges or distance.NEAREST
        rates = [
            np.mean([identified(some, vector, labelled, seed, size) for seed in range(HALVINGS)])
            for labelled in LABELLED
        ]
        print(f"{name:42}  {'       '.join(f'{rate:.3f}' for rate in rates)}     {grouped(some, vector, size):.4f}")


def variants(weights: np.ndarray) -> Iterator[tuple[str, int, int, np.ndarray]]:
    """Name, K, size (0: no cohort), weights."""
    kept, ones = distance.NEAREST, np.ones_like(weights)
    yield "plain, no weights", 0, 0, ones
    yield "plain", 0, 0, weights
    yield f"K {kept} of {distance.COHORT}, no weights", kept, distance.COHORT, ones
    for judges in JUDGES:
        yield f"K {judges} of {distance.COHORT}", judges, distance.COHORT, weights
    for size in SIZES:
        yield f"K {kept} of {size}", kept, size, weights


def identified(some: People, weights: np.ndarray, labelled: int, seed: int, size: int) -> float:
    gallery, probes, truth, strangers = quality.split(some.numbers, labelled, seed)
    averages = np.array([some.faces[rows].mean(0) for rows in gallery])
    taken = np.concatenate(gallery)
    owner = np.repeat(np.arange(len(gallery)), [len(rows) for rows in gallery])
    cohort = of_size(some.faces[taken], owner, taken, weights, size)
    rows, every, named = np.concatenate([probes, strangers]), np.arange(len(averages)), np.ones(len(averages), bool)
    rules = rules_for(cohort, len(averages))
    found = match(some.faces[rows], rows, averages, every, named, weights, rules, None, cohort)
    near = found.distance if cohort is None else found.normalised
    right = found.nearest[: len(probes)] == truth
    return quality.dir_at_fpir(right, near[: len(probes)], near[len(probes) :])


def of_size(faces: np.ndarray, owners: np.ndarray, photos: np.ndarray, weights: np.ndarray, size: int) -> Cohort | None:
    return drawn(faces, owners, photos, weights, np.ones(len(faces), bool), size) if size else None


def grouped(some: People, weights: np.ndarray, size: int) -> float:
    """The best F1 with PRECISION, by a cohort drawn from groups found as the code does."""
    rows = np.arange(len(some.faces))
    first, _ = clustering.group(some.faces, rows, weights)
    cohort = drawn(some.faces, first, rows, weights, None, size) if size else None
    middle = cohort.threshold(clustering.mistaken(len(rows))) if cohort else PLAIN
    scores = [
        quality.b_cubed(clustering.group(some.faces, rows, weights, middle * by, cohort, 0)[0], some.numbers)
        for by in TRIED
    ]
    return max((f1 for precision, _, f1 in scores if precision >= PRECISION), default=float("nan"))


if __name__ == "__main__":
    main()
