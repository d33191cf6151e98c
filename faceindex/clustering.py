"""Unknown faces to groups, each taken for one person: numpy in, numpy out.

Pairs of faces nearer than the threshold are taken closest first; two groups become one if they have
no photo in common and are near as a whole (root mean square distance between their faces). Errs
towards too many groups: merging two takes a user one action, cleaning a mixed one many.
Figures and the methods it was compared with: docs/matching.md.
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

GROUP_THRESHOLD = 0.42  # no two groups meet over a pair of faces farther apart than this
LOOSENESS = 1.1  # times the threshold: how far apart, as a whole, two groups may be that become one
NEIGHBOURS = 256  # pairs kept for each face: bounds memory where thousands of faces are one person's
BLOCK = 2**23  # distances computed at once, 32 MB as float32
CHUNK = 2**15  # pairs looked at between two updates of which are settled


def group(faces: Array, photos: Integers, weights: Array, threshold: float = GROUP_THRESHOLD) -> Integers:
    """Group numbers (N,) from 0, by first member, of faces (N, D) on photos (N,).

    No group ever holds two faces of one photo. The same faces in another order give the same groups
    under other numbers.
    """
    order = _canonical(faces, photos)
    scaled = _scaled(faces[order], weights)
    groups = np.empty(len(faces), np.int64)
    groups[order] = _merge(_Groups.single(scaled, photos[order]), _near_pairs(scaled, threshold), threshold)
    return _numbered(groups)


def _canonical(faces: Array, photos: Integers) -> Integers:
    """Row numbers sorted by content, so that neither ties nor rounding depend on the order given."""
    rows = np.ascontiguousarray(faces, np.float32)
    key = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).reshape(len(rows))
    by_face = np.argsort(key, kind="stable")
    return by_face[np.argsort(photos[by_face], kind="stable")]


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


def _near_pairs(faces: Array, threshold: float) -> tuple[Integers, Integers]:
    """Row numbers (i, j), i < j, of faces nearer than threshold, closest pair first."""
    found = [*_near_in_blocks(faces, threshold)]
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    pairs = np.concatenate([key for key, _ in found])
    squared = np.concatenate([value for _, value in found])
    # both faces may have found the pair, their distances differing by rounding: the lower row counts
    pairs, first = np.unique(pairs, return_index=True)
    pairs = pairs[np.argsort(squared[first], kind="stable")]
    i, j = np.divmod(pairs, len(faces))
    return i, j


def _near_in_blocks(faces: Array, threshold: float) -> Iterator[tuple[Integers, Array]]:
    """Pairs as i * N + j with squared distances, at most NEIGHBOURS for each face."""
    squares, step = (faces * faces).sum(1), max(1, BLOCK // max(1, len(faces)))
    for start in range(0, len(faces), step):
        rows = np.arange(start, min(start + step, len(faces)))
        squared = faces[rows] @ (-2 * faces.T)
        squared += squares
        squared += squares[rows, None]
        near: Flags = squared < np.float32(threshold) ** 2
        near[np.arange(len(rows)), rows] = False
        _keep_nearest(near, squared)
        row, other = np.nonzero(near)
        low, high = np.minimum(rows[row], other), np.maximum(rows[row], other)
        yield low * len(faces) + high, squared[row, other]


def _keep_nearest(near: Flags, squared: Array) -> None:
    """Unmark all but the NEIGHBOURS nearest in rows that have more."""
    for row in np.flatnonzero(near.sum(1) > NEIGHBOURS):
        columns = np.flatnonzero(near[row])
        near[row, columns[np.argpartition(squared[row, columns], NEIGHBOURS)[NEIGHBOURS:]]] = False


# groups


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups under the row number of their first face; entries of groups merged away are stale."""

    of: Integers  # (N,) the group of each face
    members: list[list[int]]
    photos: list[set[int]]
    total: NDArray[np.float64]  # (N, D) sum of a group's faces
    squares: NDArray[np.float64]  # (N,) sum of their squared lengths

    @staticmethod
    def single(faces: Array, photos: Integers) -> _Groups:
        """Every face a group of its own."""
        wide, rows = faces.astype(np.float64), range(len(faces))
        own = [{photo} for photo in photos.tolist()]
        return _Groups(np.arange(len(faces)), [[row] for row in rows], own, wide, (wide * wide).sum(1))

    def squared_distance(self, one: int, other: int) -> float:
        """Mean squared distance between the faces of one group and those of another."""
        n, m = len(self.members[one]), len(self.members[other])
        product = float(self.total[one] @ self.total[other])
        return float(self.squares[one]) / n + float(self.squares[other]) / m - 2 * product / (n * m)

    def join(self, one: int, other: int) -> None:
        """Move every face of other to one."""
        self.of[self.members[other]] = one
        self.members[one] += self.members[other]
        self.photos[one] |= self.photos[other]
        self.total[one] += self.total[other]
        self.squares[one] += self.squares[other]


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
