"""Precision, recall and wrong names at a threshold, who is recognised least, who is taken for whom.

Intervals are Wilson's, of 95 %. They take faces as independent; those of one person are not quite, so the
truth is a little less certain than they say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from faceindex.evaluating.seen import Seen
    from faceindex.matching import Rules

Z = 1.96  # of the normal distribution: intervals of 95 %
STEP = 0.02  # between two thresholds of the table
LOWEST, HIGHEST = 0.8, 1.3  # of the threshold in force: where the table begins and ends


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, with Wilson's interval (Wilson 1927)."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def low(self) -> float:
        return self._middle() - self._half() if self.part else 0.0

    @property
    def high(self) -> float:
        return self._middle() + self._half() if self.part < self.whole else 1.0

    def _middle(self) -> float:
        return (self.part + Z * Z / 2) / (self.whole + Z * Z)

    def _half(self) -> float:
        p, n = self.part / self.whole, self.whole
        return float(Z / (1 + Z * Z / n) * np.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)))


@dataclass(frozen=True, slots=True)
class Figures:
    """What one threshold does."""

    threshold: float
    recall: Rate  # of faces of known people, those with their own name
    precision: Rate  # of the names given to faces of known people and to strangers, the right ones
    wrong: Rate  # of strangers, those with a name


@dataclass(frozen=True, slots=True)
class Person:
    """How one person fares."""

    person: int
    recall: Rate
    misnamed: int  # faces of theirs that get another name
    others: int  # faces of others, taken for strangers, that get their name


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who are taken for each other."""

    person: int
    taken_for: int
    misnamed: int  # faces of person that get the other's name …
    unknown: int  # … and that would if person had no name
    nearest: float  # distance of the nearest of them


def thresholds(in_force: float) -> list[float]:
    """Round thresholds on both sides of the one in force."""
    return [
        round(float(step * STEP), 2)
        for step in range(int(LOWEST * in_force / STEP), int(HIGHEST * in_force / STEP) + 2)
    ]


def figures(known: Seen, unknown: Seen, threshold: float, margin: float) -> Figures:
    """What this threshold does to faces of known people and to strangers."""
    named, strangers = known.named(threshold, margin), unknown.named(threshold, margin)
    right = int((named & (known.person == known.truth)).sum())
    given = int(named.sum() + strangers.sum())
    wrong = Rate(int(strangers.sum()), len(strangers))
    return Figures(threshold, Rate(right, len(named)), Rate(right, given), wrong)


def recommended(known: Seen, unknown: Seen, margin: float, target: float) -> float | None:
    """The largest threshold at which, by the upper end of the interval, at most target of strangers get a name."""
    reach = np.sort(unknown.nameable(margin))
    bounds = [Rate(part, len(reach)).high for part in range(min(len(reach), int(target * len(reach)) + 1))]
    within = [part for part, bound in enumerate(bounds) if bound <= target]
    if not within:
        return None
    threshold = min(float(reach[within[-1]]), float(known.distance.max()))
    return float(np.floor(threshold * 1000) / 1000)


def enough_strangers(target: float) -> int:
    """How many strangers show that at most target of them get a name, if none of them does."""
    return int(np.ceil(Z * Z * (1 - target) / target))


def by_person(known: Seen, unknown: Seen, rules: Rules) -> tuple[Person, ...]:
    """How each person fares under the rules, the least recognised first."""
    named, strangers = (seen.named(rules.named, rules.margin) for seen in (known, unknown))
    right = Counter(known.truth[named & (known.person == known.truth)].tolist())
    wrong = Counter(known.truth[named & (known.person != known.truth)].tolist())
    others, tested = Counter(unknown.person[strangers].tolist()), Counter(known.truth.tolist())
    found = [Person(who, Rate(right[who], tested[who]), wrong[who], others[who]) for who in sorted({*tested, *others})]
    return tuple(sorted(found, key=lambda p: (p.recall.value is None, p.recall.value or 0, -p.recall.whole)))


def confused(known: Seen, unknown: Seen, rules: Rules, people: set[int], most: int = 10) -> tuple[Pair, ...]:
    """The pairs of people most often confused under the rules, then those that are nearest to it."""
    nearest: dict[tuple[int, int], float] = {}
    for truth, person, distance in zip(
        unknown.truth.tolist(), unknown.person.tolist(), unknown.distance.tolist(), strict=True
    ):
        if truth in people:
            nearest[truth, person] = min(distance, nearest.get((truth, person), np.inf))
    misnamed, taken = (_named_pairs(seen, rules) for seen in (known, unknown))
    pairs = [Pair(*pair, misnamed[pair], taken[pair], distance) for pair, distance in nearest.items()]
    return tuple(sorted(pairs, key=lambda p: (-p.misnamed, -p.unknown, p.nearest, p.person))[:most])


def _named_pairs(seen: Seen, rules: Rules) -> Counter[tuple[int, int]]:
    """How often a face of one person gets the name of another."""
    wrong = seen.named(rules.named, rules.margin) & (seen.person != seen.truth)
    return Counter(zip(seen.truth[wrong].tolist(), seen.person[wrong].tolist(), strict=True))


def recall_at(known: Seen, unknown: Seen, margin: float, rate: float) -> Rate:
    """The recall at the threshold that names this part of the strangers."""
    reach = np.sort(unknown.nameable(margin))
    threshold = float(reach[min(len(reach) - 1, int(rate * len(reach)))])
    return figures(known, unknown, threshold, margin).recall
