"""Unknown faces put together afresh, by today's weights and cohort, where no human has said anything of them.

A scan never moves what has its place. A library whose first clusters were made before it had a cohort may
have its unknown faces grouped anew, if its user says so.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex import clustering
from faceindex.db import transaction
from faceindex.distance import distances
from faceindex.pipeline.options import ScanOptions
from faceindex.store import averages, encodings, journal, listings, questions
from faceindex.store.encodings import Match
from faceindex.store.questions import InForce
from faceindex.store.untouched import Untouched, untouched

ALONE = -1


@dataclass(frozen=True, slots=True)
class Move:
    """A face that would be somewhere else."""

    face: int
    cluster: int  # where it is
    group: int | None  # faces with the same number come together; None: poor, and the next scan places it
    to: int | None  # None: a new cluster, or none


@dataclass(frozen=True, slots=True)
class Reclustered:
    """What would change."""

    faces: int
    clusters: int
    groups: int
    moves: list[Move]


def preview(db: sqlite3.Connection, options: ScanOptions) -> Reclustered:
    """What would change, changing nothing."""
    with questions.at_one_moment(db):
        force = questions.in_force(db, options.backend, options.distance)
        return _grouped(untouched(db, options.backend), force, options) if force else Reclustered(0, 0, 0, [])


def apply(db: sqlite3.Connection, options: ScanOptions) -> Reclustered:
    """Put them together so, as one entry."""
    with transaction(db):
        force = questions.in_force(db, options.backend, options.distance)
        if force is None:
            return Reclustered(0, 0, 0, [])
        faces = untouched(db, options.backend)
        found = _grouped(faces, force, options)
        with journal.entry(db, "cluster recluster", f"unknown faces grouped anew: {len(found.moves)} moved"):
            _put(db, options, faces, force, found.moves)
        return found


def _grouped(faces: Untouched, force: InForce, options: ScanOptions) -> Reclustered:
    groups = _groups(faces, force, options)
    home = _homes(faces.clusters, groups)
    moves = [
        Move(int(faces.face_ids[row]), int(faces.clusters[row]), *_there(int(groups[row]), home))
        for row in range(len(groups))
        if home.get(int(groups[row])) != faces.clusters[row]
    ]
    return Reclustered(len(groups), len(set(faces.clusters.tolist())), len(set(groups.tolist()) - {ALONE}), moves)


def _there(group: int, home: dict[int, int]) -> tuple[int | None, int | None]:
    return (None, None) if group == ALONE else (group, home.get(group))


def _groups(faces: Untouched, force: InForce, options: ScanOptions) -> NDArray[np.int64]:
    """Group numbers (N,) of all faces. Those that move no average follow the others of their cluster."""
    groups = np.full(len(faces.face_ids), ALONE)
    counts = faces.counts
    if not counts.any():
        return groups
    plain = options.distance == "plain"
    groups[counts], _ = clustering.group(
        faces.vectors[counts], faces.photo_ids[counts], force.weights.vector,
        options.threshold, force.measure.cohort, 0 if plain else clustering.BOOTSTRAPS,
    )  # fmt: skip
    followed: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for cluster, group in zip(faces.clusters[counts].tolist(), groups[counts].tolist(), strict=True):
        followed[cluster][group] += 1
    taken = {(int(groups[row]), int(faces.photo_ids[row])) for row in np.flatnonzero(counts)}
    for row in np.flatnonzero(~counts).tolist():
        for group, _ in sorted(followed[int(faces.clusters[row])].items(), key=lambda item: (-item[1], item[0])):
            if (group, int(faces.photo_ids[row])) not in taken:
                taken.add((group, int(faces.photo_ids[row])))
                groups[row] = group
                break
    return groups


def _homes(clusters: NDArray[np.int64], groups: NDArray[np.int64]) -> dict[int, int]:
    """The cluster that each group keeps: that of most of its faces, if no other group has more of them."""
    together = Counter(zip(groups.tolist(), clusters.tolist(), strict=True))
    home: dict[int, int] = {}
    kept: set[int] = set()
    for (group, cluster), _ in sorted(together.items(), key=lambda item: (-item[1], item[0])):
        if group not in home and group != ALONE and cluster not in kept:
            home[group] = cluster
            kept.add(cluster)
    return home


def _put(db: sqlite3.Connection, options: ScanOptions, faces: Untouched, force: InForce, moves: list[Move]) -> None:
    run = listings.last_run(db)
    assert run is not None  # weights are of a run
    row_of = {face: row for row, face in enumerate(faces.face_ids.tolist())}
    target: dict[int, int] = {}
    for move in moves:
        if move.group is not None and move.group not in target:
            target[move.group] = move.to or encodings.new_cluster(db, run["run_id"], options.backend)
    going = {move.face: target[move.group] for move in moves if move.group is not None}
    averages.assign(db, {move.face: going.get(move.face) for move in moves})
    matches = []
    for cluster in sorted(set(going.values())):
        members = [face for face, there in going.items() if there == cluster]
        away = distances(
            faces.vectors[[row_of[face] for face in members]], encodings.means(db, [cluster]), force.weights.vector
        )[:, 0]
        matches += [
            Match(face, cluster, float(far), None, None, founded=True)
            for face, far in zip(members, away.tolist(), strict=True)
        ]
    cohort = force.measure.cohort
    near = cohort.threshold(clustering.mistaken(len(row_of))) if cohort else clustering.GROUP_THRESHOLD
    limit = near if options.threshold is None else options.threshold
    encodings.save_matches(db, run["run_id"], force.weights, limit, force.cohort_id, matches)
