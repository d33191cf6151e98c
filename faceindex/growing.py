"""People who grow: how old they are on a photo, and which of their averages says anything of that age.

A life is told in stages, within which a face changes about as much as within the next. A cluster of somebody
who was born at a known time covers the stages of its dated photos. It is compared with photos of these stages
and of their neighbours; a face of a neighbouring stage that is near enough goes to a cluster of its own stage.
So a child at 3 and at 13 has two averages, and at 3 is not mistaken for a sister who is 13 on that photo.
The stages are a rule of thumb, not measured: the photos that could measure them are in private albums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

AGES = (1, 3, 6, 10, 14, 20)  # years at which a stage ends; nobody grows after the last
UNDATED = -1


@dataclass(frozen=True, slots=True)
class Span:
    """A cluster of somebody whose birth is known, and the stages of life that its dated photos cover."""

    cluster_id: int
    person_id: int
    born: float  # in years
    first: int
    last: int

    @staticmethod
    def of(cluster_id: int, person_id: int, born: str, earliest: str, latest: str) -> Span:
        """From dates as the index keeps them."""
        birth = years(born)
        return Span(cluster_id, person_id, birth, stage(years(earliest), birth), stage(years(latest), birth))

    def covers(self, number: int) -> bool:
        return self.first <= number <= self.last

    def overlaps(self, other: Span) -> bool:
        return self.first <= other.last and other.first <= self.last

    def reaches(self, stages: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether this says anything of each of these stages (N,); of an undated photo it does."""
        near: NDArray[np.bool_] = (stages == UNDATED) | ((stages >= self.first - 1) & (stages <= self.last + 1))
        return near


def years(date: str) -> float:
    """A date such as 2014, 2014-05 or 2014-05-30T12:00:00 in years; the middle of what it leaves open."""
    parts = [int(part) for part in date[:10].split("-")]
    if len(parts) == 1:
        return parts[0] + 0.5
    day = parts[2] - 0.5 if len(parts) > 2 else 15.5
    return parts[0] + (parts[1] - 1 + day / 31) / 12


def stage(taken: float, born: float) -> int:
    """The number of the stage of life, both dates in years; before birth the first."""
    return int(np.searchsorted(AGES, taken - born, "right"))


def stages(taken: NDArray[np.float64], born: float) -> NDArray[np.int64]:
    """The stages (N,) of somebody on photos taken then (N,), NaN and so UNDATED where that is not known."""
    found = np.searchsorted(AGES, np.nan_to_num(taken - born), "right")
    return np.where(np.isnan(taken), UNDATED, found)


def out_of_reach(taken: NDArray[np.float64], spans: Sequence[Span]) -> list[tuple[int, int]]:
    """(row, cluster_id) of photos (N,) of which a cluster says nothing."""
    return [
        (row, span.cluster_id)
        for span in spans
        for row in np.flatnonzero(~span.reaches(stages(taken, span.born))).tolist()
    ]
