"""Which known person a face belongs to: numpy in, numpy out.

weights      variance_weights   how much each number of an encoding counts, from the library itself
averages     fixed, mean        exact sums, so that faces can come and go in any order
rules        Rules, rules_for   from how near on, and by how much nearer than to anybody else
decision     match              nearest average, threshold, margin over the runner-up, one photo one face

Figures behind the constants: docs/matching.md; benchmarks/quality.py measures them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceindex.distance import Gallery, blocks, canonical, distances, paired

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceindex.distance import Cohort

    Array = NDArray[np.float32]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Pairs = tuple[Integers, Integers]  # rows and columns

MATCH_THRESHOLD = 0.40  # without a cohort: a face joins an average nearer than this
MARGIN = 0.06  # … if the runner-up of another person is at least this much farther
STRANGERS = 1e-3  # with a cohort: at most this part of strangers may be given a name
FEWEST_PEOPLE = 250  # a library is taken to know so many: siblings are nearer to each other than strangers
UNNAMED = 2e-5  # part of pairs of different people that are near enough for an unnamed cluster at most …
MISTAKEN = 0.05  # … and so few that this part of the faces may join a wrong one
NORMALISED_MARGIN = 0.08  # how much farther the runner-up has to be, normalised
MIN_ENCODINGS = 1000  # fewer say too little about variances: every number then counts alike

POOR_WIDTH = 40  # pixels of the original; the encoding of a narrower face is a guess
POOR_SCORE = 0.2  # and that of a face the detector doubts
POOR_SHARPNESS = 0.12  # and that of one blurred by about 2 % of its width
DETECTORS = ("hog", "cnn")  # whose scores and encodings that is measured in
NEAR_COPY = 0.2  # a face nearer than this to one of its cluster is of the same moment, or the same picture made small

UNITS = 2.0**32  # a sum of encodings is kept in units of 1 / UNITS
LARGEST = 2.0**10  # no number of an encoding may reach this, so 2 million faces fit an int64 sum
ROUNDING = 1e-9  # a variance smaller than this part of the mean square is none

NEAREST, RUNNER_UP, RIVAL = range(3)  # rows of _Seen; the rival is whom the margin is measured against


# weights


def variance_weights(blocks: Iterable[Array], dimensions: int) -> Array:
    """Weights (D,) float32 of mean 1, proportional to the standard deviations seen in blocks (B, D).

    The order of blocks and rows matters only to rounding (below 1e-6). Fewer than MIN_ENCODINGS
    encodings, or none that differ, give ones.
    """
    count, total, squares = 0, np.zeros(dimensions), np.zeros(dimensions)
    for block in blocks:
        wide = block.astype(np.float64)
        count += len(wide)
        total += wide.sum(0)
        squares += (wide * wide).sum(0)
    if count < MIN_ENCODINGS:
        return np.ones(dimensions, np.float32)
    variance = squares / count - (total / count) ** 2
    deviation = np.sqrt(np.where(variance > ROUNDING * squares / count, variance, 0))
    if not deviation.any():
        return np.ones(dimensions, np.float32)
    weights: Array = (deviation / deviation.mean()).astype(np.float32)
    return weights


# averages


def fixed(encodings: Array) -> Integers:
    """Encodings (N, D) as int64 multiples of 2**-32: their sums are exact in any order.

    An int64 sum holds while the absolute values added stay below 2**31: two thousand million faces
    of a network whose numbers stay within ±1, and two million of any this function accepts.
    """
    if not (np.abs(encodings) < LARGEST).all():  # also refuses NaN
        raise ValueError(f"an encoding must be finite and its numbers below {LARGEST:g}")
    return np.rint(encodings.astype(np.float64) * UNITS).astype(np.int64)


def mean(total: Integers, count: int | Integers) -> Array:
    """Averages (D,) or (C, D) float32 from sums of `fixed` encodings and how many were added (1 or more)."""
    averages: Array = (total / UNITS / np.asarray(count)[..., None]).astype(np.float32)
    return averages


# what counts


def is_poor(width: float, score: float, detector: str, sharpness: float | None = None) -> bool:
    """Whether a face so wide, in pixels of the original, so surely found and so sharp (None: not measured) moves no
    average and founds no cluster."""
    blurred = sharpness is not None and sharpness < POOR_SHARPNESS
    return width < POOR_WIDTH or (detector in DETECTORS and (score < POOR_SCORE or blurred))


def near_copies(faces: Array, known: Array, weights: Array) -> Flags:
    """Which of the faces (N, D) are near-copies of a known one (K, D), or of an earlier of themselves."""
    everyone = np.concatenate([known, faces]) if known.size else faces
    copies = np.zeros(len(faces), bool)
    for block in blocks(len(faces), len(everyone)):
        away = distances(faces[block], everyone, weights)
        rows = np.arange(block.start, block.start + len(away))
        later = np.arange(len(everyone)) >= (len(everyone) - len(faces) + rows)[:, None]
        copies[block] = ((away < NEAR_COPY) & ~later).any(1)
    return copies


# rules


@dataclass(frozen=True, slots=True)
class Rules:
    """When a face joins its nearest average; distances are normalised where there is a cohort."""

    named: float  # nearer than this to a person's average
    unnamed: float  # nearer than this to the average of an unnamed cluster
    margin: float  # and the rival at least so much farther


def rules_for(
    cohort: Cohort | None,
    people: int,
    threshold: float | None = None,
    margin: float | None = None,
    clusters: int = 0,
) -> Rules:
    """The rules in force with so many people known, in so many clusters with the unnamed ones.

    threshold and margin take the place of those computed.

    A stranger is compared with each of the people, so the part of pairs that may be near enough is the part of
    strangers that may be named, divided by the people.
    """
    if cohort is None:
        near = MATCH_THRESHOLD if threshold is None else threshold
        return Rules(near, near, MARGIN if margin is None else margin)
    named = cohort.threshold(STRANGERS / max(people, FEWEST_PEOPLE)) if threshold is None else threshold
    unnamed = cohort.threshold(min(UNNAMED, MISTAKEN / max(clusters, 1))) if threshold is None else threshold
    return Rules(named, unnamed, NORMALISED_MARGIN if margin is None else margin)


# decision


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of N faces; clusters are columns of the averages, -1 is none, its distance infinite."""

    cluster: Integers  # the one joined
    nearest: Integers  # the nearest allowed one, joined or not
    distance: Array  # to the nearest
    runner_up: Integers  # the nearest allowed one of another person
    runner_up_distance: Array
    normalised: Array  # the same two distances by the cohort; NaN where there is none
    runner_up_normalised: Array


