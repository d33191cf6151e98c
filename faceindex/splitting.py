"""One group of faces into a given number of parts: average linkage, from arrays alone.

Parts are joined closest first until so many are left. Two parts that hold faces of one photo are joined only
when nothing else can be. The order of the faces never matters but between equals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Integers = NDArray[np.int64]

MOST = 1_500  # faces linked; the others of a larger group go to the nearest part. Bounds memory to some 20 MB
APART = 1e6  # added to the distance of two faces of one photo: farther than any two faces are


def split(encodings: Array, photos: Sequence[int], count: int) -> Integers:
    """Number of the part, 0 to count - 1, for each of (N, D) encodings; parts are numbered as their first faces come.

    Raises ValueError unless 1 <= count <= N.
    """
    total = len(encodings)
    if not 1 <= count <= total:
        raise ValueError(f"{total} faces cannot be split into {count} parts")
    of_photo = np.unique(np.asarray(photos, np.int64), return_inverse=True)[1]
    chosen = np.unique(np.linspace(0, total - 1, min(total, max(MOST, count))).round().astype(np.int64))
    parts = np.full(total, -1, np.int64)
    parts[chosen] = _linked(encodings[chosen].astype(np.float64), of_photo[chosen], count)
    _assign_rest(encodings, of_photo, parts, count)
    return _numbered(parts)


def _linked(faces: NDArray[np.float64], photos: Integers, count: int) -> Integers:
    """Join the two nearest parts until `count` are left."""
    squares = (faces**2).sum(axis=1)
    gaps = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * faces @ faces.T, 0))
    gaps += APART * (photos[:, None] == photos[None, :])
    np.fill_diagonal(gaps, np.inf)
    parts, sizes = np.arange(len(faces)), np.ones(len(faces))
    nearest = gaps.min(axis=1)
    for _ in range(len(faces) - count):
        one = int(nearest.argmin())
        other = int(gaps[one].argmin())
        one, other = min(one, other), max(one, other)
        was = np.minimum(gaps[one], gaps[other])
        # The mean over all pairs of the joined part, from the means of its two parts.
        joined = (sizes[one] * gaps[one] + sizes[other] * gaps[other]) / (sizes[one] + sizes[other])
        joined[[one, other]] = np.inf
        gaps[one], gaps[:, one] = joined, joined
        gaps[other], gaps[:, other] = np.inf, np.inf
        sizes[one] += sizes[other]
        parts[parts == other] = one
        # A mean is never nearer than the nearer of the two: only who was nearest to these must look again.
        again = nearest == was
        again[[one, other]] = True
        nearest[again] = gaps[again].min(axis=1)
    return np.unique(parts, return_inverse=True)[1].astype(np.int64)


def _assign_rest(encodings: Array, photos: Integers, parts: Integers, count: int) -> None:
    """Put each face that was not linked to the nearest part without a face of its photo, if there is one."""
    rest = np.flatnonzero(parts < 0)
    if not rest.size:
        return
    means = np.stack([encodings[parts == part].mean(axis=0, dtype=np.float64) for part in range(count)])
    taken = {(int(photos[i]), int(parts[i])) for i in np.flatnonzero(parts >= 0)}
    for face in rest:
        order = np.argsort(((means - encodings[face]) ** 2).sum(axis=1), kind="stable").tolist()
        part = next((p for p in order if (int(photos[face]), p) not in taken), order[0])
        parts[face] = part
        taken.add((int(photos[face]), part))


def _numbered(parts: Integers) -> Integers:
    first = {int(part): place for place, part in reversed(list(enumerate(parts)))}
    rank = {part: number for number, part in enumerate(sorted(first, key=first.__getitem__))}
    return np.array([rank[int(part)] for part in parts], np.int64)
