"""Unknown faces to groups, each taken for one person: numpy in, numpy out.

Pairs of faces nearer than the threshold are taken closest first; two groups become one if they have
no photo in common and are near as a whole (root mean square distance between their faces). Errs
towards too many groups: merging two takes a user one action, cleaning a mixed one many.

Distances are normalised by a cohort. A library that has no clusters yet, and so no cohort, gets one from
a first, cautious grouping by plain distances, and a better one from the groups that come of that.
Figures and the methods it was compared with: docs/matching.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceindex.distance import blocks, canonical, drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from faceindex.distance import Cohort

    Array = NDArray[np.float32]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

GROUP_THRESHOLD = 0.42  # plain: no two groups meet over a pair of faces farther apart than this
SAMPLE = 10_000  # faces that such a cohort is drawn from
BOOTSTRAPS = 2  # times that a library without clusters draws a cohort from its own groups
MISTAKEN = 2e-5  # normalised: part of pairs of different people that are nearer than the threshold …
FEW, SLOWLY = 1_000, 0.3  # … among so few faces; of n times as many this part over n to this power (docs/matching.md)
LOOSENESS = 1.2  # times the threshold: how far apart, as a whole, two groups may be that become one
NEIGHBOURS = 256  # pairs kept for each face: bounds memory where thousands of faces are one person's
CHUNK = 2**15  # pairs looked at between two updates of which are settled


def group(
    faces: Array,
    photos: Integers,
    weights: Array,
    threshold: float | None = None,
    cohort: Cohort | None = None,
    most_cohorts: int = BOOTSTRAPS,
) -> tuple[Integers, Cohort | None]:
    """Group numbers (N,) from 0, by first member, of faces (N, D) on photos (N,), and the cohort that judged.

    threshold is normalised where there is a cohort, else plain; None takes what fits. Without a cohort, one is
    drawn from the groups found so far, most_cohorts times, as long as there are enough of them. No group ever holds two
    faces of one photo. The same faces in another order give the same groups under other numbers.
    """
    order = canonical(faces, photos)
    ordered, on = faces[order], photos[order]
    if cohort is None and most_cohorts:
        cohort = _bootstrapped(ordered, on, weights, most_cohorts)
    if cohort is None and threshold is None:
        threshold = GROUP_THRESHOLD
    groups = np.empty(len(faces), np.int64)
    groups[order] = _grouped(ordered, on, weights, threshold, cohort)
    return _numbered(groups), cohort


def _bootstrapped(faces: Array, photos: Integers, weights: Array, times: int) -> Cohort | None:
    """A cohort drawn from groups of the faces, or of some of them where they are many; None if they are too few."""
    some = np.linspace(0, len(faces) - 1, min(len(faces), SAMPLE)).astype(np.int64)
    faces, photos = faces[some], photos[some]
    cohort, threshold = None, GROUP_THRESHOLD
    for _ in range(times):
        found = _grouped(faces, photos, weights, None if cohort else threshold, cohort)
        cohort = drawn(faces, found, photos, weights)
        if cohort is None:
            break
    return cohort


def _grouped(
    faces: Array, photos: Integers, weights: Array, threshold: float | None, cohort: Cohort | None
) -> Integers:
    """Groups (N,) by the row number of their first face, of faces in canonical order."""
    scaled = _scaled(faces, weights)
    if cohort is None:
        assert threshold is not None
        halves = None
    else:
        threshold = cohort.threshold(mistaken(len(faces))) if threshold is None else threshold
        halves = cohort.norms(faces, weights, photos).halves()
    return _merge(_Groups.single(scaled, photos, halves), _near_pairs(scaled, threshold, halves), threshold)


def mistaken(faces: int) -> float:
    """The part of pairs of different people that may be nearer than the threshold among so many faces.

    Each has more others to be mistaken for. The true tail is steeper than the one that Cohort.threshold takes.
    """
    return float(MISTAKEN * (max(faces, FEW) / FEW) ** -SLOWLY)


def _scaled(faces: Array, weights: Array) -> Array:
    """Faces among which plain Euclidean distances are the weighted ones, around 0 to keep rounding small."""
    if not len(faces):
        return faces
    centre = faces.mean(0, dtype=np.float64).astype(np.float32)
    scaled: Array = ((faces - centre) * np.sqrt(weights)).astype(np.float32)
    return scaled


def _numbered(groups: Integers) -> Integers:
    """The same groups, numbered in order of their first members."""
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[number.reshape(-1)]


# pairs


def _near_pairs(faces: Array, threshold: float, halves: Array | None) -> tuple[Integers, Integers]:
    """Row numbers (i, j), i < j, of faces nearer than threshold, closest pair first."""
    found = [*_near_in_blocks(faces, threshold, np.full(len(faces), 0.5, np.float32) if halves is None else halves)]
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    i, j, squared = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(squared, kind="stable")
    return i[order], j[order]


def _near_in_blocks(faces: Array, threshold: float, halves: Array) -> Iterator[tuple[Integers, Integers, Array]]:
    """Pairs (i, j), i < j, with squared distances; of each face the NEIGHBOURS nearest that follow it at most."""
    if not len(faces):
        return
    squares, ones = (faces * faces).sum(1), np.ones(len(faces), np.float32)
    left = np.column_stack([faces, squares, ones])  # |x|² - 2xy + |y|² in one product
    right = np.vstack([-2 * faces.T, ones, squares])
    # Judged one by one only where a pair would be near enough if its second face were judged most kindly.
    reach = (np.float32(threshold) / (halves + halves.min())) ** 2
    for block in blocks(len(faces), len(faces)):
        squared = left[block] @ right[:, block.start :]
        place = np.flatnonzero(squared < reach[block, None])
        row, column = np.divmod(place, squared.shape[1])
        i, j = row + block.start, column + block.start
        judged = squared.ravel()[place] * (halves[i] + halves[j]) ** 2
        near = np.flatnonzero((j > i) & (judged < np.float32(threshold) ** 2))
        near = _nearest_of_each(i[near], judged[near], near)
        yield i[near], j[near], judged[near]


def _nearest_of_each(rows: Integers, values: Array, places: Integers) -> Integers:
    """Of places with these rows, ascending, and values, the NEIGHBOURS with the lowest values of each row."""
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    if not len(first) or np.diff(first, append=len(rows)).max() <= NEIGHBOURS:
        return places
    by_value = np.lexsort((values, rows))
    rank = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
    return np.sort(places[by_value[rank < NEIGHBOURS]])


# groups


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups under the row number of their first face; entries of groups merged away are stale."""

    of: Integers  # (N,) the group of each face
    members: list[list[int]]
    photos: list[set[int]]
    total: NDArray[np.float64]  # (N, D) sum of a group's faces
    squares: NDArray[np.float64]  # (N,) sum of their squared lengths
    halves: NDArray[np.float64]  # (N,) sum of their ½/μ; of plain distances ½ each

    @staticmethod
    def single(faces: Array, photos: Integers, halves: Array | None) -> _Groups:
        """Every face a group of its own."""
        wide, rows = faces.astype(np.float64), range(len(faces))
        own = [{photo} for photo in photos.tolist()]
        half = np.full(len(faces), 0.5) if halves is None else halves.astype(np.float64)
        return _Groups(np.arange(len(faces)), [[row] for row in rows], own, wide, (wide * wide).sum(1), half)

    def squared_distance(self, one: int, other: int) -> float:
        """Mean squared distance between the faces of one group and those of another, judged by their means."""
        n, m = len(self.members[one]), len(self.members[other])
        product = float(self.total[one] @ self.total[other])
        mean = float(self.squares[one]) / n + float(self.squares[other]) / m - 2 * product / (n * m)
        return mean * (float(self.halves[one]) / n + float(self.halves[other]) / m) ** 2

    def join(self, one: int, other: int) -> None:
        """Move every face of other to one."""
        self.of[self.members[other]] = one
        self.members[one] += self.members[other]
        self.photos[one] |= self.photos[other]
        self.total[one] += self.total[other]
        self.squares[one] += self.squares[other]
        self.halves[one] += self.halves[other]


def _merge(groups: _Groups, pairs: tuple[Integers, Integers], threshold: float) -> Integers:
    """Follow the pairs, closest first, and join the groups they connect where allowed."""
    limit = (LOOSENESS * threshold) ** 2
    for start in range(0, len(pairs[0]), CHUNK):
        chunk = slice(start, start + CHUNK)
        for i, j in _unsettled(groups.of[pairs[0][chunk]], groups.of[pairs[1][chunk]]):
            one, other = sorted((int(groups.of[i]), int(groups.of[j])))
            if one == other or not groups.photos[one].isdisjoint(groups.photos[other]):
                continue
            if groups.squared_distance(one, other) < limit:
                groups.join(one, other)
    return groups.of


def _unsettled(one: Integers, other: Integers) -> list[tuple[int, int]]:
    """Each pair of different groups once, in order of appearance: most pairs lie within one group."""
    apart = np.flatnonzero(one != other)
    low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    _, first = np.unique(np.stack([low, high]), axis=1, return_index=True)
    first.sort()
    return list(zip(low[first].tolist(), high[first].tolist(), strict=True))