@dataclass(frozen=True, slots=True)
class _People:
    """Who owns which columns: persons count from 0, and person p owns columns[starts[p]:starts[p + 1]]."""

    persons: Integers  # (C,)
    named: Flags  # (C,)
    columns: Integers  # (C,)
    starts: Integers  # (P + 1,)

    @staticmethod
    def of(persons: Integers, named: Flags) -> _People:
        _, numbers = np.unique(persons, return_inverse=True)
        numbers = numbers.astype(np.int64).reshape(-1)
        starts = np.concatenate([[0], np.bincount(numbers).cumsum()]).astype(np.int64)
        return _People(numbers, named, np.argsort(numbers, kind="stable"), starts)

    def owned(self, rows: Integers, people: Integers) -> Pairs:
        """Each row paired with every column of its person."""
        sizes = self.starts[people + 1] - self.starts[people]
        ends = sizes.cumsum()
        places = np.arange(sizes.sum()) + np.repeat(self.starts[people] - ends + sizes, sizes)
        return np.repeat(rows, sizes), self.columns[places]


@dataclass(frozen=True, slots=True)
class _Seen:
    """For each face the nearest column, the runner-up of another person, and the rival."""

    columns: Integers  # (3, N), -1 is none
    distances: Array  # (3, N)

    def joins(self, rows: Integers, people: _People, rules: Rules) -> Flags:
        """Whether each of the rows is near enough to its nearest and clearly farther from its rival."""
        nearest, rival = self.distances[NEAREST, rows], self.distances[RIVAL, rows]
        if not len(people.named):
            return np.zeros(len(rows), bool)
        near = np.where(people.named[self.columns[NEAREST, rows]], rules.named, rules.unnamed).astype(np.float32)
        joins: Flags = (nearest < near) & (rival >= nearest + np.float32(rules.margin))
        return joins


