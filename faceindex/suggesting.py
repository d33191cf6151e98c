"""Which questions are worth a human's time: numpy in, numpy out.

who          people(known, …)     an unnamed cluster is probably this person
same         twins(known, …)      two unnamed clusters are probably one person
wrong        doubts(known, …)     a face in a person's cluster is probably somebody else

Confidence is told from the part of all pairs of different people that are as near, which the cohort knows
(Cohort.threshold, backwards). E, that part times the people compared with, is how many wrong ones would be
expected to be so near by chance. Before anything is measured, the odds that the right one is there are taken
to be THERE; so it is right with a probability of 1 / (1 + E / THERE). Where several people are near, they share
it: each weighs THERE / E, nobody weighs 1. Of a named face the own person weighs 1 / E, as does another who is
near, and somebody unknown weighs NOBODY. How often it was right on photos of known people: docs/labelling.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceindex.distance import CLOSE, TAIL, Gallery, Norms, blocks, paired
from faceindex.matching import FEWEST_PEOPLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceindex.distance import Cohort

    Array = NDArray[np.float32]
    Wide = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Pairs = tuple[Integers, Integers]  # rows and columns

WIDEST = 3e-3  # part of pairs of different people that are near enough to ask about
LEAST = 0.2  # a question less sure than this is not asked
NEAREST_PEOPLE = 3  # who share the confidence
LARGEST = 10_000  # unnamed clusters, the largest, whose likes are looked for; the others gain little
THERE = 0.05  # odds that an unnamed cluster is somebody known, or has its like, before anything is measured
NOBODY = 0.1  # weight of somebody unknown, of a face that was given a name
PLAIN, DECADE = 0.60, 0.0735  # without a cohort: WIDEST of all pairs are nearer than this, a tenth so much nearer
NOWHERE = -1  # no photo has this number


# what is compared


@dataclass(frozen=True, slots=True)
class Known:
    """Clusters; row i of every array is the same one."""

    ids: Integers  # (C,) ascending
    persons: Integers  # (C,) unnamed clusters bear numbers of their own
    named: Flags  # (C,)
    means: Array  # (C, D)
    counted: Integers  # (C,) how many faces make the average
    faces: Integers  # (C,) how many there are

    def only(self, which: Flags) -> Known:
        """Some of them."""
        return Known(
            self.ids[which], self.persons[which], self.named[which], self.means[which], self.counted[which],
            self.faces[which],
        )  # fmt: skip

    def people(self) -> int:
        """How many have a name."""
        return len(np.unique(self.persons[self.named]))


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces in clusters; row i of every array is the same one."""

    vectors: Array  # (N, D)
    photos: Integers  # (N,)
    columns: Integers  # (N,) whose cluster it is in, as a row of Known
    counts: Flags  # (N,) moves that cluster's average


@dataclass(frozen=True, slots=True)
class Measure:
    """What distances are measured and judged by; without a cohort they are plain."""

    weights: Array  # (D,)
    cohort: Cohort | None

    def part(self, away: Array) -> Wide:
        """The part of all pairs of different people that are at least as near as this, at most 1; monotone."""
        if self.cohort is None:
            steps, start = (away.astype(np.float64) - PLAIN) / DECADE, WIDEST
        else:
            decade = TAIL * (self.cohort.typical - self.cohort.close)
            steps, start = (away.astype(np.float64) - self.cohort.close) / decade, CLOSE
        part: Wide = np.minimum(start * 10.0 ** np.clip(steps, -300, 10), 1)
        return part

    def within(self, part: float) -> float:
        """The distance that this part of them stays below."""
        if self.cohort is None:
            return PLAIN + DECADE * float(np.log10(part / WIDEST))
        return self.cohort.threshold(part)

    def norms(self, points: Array, photos: Integers, persons: Integers) -> Norms | None:
        """How near points (N, D) of these persons are to the cohort's others."""
        return None if self.cohort is None else self.cohort.norms(points, self.weights, photos, persons)


