"""Measure recognition on labelled photos: python benchmarks/quality.py FOLDER [ENCODINGS.npz]

FOLDER holds Person_Name/*.jpg, as Labeled Faces in the Wild does; of each photo the face nearest the
centre counts. With a second path the encodings are kept there, and read from there the next time.
Prints the tables of docs/matching.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from faceindex import clustering, find_faces, matching
from faceindex.matching import distances, match, variance_weights

SPLITS = 40  # random divisions into people with a name and strangers
LABELLED = (1, 3, 5)  # labelled photos a person
ONES = np.ones(128, np.float32)


# encodings


def off_centre(face):
    box = face.box
    return abs(box.left + box.right - 1) + abs(box.top + box.bottom - 1)


def encode(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Encodings (N, D) and person numbers (N,) of every photo in which a face is found."""
    paths = sorted(folder.glob("*/*.jpg"))
    found = find_faces(paths)
    seen = [
        (min(faces, key=off_centre).encoding, path.parent.name)
        for path, faces in zip(paths, found, strict=True)
        if faces
    ]
    print(f"{len(paths):,} photos, a face found in {len(seen):,}")
    _, people = np.unique([name for _, name in seen], return_inverse=True)
    return np.array([encoding for encoding, _ in seen]), people


def load(folder: Path, kept: Path | None) -> tuple[np.ndarray, np.ndarray]:
    if kept and kept.exists():
        with np.load(kept) as arrays:
            return arrays["faces"], arrays["people"]
    faces, people = encode(folder)
    if kept:
        np.savez(kept, faces=faces, people=people)
    return faces, people


# weights


def weightings(faces: np.ndarray) -> dict[str, np.ndarray]:
    deviation = faces.std(0, dtype=np.float64)
    powers = {"none": 0, "variance": 2, "deviation": 1, "1 / variance": -2, "1 / deviation": -1}
    raised = {name: deviation**power for name, power in powers.items()}
    return {name: (weights / weights.mean()).astype(np.float32) for name, weights in raised.items()}


def weights_table(faces: np.ndarray, people: np.ndarray) -> None:
    print("\nTAR at FAR 1e-3 and 1e-4; DIR at FPIR 1 % with 1, 3, 5 labelled photos")
    print("(± standard error of its difference to no weights)")
    same, upper = people[:, None] == people, np.triu(np.ones((len(faces),) * 2, bool), 1)
    none = {count: identified(faces, people, ONES, count) for count in LABELLED}
    for name, weights in weightings(faces).items():
        away = distances(faces, faces, weights)
        impostors, genuine = np.sort(away[upper & ~same]), away[upper & same]
        tar = [(genuine < impostors[int(far * len(impostors))]).mean() for far in (1e-3, 1e-4)]
        dir_ = {count: identified(faces, people, weights, count) for count in LABELLED}
        error = {count: (dir_[count] - none[count]).std() / SPLITS**0.5 for count in LABELLED}
        cells = "  ".join(f"{dir_[count].mean():.3f} ± {error[count]:.3f}" for count in LABELLED)
        print(f"{name:15} {tar[0]:.3f}  {tar[1]:.3f}    {cells}")