@dataclass(frozen=True, slots=True)
class _Judge:
    """Measures faces against averages, by a cohort where there is one."""

    gallery: Gallery
    people: _People
    columns: Array | None  # (C,) ½/μ of each average; None: without a cohort
    rows: Array  # (N,) ½/μ of each face
    without: Array  # (N, K) the same if the person of its first, second … nearest cohort face does not count
    whose: Integers  # (N, K) who that is, -1 for nobody in the gallery

    @staticmethod
    def of(
        faces: Array, photos: Integers, averages: Array, persons: Integers, people: _People, weights: Array,
        cohort: Cohort | None,
    ) -> _Judge:  # fmt: skip
        gallery = Gallery.of(averages, weights)
        none = np.zeros((len(faces), 0), np.float32)
        if cohort is None or not len(averages):
            return _Judge(gallery, people, None, none[:, :0].sum(1), none, none.astype(np.int64))
        nowhere = np.full(len(averages), np.iinfo(np.int64).min)  # no photo has this number
        columns = cohort.norms(averages, weights, nowhere, persons).halves()
        norms = cohort.norms(faces, weights, photos)
        without = norms.without()
        known = np.unique(persons)
        place = np.minimum(np.searchsorted(known, norms.persons[:, : without.shape[1]]), len(known) - 1)
        whose = np.where(known[place] == norms.persons[:, : without.shape[1]], place, -1)
        return _Judge(gallery, people, columns, norms.halves(), without, whose)

    def squared(self, faces: Array, rows: Integers) -> Array:
        """Squared distances (B, C) of these rows of the faces to all averages."""
        squared = self.gallery.squared(faces[rows])
        if self.columns is None:
            return squared
        factor = self.rows[rows, None] + self.columns
        for place in range(self.whose.shape[1]):
            owners = self.whose[rows, place]
            there = np.flatnonzero(owners >= 0)
            row, column = self.people.owned(there, owners[there])
            factor[row, column] = self.without[rows[row], place] + self.columns[column]
        factor *= factor
        squared *= factor
        return squared


def match(
    faces: Array,
    photos: Integers,
    averages: Array,
    persons: Integers,
    named: Flags,
    weights: Array,
    rules: Rules,
    forbidden: Integers | None = None,
    cohort: Cohort | None = None,
) -> Matches:
    """Let each face (N, D) of photos (N,) join the nearest average (C, D) it may join, or none.

    persons (C,) tells which averages are one person's; an unnamed cluster bears a number of its own.
    forbidden (K, 2) lists pairs (face row, column) never to be joined: what a human rejected, and what
    another face of the photo already occupies.

    cohort, owned by persons in the same numbers, has distances normalised.

    A face joins its nearest column if that is nearer than the rules ask and its rival at least the margin
    farther. The rival of a named cluster is the nearest other person, of an unnamed one the nearest
    named person. Of two faces of one photo that want one person the nearer wins; the other goes on
    with every cluster of that person forbidden. Equal distances: lower column, then lower row.
    The order of the rows makes no difference.
    """
    order = canonical(faces, photos)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    pairs = np.zeros((0, 2), np.int64) if forbidden is None else forbidden
    never = place[pairs[:, 0]], pairs[:, 1]
    people = _People.of(persons, named)
    judge = _Judge.of(faces[order], photos[order], averages, persons, people, weights, cohort)
    seen, cluster = _settle(judge, faces[order], photos[order], never, rules)
    columns, reach = seen.columns[:, place], seen.distances[:, place]
    plain = reach if cohort is None else _plain(faces, averages, columns, weights)
    by_cohort = np.full_like(reach, np.nan) if cohort is None else reach
    return Matches(
        cluster[place], columns[NEAREST], plain[NEAREST], columns[RUNNER_UP], plain[RUNNER_UP],
        by_cohort[NEAREST], by_cohort[RUNNER_UP],
    )  # fmt: skip


def _plain(faces: Array, averages: Array, columns: Integers, weights: Array) -> Array:
    """Plain distances (3, N) of each face to the columns it was decided by, infinite for none."""
    if not len(averages):
        return np.full(columns.shape, np.inf, np.float32)
    away = [np.where(some >= 0, paired(faces, averages[some], weights), np.inf) for some in columns]
    return np.stack(away).astype(np.float32)