@dataclass(frozen=True, slots=True)
class Against:
    """Averages, ready to be compared with many."""

    known: Known
    measure: Measure
    gallery: Gallery
    norms: Norms | None
    halves: Array  # (C,) ½/μ, or ½ each
    order: Integers  # columns by person …
    owners: Integers  # … and these persons

    @staticmethod
    def of(known: Known, measure: Measure) -> Against:
        norms = measure.norms(known.means, np.full(len(known.ids), NOWHERE), known.persons)
        halves = np.full(len(known.ids), 0.5, np.float32) if norms is None else norms.halves()
        order = np.argsort(known.persons, kind="stable")
        gallery = Gallery.of(known.means, measure.weights)
        return Against(known, measure, gallery, norms, halves, order, known.persons[order])

    def owned(self, rows: Integers, persons: Integers) -> Pairs:
        """Each row paired with every column of its person."""
        start, end = (np.searchsorted(self.owners, persons, side) for side in ("left", "right"))
        sizes = end - start
        ends = sizes.cumsum()
        places = np.arange(sizes.sum()) + np.repeat(start - ends + sizes, sizes)
        return np.repeat(rows, sizes), self.order[places]

    def squared(self, points: Array, norms: Norms | None) -> Array:
        """Squared distances (N, C), normalised where there is a cohort; nobody is judged by himself."""
        squared = self.gallery.squared(points)
        if norms is None:
            return squared
        factor = norms.halves()[:, None] + self.halves
        without = norms.without()
        for place in range(without.shape[1]):
            rows, columns = self.owned(np.arange(len(points)), norms.persons[:, place])
            factor[rows, columns] = without[rows, place] + self.halves[columns]
        factor *= factor
        squared *= factor
        return squared

    def exactly(self, points: Array, norms: Norms | None, persons: Integers, columns: Integers) -> Array:
        """Distances (N,) of each point to one column; neither is judged by the other's person."""
        away = paired(points, self.known.means[columns], self.measure.weights)
        if norms is None or self.norms is None:
            return away
        half = _without(norms, self.known.persons[columns]) + _without(self.norms[columns], persons)
        result: Array = away * half
        return result


def _without(norms: Norms, persons: Integers) -> Array:
    """½/μ (N,) where each one's person does not count."""
    others = np.where(norms.persons != persons[:, None], norms.near, np.inf)
    return Norms(np.sort(others, 1).astype(np.float32), norms.persons).halves()


# nearest


@dataclass(frozen=True, slots=True)
class Near:
    """For N points the nearest columns of different persons, nearest first; -1 is none, infinitely far."""

    columns: Integers  # (N, K)
    away: Array  # (N, K)


def nearest(against: Against, points: Array, norms: Norms | None, never: Integers, most: int) -> Near:
    """The nearest of so many persons; never (K, 2) lists (row, person) that may not be."""
    columns, away = np.full((len(points), most), -1), np.full((len(points), most), np.inf, np.float32)
    if not len(against.known.ids):
        return Near(columns, away)
    never = never[np.argsort(never[:, 0], kind="stable")]
    for block in blocks(len(points), len(against.known.ids)):
        squared = against.squared(points[block], None if norms is None else norms[block])
        some = slice(*np.searchsorted(never[:, 0], [block.start, block.stop]))
        squared[against.owned(never[some, 0] - block.start, never[some, 1])] = np.inf
        columns[block], away[block] = _first(against, squared, most)
    return Near(columns, away)


def _first(against: Against, squared: Array, most: int) -> tuple[Integers, Array]:
    """Columns and distances (B, most) of the nearest of different persons; spoils squared."""
    rows = np.arange(len(squared))
    columns, away = np.full((len(squared), most), -1), np.full((len(squared), most), np.inf, np.float32)
    for place in range(most):
        best = squared.argmin(1)
        away[:, place] = np.sqrt(squared[rows, best])
        columns[:, place] = np.where(np.isfinite(away[:, place]), best, -1)
        squared[against.owned(rows, against.known.persons[best])] = np.inf
    return columns, away


