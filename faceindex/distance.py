"""How far apart faces are: numpy in, numpy out.

plain        weighted Euclidean distance, from blocked matrix products
normalised   the same, judged by a cohort: d' = d · ½(1/μa + 1/μb)

A face whose looks are common is near to many strangers; a distance says little there. μ is a face's mean
distance to the NEAREST nearest faces of the cohort, a fixed set of faces of other people: it is small for
common looks, and dividing by it makes one threshold fit everybody. (Known as adaptive score normalisation
in speaker recognition: Matejka et al., Interspeech 2017.)

Figures behind the constants: docs/matching.md; benchmarks/quality.py measures them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Pairs = tuple[Integers, Integers]  # rows and columns

BLOCK = 2**23  # distances computed at once, 32 MB as float32
COHORT = 512  # faces in a cohort, as far as there are so many people
LEAST = 50  # a smaller cohort says too little, and the plain distance is used
NEAREST = 5  # of them that a face is judged by
SPARE = 4  # more of them that are remembered, as the person it is compared with does not count
TOO_NEAR = 0.42  # a cohort face nearer than this may be the same person's, and does not count
UNJUDGED = 1e3  # ½/μ of a face that no cohort face can judge
APART = 0.55  # cohort faces nearer to each other than this may be one person's
CLOSE = 1e-2  # part of all pairs of different people whose distance a cohort remembers, beside the median
TAIL = 0.31  # of the way from the median to that: how much nearer pairs ten times as rare are


# plain


@dataclass(frozen=True, slots=True)
class Gallery:
    """Points ready for matrix products: scaled by the weights, moved so that rounding errors are small."""

    origin: Array  # (D,)
    scale: Array  # (D,)
    points: Array  # (C, D)
    squares: Array  # (C,)

    @staticmethod
    def of(points: Array, weights: Array) -> Gallery:
        origin = points.mean(0, dtype=np.float64).astype(np.float32) if len(points) else points.sum(0)
        scale = np.sqrt(weights).astype(np.float32)
        scaled = (points - origin) * scale
        return Gallery(origin, scale, scaled, (scaled * scaled).sum(1))

    def squared(self, faces: Array) -> Array:
        """Squared distances (N, C) by |x|² - 2xm + |m|²."""
        scaled = (faces - self.origin) * self.scale
        result: Array = scaled @ (-2 * self.points.T)
        result += self.squares
        result += (scaled * scaled).sum(1)[:, None]
        return np.maximum(result, 0, out=result)


def distances(faces: Array, averages: Array, weights: Array) -> Array:
    """Weighted Euclidean distances (N, C) float32 of faces (N, D) to averages (C, D)."""
    gallery = Gallery.of(averages, weights)
    result = np.empty((len(faces), len(averages)), np.float32)
    for block in blocks(len(faces), len(averages)):
        np.sqrt(gallery.squared(faces[block]), out=result[block])
    return result


def paired(faces: Array, points: Array, weights: Array) -> Array:
    """Weighted Euclidean distances (N,) of each face (N, D) to the point of the same row."""
    apart = (faces - points) * np.sqrt(weights)
    result: Array = np.sqrt((apart * apart).sum(1)).astype(np.float32)
    return result


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Parts of the rows with so few distances each that they fit into memory."""
    step = max(1, BLOCK // max(1, columns))
    return (slice(start, start + step) for start in range(0, rows, step))


def canonical(faces: Array, photos: Integers) -> Integers:
    """Row numbers sorted by content, so that neither ties nor rounding depend on the order given."""
    rows = np.ascontiguousarray(faces, np.float32)
    key = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).reshape(len(rows))
    by_face = np.argsort(key, kind="stable")
    return by_face[np.argsort(photos[by_face], kind="stable")]


# normalised


@dataclass(frozen=True, slots=True)
class Cohort:
    """Faces of different people, by which distances are judged."""

    faces: Array  # (M, D)
    persons: Integers  # (M,) whose they are, in the numbers by which averages are owned
    photos: Integers  # (M,) on which photo each is; a face is not judged by its photo's others
    typical: float = np.nan  # half of the pairs of different people are nearer than this, normalised,
    close: float = np.nan  # and one in 100 nearer than this

    def norms(self, faces: Array, weights: Array, photos: Integers, persons: Integers | None = None) -> Norms:
        """How near each face (N, D) is to others, persons (N,) their own people where that is known."""
        kept = min(NEAREST + SPARE, len(self.faces))
        near, whose = np.empty((len(faces), kept), np.float32), np.empty((len(faces), kept), np.int64)
        gallery = Gallery.of(self.faces, weights)
        for block in blocks(len(faces), len(self.faces)):
            away = np.sqrt(gallery.squared(faces[block]))
            away[(away < TOO_NEAR) | (photos[block, None] == self.photos)] = np.inf
            if persons is not None:
                away[persons[block, None] == self.persons] = np.inf
            first = np.argpartition(away, kept - 1, axis=1)[:, :kept]
            order = np.take_along_axis(first, np.argsort(np.take_along_axis(away, first, 1), 1, kind="stable"), 1)
            near[block], whose[block] = np.take_along_axis(away, order, 1), self.persons[order]
        return Norms(near, whose)

    def threshold(self, rate: float) -> float:
        """The normalised distance that this part of all pairs of different people stays below.

        Told from pairs that are not rare: the nearest in a library are those of one person in two clusters.
        The tail is taken to be exponential, heavier than that of a normal distribution.
        """
        return self.close - TAIL * (self.typical - self.close) * float(np.log10(CLOSE / rate))


