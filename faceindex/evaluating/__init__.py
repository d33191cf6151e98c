"""How well faces are recognised, told from faces whose people are known: arrays in, figures out.

seen         Labelled, Averages ──▶ as_known, as_strangers: who is nearest to each face, its own average without it
figures      Seen ──▶ precision, recall and wrong names at a threshold; the threshold to recommend; who is confused
evaluate()   all of it, and what weights, cohort and margin contribute
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceindex.errors import UsageProblem
from faceindex.evaluating.figures import (
    Figures,
    Pair,
    Person,
    Rate,
    by_person,
    confused,
    enough_strangers,
    figures,
    recall_at,
    recommended,
    thresholds,
)
from faceindex.evaluating.seen import Answers, Averages, Labelled, Measure, as_known, as_strangers
from faceindex.matching import rules_for

if TYPE_CHECKING:
    from faceindex.matching import Rules

FEWEST = 20  # faces that can be tested; fewer say nothing
STRANGERS_NAMED = (0.01, 0.001)  # parts of strangers that may be named where variants are compared


@dataclass(frozen=True, slots=True)
class Contribution:
    """The recall of a variant where so many strangers get a name, one for each of STRANGERS_NAMED."""

    name: str
    recall: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was found."""

    people: int
    faces: int  # labelled
    known: int  # of them tested as known
    strangers: int  # tested as strangers
    cohort: int  # faces by which distances are judged, 0: plain distances
    rules: Rules
    in_force: Figures
    at: tuple[Figures, ...]
    target: float
    recommended: float | None  # None: too few strangers to be sure of the target
    needed: int  # strangers that would do if none of them got a name
    persons: tuple[Person, ...]
    pairs: tuple[Pair, ...]
    contributions: tuple[Contribution, ...]


def evaluate(
    answers: Answers, target: float, threshold: float | None = None, margin: float | None = None
) -> Evaluation:
    """Test each labelled face as a known one and as a stranger, and the strangers as what they are.

    target is the part of strangers that may be given a name. threshold and margin take the place of those
    that the number of people gives. Raises UsageProblem if there are too few faces to say anything.
    """
    labelled, averages, measure = answers.labelled, answers.averages, answers.measure
    people = np.unique(averages.persons)
    if len(people) < 2 or len(labelled.faces) < FEWEST:
        raise UsageProblem(_too_few(len(labelled.faces), len(people)))
    known = as_known(labelled, averages, measure)
    if len(known.truth) < FEWEST:
        raise UsageProblem(_too_few(len(known.truth), len(people)))
    everybody = _together(labelled, answers.strangers)
    unknown = as_strangers(everybody, averages, measure)
    rules = rules_for(measure.cohort, len(people), threshold, margin)
    return Evaluation(
        people=len(people),
        faces=len(labelled.faces),
        known=len(known.truth),
        strangers=len(unknown.truth),
        cohort=len(measure.cohort.faces) if measure.cohort else 0,
        rules=rules,
        in_force=figures(known, unknown, rules.named, rules.margin),
        at=tuple(figures(known, unknown, t, rules.margin) for t in thresholds(rules.named)),
        target=target,
        recommended=recommended(known, unknown, rules.margin, target),
        needed=enough_strangers(target),
        persons=by_person(known, unknown, rules),
        pairs=confused(known, unknown, rules, set(people.tolist())),
        contributions=contributions(labelled, averages, everybody, measure, margin),
    )


def _too_few(faces: int, people: int) -> str:
    some = f"{faces} face{'s' * (faces != 1)} of {people} {'person' if people == 1 else 'people'}"
    return (
        f"only {some} can be tested; it takes {FEWEST} faces of two people or more, "
        "each with another face of the same person: name more faces first"
    )


def _together(labelled: Labelled, strangers: Labelled) -> Labelled:
    if not len(strangers.faces):
        return labelled
    return Labelled(
        np.concatenate([labelled.faces, strangers.faces]),
        np.concatenate([labelled.photos, strangers.photos]),
        np.concatenate([labelled.persons, strangers.persons]),
        np.concatenate([labelled.columns, strangers.columns]),
        np.concatenate([labelled.never, np.add(strangers.never, (len(labelled.faces), 0))]),
    )


# what each part contributes


def contributions(
    labelled: Labelled, averages: Averages, everybody: Labelled, measure: Measure, margin: float | None
) -> tuple[Contribution, ...]:
    """The recall with everything in force, then without one part after the other, at equal numbers of wrong names."""
    ones = np.ones_like(measure.weights)
    weighted, judged = bool((measure.weights != 1).any()), measure.cohort is not None
    variants = [("all in force", measure, margin), ("without margin", measure, 0.0)]
    if weighted:
        variants.append(("without weights", Measure(ones, measure.cohort), margin))
    if judged:
        variants.append(("without cohort", Measure(measure.weights, None), margin))
    if weighted and judged:
        variants.append(("without both", Measure(ones, None), margin))
    found = [_contribution(name, labelled, averages, everybody, one, wide) for name, one, wide in variants]
    if len(everybody.never):
        found.append(_contribution("without dates", labelled.undated(), averages, everybody.undated(), measure, margin))
    if len(np.unique(averages.persons)) < len(averages.persons):
        single = labelled.joined(averages), averages.joined(), everybody.undated()
        found.append(_contribution("one average a person", *single, measure, margin))
    return tuple(found)


def _contribution(
    name: str, labelled: Labelled, averages: Averages, everybody: Labelled, measure: Measure, margin: float | None
) -> Contribution:
    known, unknown = as_known(labelled, averages, measure), as_strangers(everybody, averages, measure)
    clear = rules_for(measure.cohort, len(np.unique(averages.persons)), None, margin).margin
    return Contribution(name, tuple(recall_at(known, unknown, clear, rate) for rate in STRANGERS_NAMED))