# questions


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions about N subjects, each with the cluster it is about: rows of Known."""

    subjects: Integers  # (N,) rows of Known, or of Faces
    targets: Integers  # (N,) rows of Known; -1 for none
    distance: Array  # (N,) plain
    away: Array  # (N,) normalised where there is a cohort
    confidence: Wide  # (N,)

    def sure(self, least: float = LEAST) -> Asked:
        """Those worth asking."""
        which = self.confidence >= least
        return Asked(
            self.subjects[which], self.targets[which], self.distance[which], self.away[which], self.confidence[which]
        )


def people(known: Known, measure: Measure, never: Integers) -> Asked:
    """Whom each unnamed cluster probably is; never (K, 2) lists (row, person) that may not be."""
    rows, named = np.flatnonzero(~known.named), known.only(known.named)
    against = Against.of(named, measure)
    found, norms = _near_averages(known, rows, against, never)
    there = found.columns >= 0
    exact = [_exact(known, rows, against, norms, found.columns[:, place]) for place in range(NEAREST_PEOPLE)]
    away = np.where(there, np.stack(exact, 1), np.inf).astype(np.float32)
    best = away.argmin(1)
    first = np.arange(len(rows))
    wrong = max(named.people(), FEWEST_PEOPLE) * measure.part(away)
    weight = np.where(there, THERE / wrong, 0)
    confidence = weight[first, best] / (1 + weight.sum(1))
    confidence[measure.part(away[first, best]) > WIDEST] = 0
    return _asked(known, rows, np.flatnonzero(known.named), found.columns[first, best], away[first, best], confidence,
                  measure)  # fmt: skip


def twins(known: Known, measure: Measure, never: Integers) -> Asked:
    """Which two unnamed clusters are probably one person: the larger of both is the target. Each pair once."""
    unnamed = np.flatnonzero(~known.named)
    rows = unnamed[np.argsort(-known.faces[unnamed], kind="stable")[:LARGEST]]
    against = Against.of(known.only(~known.named), measure)
    itself = np.stack([rows, known.persons[rows]], 1)
    found, norms = _near_averages(known, rows, against, np.concatenate([never, itself]))
    exact = [_exact(known, rows, against, norms, found.columns[:, place]) for place in range(NEAREST_PEOPLE)]
    away = np.where(found.columns >= 0, np.stack(exact, 1), np.inf).astype(np.float32)
    best, first = away.argmin(1), np.arange(len(rows))
    nearest_one = away[first, best]
    part = measure.part(nearest_one)
    confidence = np.where(part > WIDEST, 0, 1 / (1 + max(len(unnamed), FEWEST_PEOPLE) * part / THERE))
    asked = _asked(known, rows, unnamed, found.columns[first, best], nearest_one, confidence, measure)
    return _each_pair_once(known, asked)


def _each_pair_once(known: Known, asked: Asked) -> Asked:
    one, other = asked.subjects, asked.targets
    swap = (other >= 0) & (known.faces[one] > known.faces[other])
    subjects, targets = np.where(swap, other, one), np.where(swap, one, other)
    pairs = np.stack([np.minimum(one, other), np.maximum(one, other)])
    _, first = np.unique(pairs, axis=1, return_index=True)
    first.sort()
    return Asked(subjects[first], targets[first], asked.distance[first], asked.away[first], asked.confidence[first])


def _near_averages(known: Known, rows: Integers, against: Against, never: Integers) -> tuple[Near, Norms | None]:
    points, persons = known.means[rows], known.persons[rows]
    norms = against.measure.norms(points, np.full(len(rows), NOWHERE), persons)
    place = np.full(len(known.ids), -1)
    place[rows] = np.arange(len(rows))
    local = never.copy()
    local[:, 0] = place[never[:, 0]]
    return nearest(against, points, norms, local[local[:, 0] >= 0], NEAREST_PEOPLE), norms


def _exact(known: Known, rows: Integers, against: Against, norms: Norms | None, columns: Integers) -> Array:
    if not len(against.known.ids):
        return np.full(len(rows), np.inf, np.float32)
    return against.exactly(known.means[rows], norms, known.persons[rows], np.maximum(columns, 0))


def _asked(
    known: Known, rows: Integers, places: Integers, columns: Integers, away: Array, confidence: Wide, measure: Measure
) -> Asked:
    """Questions whose targets are rows of Known; places says which row each column is."""
    there = columns >= 0
    targets = places[columns[there]]
    distance = paired(known.means[rows[there]], known.means[targets], measure.weights)
    return Asked(rows[there], targets, distance, away[there], confidence[there])


# single faces


@dataclass(frozen=True, slots=True)
class Standing:
    """How N faces stand between their own person and others, themselves left out of their averages."""

    alone: Flags  # (N,) their cluster has no other face to compare them with
    own: Array  # (N,) to the nearest average of their own person; infinite where there is none
    own_distance: Array  # (N,) the same, plain
    others: Near  # (N, 2) nearest other people, named or not
    other_distance: Array  # (N,) to the first of them, plain
    named: Near  # (N, 1) nearest other person who has a name


def standing(against: Against, faces: Faces, never: Integers) -> Standing:
    """Compare faces with all averages; never (K, 2) lists (row, person) that may not be."""
    known, weights = against.known, against.measure.weights
    persons = known.persons[faces.columns]
    norms = against.measure.norms(faces.vectors, faces.photos, persons)
    rest = _left_out(known, faces)
    rest_norms = against.measure.norms(rest, np.full(len(rest), NOWHERE), persons)
    alone = faces.counts & (known.counted[faces.columns] < 2)
    own_distance = np.where(alone, np.inf, paired(faces.vectors, rest, weights)).astype(np.float32)
    own = own_distance.copy()
    if norms is not None and rest_norms is not None:
        own *= norms.halves() + rest_norms.halves()
    others, named = _others(against, faces, norms, never, own, own_distance)
    first = others.columns[:, 0]
    far = paired(faces.vectors, known.means[np.maximum(first, 0)], weights)
    return Standing(alone, own, own_distance, others, np.where(first >= 0, far, np.inf).astype(np.float32), named)


def _left_out(known: Known, faces: Faces) -> Array:
    """The averages (N, D) that their clusters would have without them."""
    count = known.counted[faces.columns][:, None]
    means = known.means[faces.columns].astype(np.float64)
    left = (means * count - faces.vectors) / np.maximum(count - 1, 1)
    return np.where(faces.counts[:, None], left, means).astype(np.float32)


def _others(
    against: Against, faces: Faces, norms: Norms | None, never: Integers, own: Array, own_distance: Array
) -> tuple[Near, Near]:
    """The nearest others, two of all and one of the named; puts the own person's other clusters into own."""
    known, count = against.known, len(faces.vectors)
    persons = known.persons[faces.columns]
    near = Near(np.full((count, 2), -1), np.full((count, 2), np.inf, np.float32))
    named = Near(np.full((count, 1), -1), np.full((count, 1), np.inf, np.float32))
    never = never[np.argsort(never[:, 0], kind="stable")]
    for block in blocks(count, len(known.ids)):
        squared = against.squared(faces.vectors[block], None if norms is None else norms[block])
        rows, columns = against.owned(np.arange(len(squared)), persons[block])
        _own_others(against, faces, block, squared, (rows, columns), own, own_distance)
        squared[rows, columns] = np.inf
        some = slice(*np.searchsorted(never[:, 0], [block.start, block.stop]))
        squared[against.owned(never[some, 0] - block.start, never[some, 1])] = np.inf
        with_name = np.where(known.named, squared, np.inf)
        near.columns[block], near.away[block] = _first(against, squared, 2)
        named.columns[block], named.away[block] = _first(against, with_name, 1)
    return near, named


