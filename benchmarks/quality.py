"""Measure recognition on a folder of people: python benchmarks/quality.py FOLDER [ENCODINGS.npz]

FOLDER holds Person_Name/*.jpg, as Labeled Faces in the Wild does; of each photo the face nearest the centre
counts. With a second path the encodings are kept there, and read from there the next time.

Prints each figure for the rule that this field began with (a face joins the nearest average, weighted by
standard deviations, below a fixed distance) and for ours, at the settings fixed in the code. docs/matching.md
says how each is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceindex import clustering, find_faces
from faceindex.db import open_index, transaction
from faceindex.distance import distances, drawn
from faceindex.matching import match, rules_for, variance_weights
from faceindex.models import Box, Examination, Face, Photo
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.recognising import recognise
from faceindex.pipeline.stop import Stop
from faceindex.store import journal, people, photos, runs

LABELLED = (1, 3, 5)  # labelled photos a person
FPIR = 0.01  # part of strangers that are named where DIR is measured
PRECISION = 0.99  # B-cubed, at the best threshold
NAMED = 0.8  # part of the faces that are to be named by hand
ADDED = 100  # photos that come to a library
ONLINE = (0.32, 0.34, 0.36, 0.38, 0.40, 0.42, 0.44, 0.46, 0.50, 0.55, 0.60)  # thresholds tried for the original rule
TRIED = np.linspace(0.85, 1.15, 13)  # times the threshold of the code, for ours


# people


@dataclass(frozen=True)
class People:
    """Faces (N, D), whose they are (N,), and the names."""

    faces: np.ndarray
    numbers: np.ndarray
    names: list[str]

    def only(self, kept: np.ndarray) -> People:
        """These rows, the people counted afresh."""
        found, numbers = np.unique(self.numbers[kept], return_inverse=True)
        return People(self.faces[kept], numbers.reshape(-1), [self.names[number] for number in found])

    def without(self, names: list[str]) -> People:
        unknown = set(names) - set(self.names)
        if unknown:
            raise SystemExit(f"nobody is called {', '.join(sorted(unknown))}")
        return self.only(~np.isin(self.numbers, [self.names.index(name) for name in names]))

    def some(self, count: int, seed: int) -> People:
        chosen = np.random.default_rng(seed).permutation(len(self.names))[:count]
        return self.only(np.isin(self.numbers, chosen))


def load(folder: Path, kept: Path | None) -> People:
    if kept and kept.exists():
        with np.load(kept) as arrays:
            names = arrays["names"].tolist() if "names" in arrays else sorted({p.parent.name for p in jpegs(folder)})
            return People(arrays["faces"], arrays["people"], names)
    found = encode(folder)
    if kept:
        np.savez(kept, faces=found.faces, people=found.numbers, names=np.array(found.names))
    return found


def jpegs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.jpg"))


def encode(folder: Path) -> People:
    seen = [(found, path.parent.name) for path in jpegs(folder) if (found := find_faces(path))]
    names, numbers = np.unique([name for _, name in seen], return_inverse=True)
    faces = np.array([min(found, key=off_centre).encoding for found, _ in seen], np.float32)
    return People(faces, numbers.reshape(-1), names.tolist())


def off_centre(face: Face) -> float:
    return abs(face.box.left + face.box.right - 1) + abs(face.box.top + face.box.bottom - 1)


# clustering


def b_cubed(groups: np.ndarray, persons: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall, F1 (Bagga and Baldwin 1998; Amigó et al. 2009)."""
    group, person, together = shared(groups, persons)
    precision = (together**2 / np.bincount(groups)[group]).sum() / len(groups)
    recall = (together**2 / np.bincount(persons)[person]).sum() / len(groups)
    return precision, recall, 2 * precision * recall / (precision + recall)


