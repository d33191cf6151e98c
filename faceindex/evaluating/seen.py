"""Faces whose people are known, and what each of them is near to: as a known face, and as a stranger's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from faceindex.distance import blocks, drawn, normalised, paired
from faceindex.distance import distances as plain
from faceindex.matching import fixed, mean, variance_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceindex.distance import Cohort, Norms

    Array = NDArray[np.float32]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

NOWHERE = -1  # no photo has this number
NOTHING = np.zeros((0, 2), np.int64)


# what is given


@dataclass(frozen=True, slots=True)
class Labelled:
    """Faces whose people are known."""

    faces: Array  # (N, D)
    photos: Integers  # (N,)
    persons: Integers  # (N,)
    columns: Integers  # (N,) the average that it moves, -1: none
    never: Integers = field(default_factory=NOTHING.copy)  # (K, 2) rows, ascending, and averages that dates forbid them

    @staticmethod
    def of_people(faces: Array, persons: Integers) -> Labelled:
        """A photo each, and one average of every person, all of whose faces count."""
        return Labelled(faces, np.arange(len(faces)), persons, np.unique(persons, return_inverse=True)[1].reshape(-1))

    def joined(self, averages: Averages) -> Labelled:
        """The same where each person has one average; what dates forbid to one of several is left out."""
        owner = np.unique(averages.persons, return_inverse=True)[1].reshape(-1)
        columns = np.where(self.columns < 0, NOWHERE, owner[self.columns])
        return Labelled(self.faces, self.photos, self.persons, columns)

    def undated(self) -> Labelled:
        """The same without what dates forbid."""
        return replace(self, never=NOTHING)


@dataclass(frozen=True, slots=True)
class Averages:
    """Averages of people with a name, as exact sums."""

    totals: Integers  # (C, D), of `matching.fixed` encodings
    counts: Integers  # (C,) 1 or more
    persons: Integers  # (C,)

    @staticmethod
    def of(labelled: Labelled) -> Averages:
        """The averages of exactly these faces, each in its column."""
        persons, first, counts = np.unique(labelled.columns, return_index=True, return_counts=True)
        totals = np.zeros((len(persons), labelled.faces.shape[1]), np.int64)
        np.add.at(totals, labelled.columns, fixed(labelled.faces))
        return Averages(totals, counts, labelled.persons[first])

    def means(self) -> Array:
        return mean(self.totals, self.counts)

    def places(self) -> tuple[Integers, Integers]:
        """On which photos they are, namely none, and whose they are."""
        return np.full(len(self.persons), NOWHERE), self.persons

    def joined(self) -> Averages:
        """The same with one average a person."""
        persons, number = np.unique(self.persons, return_inverse=True)
        totals, counts = np.zeros((len(persons), self.totals.shape[1]), np.int64), np.zeros(len(persons), np.int64)
        np.add.at(totals, number.reshape(-1), self.totals)
        np.add.at(counts, number.reshape(-1), self.counts)
        return Averages(totals, counts, persons)

    def without(self, labelled: Labelled) -> tuple[Array, Flags]:
        """For each face its column's average without it (N, D), and whether anything is left of it."""
        left = np.where(labelled.columns < 0, 0, self.counts[labelled.columns] - 1)
        rest = self.totals[labelled.columns] - fixed(labelled.faces)
        return mean(rest, np.maximum(left, 1)), left > 0


@dataclass(frozen=True, slots=True)
class Measure:
    """What faces are compared by."""

    weights: Array  # (D,)
    cohort: Cohort | None  # None: plain distances

    def norms(self, faces: Array, photos: Integers, persons: Integers | None = None) -> Norms | None:
        return self.cohort.norms(faces, self.weights, photos, persons) if self.cohort else None

    def paired(self, faces: Array, norms: Norms | None, points: Array, point_norms: Norms | None) -> Array:
        """Distances (N,) of each face to the point of the same row."""
        away = paired(faces, points, self.weights)
        if norms is not None and point_norms is not None:
            away *= norms.halves() + point_norms.halves()
        return away


@dataclass(frozen=True, slots=True)
class Answers:
    """What humans said, and what it is held against."""

    labelled: Labelled
    averages: Averages
    strangers: Labelled  # of persons that no average has
    measure: Measure
    names: dict[int, str]  # of persons


def of_people(faces: Array, names: Sequence[str]) -> Answers:
    """Faces (N, D), one on each photo, of people of these names (N,): what a library of them alone would know."""
    known, persons = np.unique(np.array(names), return_inverse=True)
    labelled = Labelled.of_people(faces, persons.reshape(-1).astype(np.int64))
    weights = variance_weights([faces], faces.shape[1])
    measure = Measure(weights, drawn(faces, labelled.persons, labelled.photos, weights, np.ones(len(faces), bool)))
    nobody = Labelled(faces[:0], labelled.photos[:0], labelled.persons[:0], labelled.columns[:0])
    return Answers(labelled, Averages.of(labelled), nobody, measure, dict(enumerate(known.tolist())))