def _own_others(
    against: Against, faces: Faces, block: slice, squared: Array, owned: Pairs, own: Array, own_distance: Array
) -> None:
    """Where another cluster of the own person is nearer than the own cluster, that counts."""
    rows, columns = owned
    elsewhere = columns != faces.columns[block][rows]
    rows, columns = rows[elsewhere], columns[elsewhere]
    away = np.sqrt(squared[rows, columns])
    for row, column, far in zip((rows + block.start).tolist(), columns.tolist(), away.tolist(), strict=True):
        if far < own[row]:
            own[row] = far
            pair = faces.vectors[[row]], against.known.means[[column]]
            own_distance[row] = paired(*pair, against.measure.weights)[0]


def doubts(known: Known, measure: Measure, faces: Faces, never: Integers) -> Asked:
    """Which faces in named clusters look wrong; known holds those clusters alone.

    The target is the cluster of another person that it looks more like, or -1. A face that is alone in its cluster
    is not doubted: of a child's only photo its other photos as an adult say little.
    """
    seen = standing(Against.of(known, measure), faces, never)
    several = max(known.people(), FEWEST_PEOPLE)
    own, other = (1 / (several * measure.part(away)) for away in (seen.own, seen.others.away[:, 0]))
    other = np.where(seen.others.columns[:, 0] >= 0, other, 0)
    confidence = (other + NOBODY) / (own + other + NOBODY)
    confidence[seen.alone] = 0
    nearer = (seen.others.columns[:, 0] >= 0) & (other > NOBODY)
    targets = np.where(nearer, seen.others.columns[:, 0], -1)
    return Asked(np.arange(len(faces.vectors)), targets, seen.own_distance, seen.own, confidence)
