"""Where faces that the machine matched would be today: by today's weights, cohort, averages and thresholds.

Each is compared with all averages as they are, itself left out of its own. Faces that bear a label, and those
that founded a cluster, stay where they are.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faceindex.db import transaction
from faceindex.matching import Rules, rules_for
from faceindex.pipeline.options import ScanOptions
from faceindex.store import ages, averages, encodings, journal, listings, questions
from faceindex.store.encodings import Match
from faceindex.store.questions import InForce, Members
from faceindex.suggesting import Against, Known, Standing, standing


@dataclass(frozen=True, slots=True)
class Move:
    """A face that would be somewhere else."""

    face: int
    photo: int
    cluster: int  # where it is
    person: str | None
    to: int | None  # None: nobody is near enough, and the next scan places it among the unknown
    to_person: str | None
    distance: float | None  # to the cluster it would join
    normalised: float | None
    own_distance: float | None  # to the one it is in, itself left out
    own_normalised: float | None


@dataclass(frozen=True, slots=True)
class Rematch:
    """What would change."""

    looked_at: int  # faces
    moves: list[Move]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where N faces belong: a row of Known, -1 for nobody."""

    targets: NDArray[np.int64]
    joins: NDArray[np.bool_]  # the target is another person's


def decide(
    known: Known, columns: NDArray[np.int64], seen: Standing, rules: Rules, barred: NDArray[np.bool_]
) -> Decision:
    """Apply the rules of matching to faces in clusters (columns, -1 for none), as each stands; barred are those whom
    dates forbid where they are.

    A face that is in a cluster stays there if it is near enough, and no other person with a name nearly as near; an
    unnamed cluster must be clearly nearer, for it may be more of the same person. One that is alone in its cluster
    stays unless somebody else is near enough.
    """
    own_named = known.named[columns] & (columns >= 0)
    first, second = seen.others.away[:, 0], seen.others.away[:, 1]
    named_first, margin = seen.named.away[:, 0], np.float32(rules.margin)
    limits = np.where(known.named, rules.named, rules.unnamed).astype(np.float32)
    stays = (seen.own < limits[columns]) & (named_first >= seen.own + margin)
    stays |= seen.alone & (columns >= 0)
    stays &= ~barred
    seen = replace(seen, own=np.where(barred, np.inf, seen.own).astype(np.float32))
    target = seen.others.columns[:, 0]
    named_rival = np.minimum(named_first, np.where(own_named, seen.own, np.inf))
    rival = np.where(known.named[target], np.minimum(second, seen.own), named_rival)
    joins = (target >= 0) & (first < limits[target]) & (rival >= first + margin) & (first < seen.own)
    return Decision(np.where(joins, target, np.where(stays, columns, -1)), joins)


def preview(db: sqlite3.Connection, options: ScanOptions) -> Rematch:
    """What would change, changing nothing."""
    with questions.at_one_moment(db):
        force = questions.in_force(db, options.backend, options.distance)
        return _compared(db, options, force) if force else Rematch(0, [])


def apply(db: sqlite3.Connection, options: ScanOptions) -> Rematch:
    """Put every such face where it belongs today, as one entry."""
    with transaction(db):
        force = questions.in_force(db, options.backend, options.distance)
        if force is None:
            return Rematch(0, [])
        found = _compared(db, options, force)
        with journal.entry(db, "cluster rematch", f"faces matched anew: {len(found.moves)}"):
            _put(db, options, force, found.moves)
        return found


def _put(db: sqlite3.Connection, options: ScanOptions, force: InForce, moves: list[Move]) -> None:
    matches = [
        Match(
            move.face, move.to, move.distance or 0.0, move.cluster, move.own_distance, founded=False,
            normalised=move.normalised, runner_up_normalised=move.own_normalised,
        )
        for move in moves
        if move.to is not None
    ]  # fmt: skip
    run = listings.last_run(db)
    assert run is not None  # weights are of a run
    _, rules = _rules(db, options, force)
    encodings.save_matches(db, run["run_id"], force.weights, rules.named, force.cohort_id, matches)
    averages.assign(db, {move.face: None for move in moves if move.to is None})


def _rules(db: sqlite3.Connection, options: ScanOptions, force: InForce) -> tuple[Known, Rules]:
    known = questions.known(db, options.backend)
    return known, rules_for(force.measure.cohort, known.people(), options.threshold, options.margin)


def _compared(db: sqlite3.Connection, options: ScanOptions, force: InForce) -> Rematch:
    known, rules = _rules(db, options, force)
    if not len(known.ids):
        return Rematch(0, [])
    against = Against.of(known, force.measure)
    looked_at, moves = 0, []
    for members in questions.machine_matched(db, options.backend, known):
        never, barred = forbidden(db, options.backend, members, known)
        seen = standing(against, members.faces, never)
        decision = decide(known, members.faces.columns, seen, rules, barred)
        looked_at += len(members.ids)
        moves += _moves(known, members, seen, decision, normalised=force.measure.cohort is not None)
    names = questions.names_of(db, known.ids[known.named].tolist())
    return Rematch(looked_at, [_with_names(move, names) for move in _one_of_each_photo(known, moves)])


def forbidden(
    db: sqlite3.Connection, backend: str, members: Members, known: Known
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(K, 2) pairs (row, owner) that must not be, and which rows (N,) dates forbid where they are."""
    faces, columns = members.ids.tolist(), members.faces.columns
    dates = questions.in_rows(ages.never(db, backend, faces), members.ids)
    barred = np.zeros(len(faces), bool)
    if len(known.ids):
        here = (columns[dates[:, 0]] >= 0) & (known.persons[columns[dates[:, 0]]] == dates[:, 1])
        barred[dates[here, 0]] = True
    said = questions.in_rows(questions.never_of_faces(db, faces), members.ids)
    return np.concatenate([said, dates]), barred


def _moves(known: Known, members: Members, seen: Standing, decision: Decision, *, normalised: bool) -> list[Move]:
    found = []
    for row in np.flatnonzero(decision.targets != members.faces.columns).tolist():
        target, own = int(decision.targets[row]), int(known.ids[members.faces.columns[row]])
        near = (float(seen.other_distance[row]), float(seen.others.away[row, 0])) if target >= 0 else (None, None)
        far = float(seen.own_distance[row]), float(seen.own[row])
        told = [*near, *(distance if np.isfinite(distance) else None for distance in far)]
        found.append(
            Move(
                int(members.ids[row]), int(members.faces.photos[row]), own, None,
                int(known.ids[target]) if target >= 0 else None, None,
                told[0], told[1] if normalised else None, told[2], told[3] if normalised else None,
            )
        )  # fmt: skip
    return found


def _one_of_each_photo(known: Known, moves: list[Move]) -> list[Move]:
    """Of several faces of a photo that would come to one person the nearest; the others stay where they are."""
    owner = dict(zip(known.ids.tolist(), known.persons.tolist(), strict=True))
    best: dict[tuple[int, int], Move] = {}
    for move in moves:
        if move.to is not None:
            place = move.photo, owner[move.to]
            best[place] = min(best.get(place, move), move, key=lambda m: (m.normalised or m.distance or 0.0, m.face))
    return [move for move in moves if move.to is None or best[move.photo, owner[move.to]] is move]


def _with_names(move: Move, names: dict[int, str]) -> Move:
    return Move(
        move.face, move.photo, move.cluster, names.get(move.cluster), move.to, names.get(move.to or 0), move.distance,
        move.normalised, move.own_distance, move.own_normalised,
    )  # fmt: skip
