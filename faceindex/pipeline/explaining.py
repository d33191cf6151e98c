"""Why a face is where it is, and where it would be put today."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceindex.matching import Rules, rules_for
from faceindex.pipeline.rematching import decide, forbidden
from faceindex.store import ages, questions, reasons
from faceindex.store.questions import InForce, Members
from faceindex.suggesting import Against, Faces, Known, Near, Standing, nearest, standing

Row = dict[str, Any]
SHOWN = 5  # nearest averages, and nearest faces


def explain(db: sqlite3.Connection, face_id: int) -> Row:
    """Everything that is known of a face's place: facts, the last match, constraints, and what rules say today.

    "now" is null where the face has no encoding, or where nothing was ever matched.
    """
    with questions.at_one_moment(db):
        face = reasons.face(db, face_id)
        force = questions.in_force(db, face["backend"])
        return {
            **face,
            "match": reasons.match(db, face_id),
            "constraints": reasons.constraints(db, face_id) + ages.binding(db, face["backend"], face["photo"]),
            "now": _now(db, face, force) if force and face["encoded"] else None,
        }


def _now(db: sqlite3.Connection, face: Row, force: InForce) -> Row:
    known = questions.known(db, face["backend"])
    rules = rules_for(force.measure.cohort, known.people())
    against = Against.of(known, force.measure)
    members = questions.one(db, face["face"], known) or _homeless(db, face)
    never, barred = forbidden(db, face["backend"], members, known)
    seen = _stands(against, members, never)
    names = questions.names_of(db, known.ids[known.named].tolist())
    target = int(decide(known, members.faces.columns, seen, rules, barred).targets[0]) if len(known.ids) else -1
    return {
        "threshold_named": rules.named,
        "threshold_unnamed": rules.unnamed,
        "margin": rules.margin,
        "people": known.people(),
        "clusters": len(known.ids),
        "weights": force.weights.weights_id,
        "cohort": force.cohort_id,
        "norm": _norm(force, members, known),
        "rule": _rule(known, members, seen, rules, target, barred=bool(barred[0])),
        "would_be_in": int(known.ids[target]) if target >= 0 else None,
        "would_be": names.get(int(known.ids[target])) if target >= 0 else None,
        "averages": _averages(against, members, seen, names, set(never[:, 1].tolist())),
        "faces": _faces(db, face, members, against, names),
    }


def _homeless(db: sqlite3.Connection, face: Row) -> Members:
    """A face that is in no cluster, or in one to be left alone."""
    one = np.array([face["photo"]])
    faces = Faces(reasons.vector(db, face["face"]), one, np.array([-1]), np.array([False]))
    return Members(np.array([face["face"]]), faces)


def _persons(known: Known, members: Members) -> NDArray[np.int64]:
    """Whose the face is, which tells whom the cohort leaves out; 0 is nobody."""
    columns = members.faces.columns
    return known.persons[columns] if columns[0] >= 0 else np.zeros(1, np.int64)


def _stands(against: Against, members: Members, never: NDArray[np.int64]) -> Standing:
    known, faces = against.known, members.faces
    if faces.columns[0] >= 0:
        return standing(against, faces, never)
    norms = against.measure.norms(faces.vectors, faces.photos, _persons(known, members))
    others = nearest(against, faces.vectors, norms, never, 2)
    named = nearest(Against.of(known.only(known.named), against.measure), faces.vectors, norms, never, 1)
    none = np.full(1, np.inf, np.float32)
    return Standing(none > 0, none, none, others, none, Near(np.full((1, 1), -1), named.away))


def _norm(force: InForce, members: Members, known: Known) -> float | None:
    """μ: how far the face is from those of the cohort that are nearest to it."""
    norms = force.measure.norms(members.faces.vectors, members.faces.photos, _persons(known, members))
    return None if norms is None else float(0.5 / norms.halves()[0])


def _rule(known: Known, members: Members, seen: Standing, rules: Rules, target: int, *, barred: bool) -> str:
    """Which rule decides, by name: joins, stays, alone, between (alone, and several others are nearly as near), far,
    rival, barred (by dates) or empty."""
    if not len(known.ids):
        return "empty"
    column = int(members.faces.columns[0])
    if target >= 0:
        return "joins" if target != column else _alone(known, seen, rules) if seen.alone[0] else "stays"
    if barred:
        return "barred"
    best = min(float(seen.own[0]), float(seen.others.away[0, 0]))
    first = int(seen.others.columns[0, 0])
    nearest_one = column if seen.own[0] <= seen.others.away[0, 0] else first
    limit = rules.named if nearest_one >= 0 and known.named[nearest_one] else rules.unnamed
    return "rival" if best < limit else "far"


def _alone(known: Known, seen: Standing, rules: Rules) -> str:
    first = int(seen.others.columns[0, 0])
    near = first >= 0 and seen.others.away[0, 0] < (rules.named if known.named[first] else rules.unnamed)
    return "between" if near else "alone"


def _averages(against: Against, members: Members, seen: Standing, names: dict[int, str], never: set[int]) -> list[Row]:
    """The nearest averages, the face left out of its own; may_be tells those that nothing forbids."""
    known, faces = against.known, members.faces
    if not len(known.ids):
        return []
    norms = against.measure.norms(faces.vectors, faces.photos, _persons(known, members))
    away = np.sqrt(against.squared(faces.vectors, norms))[0]
    plain = np.sqrt(against.gallery.squared(faces.vectors))[0]
    own = int(faces.columns[0])
    if own >= 0:
        plain[own], away[own] = _itself_left_out(against, members)
    order = [place for place in np.argsort(away, kind="stable").tolist() if np.isfinite(away[place])][:SHOWN]
    return [
        {
            "cluster": int(known.ids[place]),
            "person": names.get(int(known.ids[place])),
            "faces": int(known.faces[place]),
            "distance": float(plain[place]),
            "normalised": float(away[place]) if norms is not None else None,
            "own": place == own,
            "may_be": int(known.persons[place]) not in never,
        }
        for place in order
    ]


def _itself_left_out(against: Against, members: Members) -> tuple[float, float]:
    """Plain and normalised distance to its own cluster alone, without it."""
    known = against.known
    only = np.arange(len(known.ids)) == members.faces.columns[0]
    faces = Faces(members.faces.vectors, members.faces.photos, np.zeros(1, np.int64), members.faces.counts)
    seen = standing(Against.of(known.only(only), against.measure), faces, np.zeros((0, 2), np.int64))
    return float(seen.own_distance[0]), float(seen.own[0])


def _faces(db: sqlite3.Connection, face: Row, members: Members, against: Against, names: dict[int, str]) -> list[Row]:
    """The nearest faces of other clusters."""
    found = reasons.nearest_faces(db, face["face"], against.measure.weights)[:SHOWN]
    norms = against.measure.norms(members.faces.vectors, members.faces.photos, _persons(against.known, members))
    owners = dict(zip(against.known.ids.tolist(), against.known.persons.tolist(), strict=True))
    rows = []
    for each in found:
        theirs = np.frombuffer(each["vector"], "<f4").astype(np.float32)[None, :]
        other = against.measure.norms(
            theirs, np.array([each["photo"]]), np.array([owners.get(each["cluster"], -each["cluster"])])
        )
        half = float(norms.halves()[0] + other.halves()[0]) if norms is not None and other is not None else None
        rows.append({
            "face": each["face"],
            "cluster": each["cluster"],
            "person": names.get(each["cluster"]),
            "distance": each["distance"],
            "normalised": None if half is None else each["distance"] * half,
            "path": reasons.path_of(db, each["photo"]),
        })  # fmt: skip
    return rows