def split(people: np.ndarray, labelled: int, seed: int):
    """Rows of each named person's labelled photos, rows of their other photos with the person, rows of strangers."""
    rng = np.random.default_rng(seed)
    everyone = rng.permutation(people.max() + 1)
    gallery, probes, truth = [], [], []
    for number, person in enumerate(everyone[: len(everyone) // 2]):
        rows = rng.permutation(np.flatnonzero(people == person))
        gallery.append(rows[: min(labelled, max(1, len(rows) - 1))])
        if len(rows) > labelled:
            probes += rows[labelled:].tolist()
            truth += [number] * (len(rows) - labelled)
    strangers = np.flatnonzero(np.isin(people, everyone[len(everyone) // 2 :]))
    return gallery, np.array(probes), np.array(truth), strangers


def identified(faces: np.ndarray, people: np.ndarray, weights: np.ndarray, labelled: int) -> np.ndarray:
    """DIR at FPIR 1 % of each split."""
    rates = []
    for seed in range(SPLITS):
        gallery, probes, truth, strangers = split(people, labelled, seed)
        averages = np.array([faces[rows].mean(0) for rows in gallery])
        threshold = np.quantile(distances(faces[strangers], averages, weights).min(1), 0.01)
        away = distances(faces[probes], averages, weights)
        rates.append(((away.argmin(1) == truth) & (away.min(1) < threshold)).mean())
    return np.array(rates)


# threshold and margin


def thresholds_table(faces: np.ndarray, people: np.ndarray) -> None:
    print("\nstrangers named, %; known named rightly (DIR), %; known named wrongly, %")
    print("each with 1, 3, 5 labelled photos")
    weights = variance_weights([faces], faces.shape[1])
    for threshold in (0.36, 0.38, 0.40, 0.42, 0.44, 0.46, 0.50, 0.60):
        for margin in (0.0, 0.04, 0.06, 0.10):
            rates = [rates_at(faces, people, weights, count, threshold, margin) for count in LABELLED]
            cells = "     ".join(" ".join(f"{100 * rate:6.2f}" for rate in row) for row in np.array(rates).T)
            chosen = (threshold, margin) == (matching.MATCH_THRESHOLD, matching.MARGIN)
            print(f"threshold {threshold:.2f}  margin {margin:.2f}  {cells}{'   <- default' * chosen}")


def rates_at(faces, people, weights, labelled: int, threshold: float, margin: float) -> np.ndarray:
    """Mean over the splits: strangers named, known faces named rightly, known faces named wrongly."""
    rates = []
    for seed in range(SPLITS):
        gallery, probes, truth, strangers = split(people, labelled, seed)
        averages = np.array([faces[rows].mean(0) for rows in gallery])
        rows = np.concatenate([probes, strangers])
        every, named = np.arange(len(averages)), np.ones(len(averages), bool)
        found = match(faces[rows], np.arange(len(rows)), averages, every, named, weights, threshold, margin).cluster
        known, unknown = found[: len(probes)], found[len(probes) :]
        rates.append([(unknown >= 0).mean(), (known == truth).mean(), ((known >= 0) & (known != truth)).mean()])
    return np.mean(rates, 0)


# clustering


def b_cubed(groups: np.ndarray, people: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall, F1 (Bagga and Baldwin 1998; Amigó et al. 2009)."""
    table = np.zeros((groups.max() + 1, people.max() + 1))
    np.add.at(table, (groups, people), 1)
    group, person = table.sum(1, keepdims=True), table.sum(0, keepdims=True)
    precision = (table**2 / np.maximum(group, 1)).sum() / len(groups)
    recall = (table**2 / np.maximum(person, 1)).sum() / len(groups)
    return precision, recall, 2 * precision * recall / (precision + recall)


def ours(faces, away, threshold):
    return clustering.group(faces, np.arange(len(faces)), ONES, threshold)


def connected_components(faces, away, threshold):
    groups = np.arange(len(away))
    while True:
        lowest = np.where(away < threshold, groups, len(away)).min(1)
        if (lowest == groups).all():
            return groups
        groups = np.minimum(lowest, groups)


def chinese_whispers(faces, away, threshold):
    rng, groups = np.random.default_rng(0), np.arange(len(away))
    near = [np.flatnonzero(row < threshold) for row in away]
    for _ in range(30):
        for face in rng.permutation(len(away)):
            others = near[face][near[face] != face]
            if len(others):
                groups[face] = np.bincount(groups[others]).argmax()
    return groups


def linkage(combine):
    """Agglomerative clustering; combine(row, row, size, size) gives the merged group's distances."""

    def cluster(faces, away, threshold):
        away, groups, sizes = away.astype(float), np.arange(len(away)), np.ones(len(away))
        np.fill_diagonal(away, np.inf)
        while True:
            one, other = np.divmod(away.argmin(), len(away))
            if away[one, other] >= threshold:
                return groups
            row = combine(away[one], away[other], sizes[one], sizes[other])
            row[one] = np.inf
            away[one] = away[:, one] = row
            away[other] = away[:, other] = np.inf
            sizes[one] += sizes[other]
            groups[groups == other] = one

    return cluster


METHODS = {
    "closest pairs, groups near as a whole (ours)": ours,
    "Chinese whispers": chinese_whispers,
    "connected components": connected_components,
    "average linkage": linkage(lambda a, b, n, m: (n * a + m * b) / (n + m)),
    "complete linkage": linkage(lambda a, b, n, m: np.maximum(a, b)),
}
TRIED = np.arange(0.36, 0.53, 0.01)


def methods_table(faces: np.ndarray, people: np.ndarray) -> None:
    print("\nB-cubed on half of the people, at the threshold with the best F1 where precision >= 0.99")
    print("on the other half; mean of 8 halvings")
    faces = faces * np.sqrt(variance_weights([faces], faces.shape[1]))
    for name, method in METHODS.items():
        scores = np.mean([halved(faces, people, method, seed) for seed in range(8)], 0)
        print("{:45} threshold {:.3f}  precision {:.3f}  recall {:.3f}  F1 {:.3f}".format(name, *scores))


def halved(faces, people, method, seed: int) -> list[float]:
    everyone = np.random.default_rng(seed).permutation(people.max() + 1)
    first = np.isin(people, everyone[::2])
    tried = [(scored(faces[first], people[first], method, threshold), threshold) for threshold in TRIED]
    best = max((score[2], threshold) for score, threshold in tried if score[0] >= 0.99)[1]
    return [best, *scored(faces[~first], people[~first], method, best)]


def scored(faces, people, method, threshold: float) -> tuple[float, float, float]:
    return b_cubed(method(faces, distances(faces, faces, ONES), threshold), people)


def groups_table(faces: np.ndarray, people: np.ndarray) -> None:
    print("\ngroup() on everybody")
    weights = variance_weights([faces], faces.shape[1])
    for threshold in (0.38, 0.40, 0.42, 0.44, 0.46, 0.50):
        groups = clustering.group(faces, np.arange(len(faces)), weights, threshold)
        scores = "precision {:.3f}  recall {:.3f}  F1 {:.3f}".format(*b_cubed(groups, people))
        default = "   <- default" * (threshold == clustering.GROUP_THRESHOLD)
        print(f"threshold {threshold:.2f}  {scores}  {groups.max() + 1} groups{default}")


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    faces, people = load(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
    for table in (weights_table, thresholds_table, methods_table, groups_table):
        table(faces, people)


if __name__ == "__main__":
    main()