# what is seen


@dataclass(frozen=True, slots=True)
class Seen:
    """Of N tested faces: whose it is, who is nearest, how near, and how far the nearest other person is."""

    truth: Integers  # (N,)
    person: Integers  # (N,)
    distance: Array  # (N,)
    rival: Array  # (N,), infinite: nobody else is known

    def named(self, threshold: float, margin: float) -> Flags:
        """Whether each would get a name."""
        near: Flags = (self.distance < np.float32(threshold)) & self._clear(margin)
        return near

    def nameable(self, margin: float) -> Array:
        """From which distance on each would get a name; infinite where the margin forbids."""
        return np.where(self._clear(margin), self.distance, np.inf).astype(np.float32)

    def _clear(self, margin: float) -> Flags:
        clear: Flags = self.rival >= self.distance + np.float32(margin)
        return clear


def as_known(labelled: Labelled, averages: Averages, measure: Measure) -> Seen:
    """Each face against all averages, its own without it; only faces whose person then still has one."""
    rest, left = averages.without(labelled)
    own = averages.persons[labelled.columns]
    norms = measure.norms(labelled.faces, labelled.photos)
    own_norms = measure.norms(labelled.faces, labelled.photos, own)
    rest_norms = measure.norms(rest, np.full(len(rest), NOWHERE), own)
    to_rest = np.where(left, measure.paired(labelled.faces, own_norms, rest, rest_norms), np.inf).astype(np.float32)
    moved = labelled.columns >= 0

    def leave_out(away: Array, block: slice) -> None:
        rows = np.flatnonzero(moved[block])
        away[rows, labelled.columns[block][rows]] = to_rest[block][rows]

    has = np.bincount(np.searchsorted(np.unique(averages.persons), averages.persons))
    more = _averages_of(labelled.persons, averages.persons, has) - (moved & ~left & (own == labelled.persons))
    seen = _seen(labelled, averages, measure, norms, leave_out)
    return _rows(seen, more > 0)


def _averages_of(persons: Integers, owners: Integers, has: Integers) -> Integers:
    """How many averages each of the persons has."""
    known = np.unique(owners)
    place = np.minimum(np.searchsorted(known, persons), len(known) - 1)
    return np.where(known[place] == persons, has[place], 0)


def as_strangers(labelled: Labelled, averages: Averages, measure: Measure) -> Seen:
    """Each face against the averages of everybody but its person, whose faces judge nothing either."""
    norms = measure.norms(labelled.faces, labelled.photos, labelled.persons)
    means, points = averages.means(), measure.norms(averages.means(), *averages.places())

    def leave_out(away: Array, block: slice) -> None:
        if norms is not None and points is not None:
            away += _unjudged(means, points, labelled.faces[block], norms[block], labelled.persons[block], measure)
        away[labelled.persons[block, None] == averages.persons] = np.inf

    return _seen(labelled, averages, measure, norms, leave_out)


def _unjudged(means: Array, points: Norms, faces: Array, norms: Norms, persons: Integers, measure: Measure) -> Array:
    """What is to be added (B, C) to distances so that the faces' persons do not judge the averages, either."""
    without = normalised(means, points, faces, norms, persons, measure.weights).T
    away = plain(faces, means, measure.weights)
    more: Array = without - away * (norms.halves()[:, None] + points.halves())
    return more


def _seen(
    labelled: Labelled,
    averages: Averages,
    measure: Measure,
    norms: Norms | None,
    leave_out: Callable[[Array, slice], None],
) -> Seen:
    faces, means = labelled.faces, averages.means()
    person, reach = np.empty(len(faces), np.int64), np.empty((2, len(faces)), np.float32)
    points = measure.norms(means, *averages.places())
    for block in blocks(len(faces), len(means)):
        if norms is None or points is None:
            away = plain(faces[block], means, measure.weights)
        else:
            away = normalised(faces[block], norms[block], means, points, averages.persons, measure.weights)
        leave_out(away, block)
        some = labelled.never[slice(*np.searchsorted(labelled.never[:, 0], [block.start, block.stop]))]
        away[some[:, 0] - block.start, some[:, 1]] = np.inf
        rows, nearest = np.arange(len(away)), away.argmin(1)
        person[block], reach[0, block] = averages.persons[nearest], away[rows, nearest]
        away[averages.persons[nearest, None] == averages.persons] = np.inf
        reach[1, block] = away.min(1)
    return Seen(labelled.persons, person, reach[0], reach[1])


def _rows(seen: Seen, rows: Flags) -> Seen:
    return Seen(seen.truth[rows], seen.person[rows], seen.distance[rows], seen.rival[rows])