def shared(groups: np.ndarray, persons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each pair of a group and a person that have faces in common, and how many."""
    pairs, together = np.unique(groups * (persons.max() + 1) + persons, return_counts=True)
    return *np.divmod(pairs, persons.max() + 1), together


def online(faces: np.ndarray, weights: np.ndarray, threshold: float) -> np.ndarray:
    """The original rule: each face in turn joins the nearest average, if that is near enough, or founds one."""
    scaled = (faces * np.sqrt(weights)).astype(np.float32)
    means, squares, sizes = np.empty_like(scaled), np.empty(len(faces), np.float32), np.zeros(len(faces), int)
    groups, count = np.empty(len(faces), int), 0
    for row in np.random.default_rng(0).permutation(len(faces)):
        face = scaled[row]
        away = squares[:count] - 2 * (means[:count] @ face)
        best = int(away.argmin()) if count else -1
        if not count or away[best] + face @ face >= threshold**2:
            best, count = count, count + 1
            means[best] = 0
        groups[row] = best
        sizes[best] += 1
        means[best] += (face - means[best]) / sizes[best]
        squares[best] = means[best] @ means[best]
    return groups


def actions(groups: np.ndarray, persons: np.ndarray) -> int:
    """What a user does until NAMED of the faces of people with two photos or more bear their name.

    Clusters are taken up largest first. To name one, to add it to a name (merge) or to pass it over is one action;
    to remove a wrong face is one action. A cluster is named for most of its faces.
    """
    group, person, together = shared(groups, persons)
    order = np.lexsort((person, -together, group))
    first = order[np.unique(group[order], return_index=True)[1]]  # the person with most faces of each group
    sizes = np.bincount(groups)
    wanted = np.bincount(persons)[person[first]] >= 2
    by_size = np.argsort(-sizes, kind="stable")
    cost = np.cumsum(1 + (sizes - together[first])[by_size])
    named = np.cumsum((together[first] * wanted)[by_size])
    goal = NAMED * (np.bincount(persons)[persons] >= 2).sum()
    return int(cost[min(np.searchsorted(named, goal), len(cost) - 1)])


def clustering_figures(some: People, weights: np.ndarray) -> tuple[float, float]:
    """Prints them; returns the thresholds of the original rule with the best F1 at all and with PRECISION."""
    rows = np.arange(len(some.faces))
    start = time.perf_counter()
    groups, cohort = clustering.group(some.faces, rows, weights)
    seconds = time.perf_counter() - start
    tried = {threshold: online(some.faces, weights, threshold) for threshold in ONLINE}
    scores = {threshold: b_cubed(found, some.numbers) for threshold, found in tried.items()}
    loose, strict = best(scores, 0), best(scores, PRECISION)
    print("\nclustering, B-cubed        threshold  precision  recall     F1   clusters   actions to name 80 %")
    line("original, best F1", loose, tried[loose], some)
    line(f"original, precision {PRECISION}", strict, tried[strict], some)
    fixed = cohort.threshold(clustering.mistaken(len(some.faces))) if cohort else clustering.GROUP_THRESHOLD
    line("ours, as in the code", fixed, groups, some)
    again = {fixed * by: clustering.group(some.faces, rows, weights, fixed * by, cohort)[0] for by in TRIED}
    ideal = best({threshold: b_cubed(found, some.numbers) for threshold, found in again.items()}, PRECISION)
    line(f"ours, precision {PRECISION}", ideal, again[ideal], some)
    alone = np.arange(len(some.faces))
    print(f"without any: {actions(np.random.default_rng(0).permutation(alone), some.numbers):,} actions;", end=" ")
    print(f"with perfect clusters: {actions(some.numbers, some.numbers):,}; ours took {seconds:.2f} s")
    return loose, strict


def best(scores: dict[float, tuple[float, float, float]], precision: float) -> float:
    """The threshold with the best F1 of those with so much precision, or with the most precision."""
    good = [threshold for threshold, score in scores.items() if score[0] >= precision]
    return max(good or scores, key=lambda threshold: scores[threshold][2 if good else 0])


def line(what: str, threshold: float, groups: np.ndarray, some: People) -> None:
    precision, recall, f1 = b_cubed(groups, some.numbers)
    print(f"{what:26} {threshold:9.3f}  {precision:9.4f}  {recall:6.3f}  {f1:.4f}  {groups.max() + 1:8,}", end="   ")
    print(f"{actions(groups, some.numbers):8,}")


# identification


def split(persons: np.ndarray, labelled: int, seed: int):
    """Half of the people have a name. Rows of their labelled photos; the others and whose; rows of strangers."""
    rng = np.random.default_rng(seed)
    everyone = rng.permutation(persons.max() + 1)
    order = np.lexsort((rng.random(len(persons)), persons))
    starts = np.searchsorted(persons[order], np.arange(persons.max() + 2))
    gallery, probes, truth = [], [], []
    for number, person in enumerate(everyone[: len(everyone) // 2]):
        rows = order[starts[person] : starts[person + 1]]
        gallery.append(rows[: min(labelled, max(1, len(rows) - 1))])
        if len(rows) > labelled:
            probes.append(rows[labelled:])
            truth += [number] * (len(rows) - labelled)
    strangers = np.flatnonzero(np.isin(persons, everyone[len(everyone) // 2 :]))
    return gallery, np.concatenate(probes), np.array(truth), strangers


def dir_at_fpir(right: np.ndarray, known: np.ndarray, strangers: np.ndarray) -> float:
    """Detection and identification rate at the threshold that names FPIR of the strangers."""
    return float((right & (known < np.quantile(strangers, FPIR))).mean())


def originally(some: People, weights: np.ndarray, threshold: float, labelled: int, seed: int) -> list[float]:
    """DIR at FPIR; at the threshold strangers named, known named rightly, known named wrongly."""
    gallery, probes, truth, strangers = split(some.numbers, labelled, seed)
    averages = np.array([some.faces[rows].mean(0) for rows in gallery])
    away = distances(some.faces[np.concatenate([probes, strangers])], averages, weights)
    near, who = away.min(1), away.argmin(1)[: len(probes)]
    known, unknown = near[: len(probes)], near[len(probes) :]
    right, named = who == truth, known < threshold
    rates = [(unknown < threshold).mean(), (right & named).mean(), (~right & named).mean()]
    return [dir_at_fpir(right, known, unknown), *rates]


def by_ours(some: People, weights: np.ndarray, labelled: int, seed: int) -> list[float]:
    """The same by our rules, with the cohort that a library of the named people has."""
    gallery, probes, truth, strangers = split(some.numbers, labelled, seed)
    averages = np.array([some.faces[rows].mean(0) for rows in gallery])
    taken = np.concatenate(gallery)
    owner = np.repeat(np.arange(len(gallery)), [len(rows) for rows in gallery])
    cohort = drawn(some.faces[taken], owner, taken, weights, np.ones(len(taken), bool))
    every, rows = np.arange(len(averages)), np.concatenate([probes, strangers])
    named = np.ones(len(averages), bool)
    rules = rules_for(cohort, len(averages))
    found = match(some.faces[rows], rows, averages, every, named, weights, rules, None, cohort)
    near = found.distance if cohort is None else found.normalised
    known, unknown = found.cluster[: len(probes)], found.cluster[len(probes) :]
    right = found.nearest[: len(probes)] == truth
    rates = [(unknown >= 0).mean(), (known == truth).mean(), ((known >= 0) & (known != truth)).mean()]
    return [dir_at_fpir(right, near[: len(probes)], near[len(probes) :]), *rates]


def identification_figures(some: People, weights: np.ndarray, loose: float) -> None:
    splits = int(np.clip(40_000 // len(some.faces), 4, 40))
    print(f"\nidentification, half of the people named, mean of {splits} halvings ± standard error")
    print(f"{'':38} DIR at FPIR {FPIR:.0%}    by default: strangers named / 1,000   known, rightly  wrongly / 1,000")
    for labelled in LABELLED:
        plain = [originally(some, weights, loose, labelled, seed) for seed in range(splits)]
        ours = [by_ours(some, weights, labelled, seed) for seed in range(splits)]
        for what, rates in ((f"original, threshold {loose:.2f}", plain), ("ours", ours)):
            mean, error = np.mean(rates, 0), np.std(rates, 0) / splits**0.5
            print(f"{what:26} {labelled} labelled  {mean[0]:.3f} ± {error[0]:.3f}", end="")
            print(f"{1000 * mean[1]:18.2f} ± {1000 * error[1]:.2f}{mean[2]:24.3f}{1000 * mean[3]:15.2f}")


# photos that are added


def churn_figures(some: People) -> None:
    """Faces that move and names that are lost when ADDED photos come to all others, as two scans would do it."""
    order = np.random.default_rng(0).permutation(len(some.faces))
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_index(Path(folder) / "faces.db")) as db:
        scanned(db, some.faces, order[ADDED:])
        biggest = db.execute("SELECT cluster_id FROM average ORDER BY faces DESC, cluster_id LIMIT 100").fetchall()
        for (cluster,) in biggest:
            with journal.entry(db, "cluster label", "named") as entry:
                people.label(db, entry, cluster, f"person {cluster}")
        before = told(db)
        scanned(db, some.faces, order[:ADDED])
        after = told(db)
    moved = sum(after[face][0] != cluster for face, (cluster, _) in before.items())
    lost = sum(name is not None and after[face][1] != name for face, (_, name) in before.items())
    print(f"\n{ADDED} photos added to {len(before):,}, 100 clusters named: {moved} faces move, {lost} lose their name;")
    print(f"grouped afresh instead, {moved_afresh(some, order):,} would move")


def scanned(db, faces: np.ndarray, rows: np.ndarray) -> None:
    """Have the index hear of these photos, one face on each, and recognise them."""
    with transaction(db):
        run = runs.begin(db, {})
        for row in rows.tolist():
            found = Face(Box(0.3, 0.3, 0.6, 0.6), 1.0, "hog", faces[row])
            digest = hashlib.sha256(str(row).encode()).digest()
            picture = Photo(digest, 1000 + row, "JPEG", 1000, 1000)
            photos.add(db, run, "dlib", "{}", Examination(0, digest, picture, (found,)))
    recognise(db, run, ScanOptions(), Stop(), lambda count: None)


def told(db) -> dict[int, tuple[int, str | None]]:
    """Each face with its cluster and its name."""
    rows = db.execute(
        """SELECT face_id, face.cluster_id, name FROM face JOIN cluster USING (cluster_id)
           LEFT JOIN person USING (person_id)"""
    )
    return {face: (cluster, name) for face, cluster, name in rows}


def moved_afresh(some: People, order: np.ndarray) -> int:
    """Faces outside the group that took most of their former one, were all grouped from the beginning."""
    weights = variance_weights([some.faces], some.faces.shape[1])
    everybody, _ = clustering.group(some.faces[order], np.arange(len(order)), weights)
    former, _ = clustering.group(some.faces[order[ADDED:]], np.arange(len(order) - ADDED), weights)
    group, _, together = shared(former, everybody[ADDED:])
    most = np.zeros(former.max() + 1, int)
    np.maximum.at(most, group, together)
    return len(former) - int(most.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("kept", type=Path, nargs="?", metavar="ENCODINGS.npz")
    parser.add_argument("--people", type=int, metavar="N", help="only so many, chosen by chance")
    parser.add_argument("--seed", type=int, default=0, help="of that chance")
    parser.add_argument(
        "--without", default="", metavar="NAME,...", help="leave out people whose photos are mislabelled"
    )
    options = parser.parse_args()
    some = load(options.folder, options.kept)
    if options.without:
        some = some.without(options.without.split(","))
    if options.people:
        some = some.some(options.people, options.seed)
    print(f"{len(some.faces):,} faces of {len(some.names):,} people, "
          f"{(np.bincount(some.numbers) > 1).sum():,} of them with two or more")  # fmt: skip
    weights = variance_weights([some.faces], some.faces.shape[1])
    loose, _ = clustering_figures(some, weights)
    identification_figures(some, weights, loose)
    churn_figures(some)


if __name__ == "__main__":
    main()