@dataclass(frozen=True, slots=True)
class Norms:
    """The nearest cohort faces of N faces, nearest first; infinite where there are no more."""

    near: Array  # (N, NEAREST + SPARE) distances
    persons: Integers  # (N, NEAREST + SPARE) whose faces they are

    def halves(self) -> Array:
        """½/μ (N,) of each face."""
        return _halves(self.near)

    def without(self) -> Array:
        """½/μ (N, NEAREST) of each face if the person of its first, second … nearest does not count."""
        result = np.empty((len(self.near), min(NEAREST, self.near.shape[1])), np.float32)
        for place in range(result.shape[1]):
            others = self.persons != self.persons[:, [place]]
            result[:, place] = _halves(np.sort(np.where(others, self.near, np.inf), 1))
        return result

    def __getitem__(self, rows: Integers | slice) -> Norms:
        return Norms(self.near[rows], self.persons[rows])


def _halves(near: Array) -> Array:
    """½ over the mean of the NEAREST first that are there; where none is, so much that nothing is near."""
    first = near[:, :NEAREST]
    there = np.isfinite(first)
    count, total = there.sum(1), np.where(there, first, 0).sum(1)
    halves = np.full(len(near), UNJUDGED, np.float32)
    np.divide(count / 2, total, out=halves, where=count > 0, casting="unsafe")
    return halves


def drawn(
    faces: Array, groups: Integers, photos: Integers, weights: Array, named: Flags | None = None, most: int = COHORT
) -> Cohort | None:
    """A cohort of one face from each of the groups; None where they are too few.

    Of each group the face nearest to its average is taken, of the groups (whose faces are) named first, of equals
    the largest, then the lower first row. A face of an unnamed group that is near to one taken before is left out:
    whoever is photographed most has several groups. That two names are two people, a human has said.
    """
    found, first, number, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    if len(found) < LEAST:
        return None
    number = number.reshape(-1)
    total = np.zeros((len(found), faces.shape[1]))
    np.add.at(total, number, faces)
    off = paired(faces, (total / sizes[:, None])[number].astype(np.float32), weights)
    nearest = np.lexsort((np.arange(len(faces)), off, number))
    typical = nearest[np.unique(number[nearest], return_index=True)[1]]
    sure = np.zeros(len(typical), bool) if named is None else named[typical]
    ranked = np.lexsort((first, -sizes, ~sure))
    chosen = typical[ranked][_apart(faces[typical[ranked]], sure[ranked], weights, most)]
    if len(chosen) < LEAST:
        return None
    return calibrated(Cohort(faces[chosen], groups[chosen], photos[chosen]), weights)


def _apart(faces: Array, sure: Flags, weights: Array, most: int) -> Integers:
    """The first rows, `most` of them, that are sure to be of others or at least APART from all before."""
    scaled = faces * np.sqrt(weights)
    kept: list[int] = []
    for row in range(len(faces)):
        if sure[row] or not kept or ((scaled[kept] - scaled[row]) ** 2).sum(1).min() >= APART**2:
            kept.append(row)
            if len(kept) == most:
                break
    return np.array(kept, np.int64)


def calibrated(cohort: Cohort, weights: Array) -> Cohort:
    """The same cohort with the distances that are typical and close among its own, different people."""
    norms = cohort.norms(cohort.faces, weights, cohort.photos, cohort.persons)
    away = normalised(cohort.faces, norms, cohort.faces, norms, cohort.persons, weights)
    apart = away[np.triu(cohort.persons[:, None] != cohort.persons, 1)]
    typical, close = np.quantile(apart, [0.5, CLOSE]) if apart.size else (np.nan, np.nan)
    return Cohort(cohort.faces, cohort.persons, cohort.photos, float(typical), float(close))


def normalised(
    faces: Array, norms: Norms, points: Array, point_norms: Norms, persons: Integers, weights: Array
) -> Array:
    """Normalised distances (N, C) of faces to points of these persons (C,), who do not count in the faces' norms."""
    away = distances(faces, points, weights)
    columns_half = point_norms.halves()
    half = norms.halves()[:, None] + columns_half
    without = norms.without()
    for place in range(without.shape[1]):
        rows, columns = np.nonzero(norms.persons[:, place, None] == persons)
        half[rows, columns] = without[rows, place] + columns_half[columns]
    away *= half
    return away