def _settle(judge: _Judge, faces: Array, photos: Integers, never: Pairs, rules: Rules) -> tuple[_Seen, Integers]:
    """In each round the nearest joining face of every photo joins; the rest may not have that person."""
    people = judge.people
    seen = _look(judge, faces, np.arange(len(faces)), never)
    cluster = np.full(len(faces), -1, np.int64)
    waiting = np.arange(len(faces))
    while True:
        winners = _first_of_each_photo(seen, waiting[seen.joins(waiting, people, rules)], photos)
        if not len(winners):
            return seen, cluster
        cluster[winners] = seen.columns[NEAREST, winners]
        waiting, taken = _left_behind(waiting, winners, photos, people.persons[cluster[winners]])
        rows, columns = people.owned(waiting, taken)
        never = np.concatenate([never[0], rows]), np.concatenate([never[1], columns])
        touched = waiting[_sees(seen, people, waiting, taken)]
        again = _look(judge, faces, touched, never)
        seen.columns[:, touched], seen.distances[:, touched] = again.columns, again.distances


def _first_of_each_photo(seen: _Seen, rows: Integers, photos: Integers) -> Integers:
    """Of rows, the one nearest to its column in each photo, sorted by photo."""
    near, columns = seen.distances[NEAREST, rows], seen.columns[NEAREST, rows]
    ranked = rows[np.lexsort((rows, columns, near, photos[rows]))]
    _, first = np.unique(photos[ranked], return_index=True)
    return ranked[first]


def _left_behind(waiting: Integers, winners: Integers, photos: Integers, people: Integers) -> Pairs:
    """Who still waits in a photo with a winner, and which person the winner took."""
    rows = np.setdiff1d(waiting, winners)
    place = np.minimum(np.searchsorted(photos[winners], photos[rows]), len(winners) - 1)
    with_winner = photos[winners][place] == photos[rows]
    return rows[with_winner], people[place[with_winner]]


def _sees(seen: _Seen, people: _People, rows: Integers, taken: Integers) -> Flags:
    """Whether the taken person is among those that each row was decided by."""
    columns = seen.columns[:, rows]
    sees: Flags = ((people.persons[columns] == taken) & (columns >= 0)).any(0)
    return sees


def _look(judge: _Judge, faces: Array, rows: Integers, never: Pairs) -> _Seen:
    """See who is near each of the rows, leaving out pairs that must never be."""
    columns, reach = np.full((3, len(rows)), -1, np.int64), np.full((3, len(rows)), np.inf, np.float32)
    averages = len(judge.gallery.points)
    if not averages:
        return _Seen(columns, reach)
    local = np.full(len(faces), -1, np.int64)
    local[rows] = np.arange(len(rows))
    mine = np.flatnonzero(local[never[0]] >= 0)
    mine = mine[np.argsort(local[never[0][mine]], kind="stable")]
    row, column = local[never[0][mine]], never[1][mine]
    for block in blocks(len(rows), averages):
        some = slice(*np.searchsorted(row, [block.start, block.stop]))
        squared = judge.squared(faces, rows[block])
        squared[row[some] - block.start, column[some]] = np.inf
        columns[:, block], reach[:, block] = _three(squared, judge.people)
    return _Seen(columns, reach)


def _three(squared: Array, people: _People) -> tuple[Integers, Array]:
    """Columns and distances (3, B) of nearest, runner-up and rival; spoils squared."""
    rows = np.arange(len(squared))
    columns = np.empty((3, len(squared)), np.int64)
    reach = np.empty((3, len(squared)), np.float32)
    columns[NEAREST] = squared.argmin(1)
    reach[NEAREST] = squared[rows, columns[NEAREST]]
    squared[people.owned(rows, people.persons[columns[NEAREST]])] = np.inf
    columns[RUNNER_UP] = columns[RIVAL] = squared.argmin(1)
    reach[RUNNER_UP] = reach[RIVAL] = squared[rows, columns[RUNNER_UP]]
    unnamed = np.flatnonzero(~people.named[columns[NEAREST]])
    columns[RIVAL, unnamed], reach[RIVAL, unnamed] = _nearest_named(squared, unnamed, people.named)
    columns[np.isinf(reach)] = -1
    return columns, np.sqrt(reach)


def _nearest_named(squared: Array, rows: Integers, named: Flags) -> tuple[Integers, Array]:
    columns = np.flatnonzero(named)
    if not len(columns):
        return np.full(len(rows), -1), np.full(len(rows), np.inf, np.float32)
    few = squared[np.ix_(rows, columns)]
    best = few.argmin(1)
    return columns[best], few[np.arange(len(rows)), best]
