"""Which tagged faces of one name are one cluster: as the machine grouped them, and the rest by likeness.

A cluster of the index in which this name leads becomes theirs with all it holds. A face that stands alone, or among
somebody else's, joins the nearest of them that is near enough, so that a child and the adult keep an average each.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from faceindex.labelfile import Spot
from faceindex.pipeline.importing.plan import Said
from faceindex.store import encodings, tagging

NEAR = 0.6  # plain distance, at which face_recognition takes two faces for one person; wider than the machine's own
SEVERAL = 2  # faces of a name that make a cluster theirs

Array = NDArray[np.float32]


def groups(
    db: sqlite3.Connection, name: str, said: Sequence[Said], drawings: Mapping[Spot, Array | str]
) -> dict[Spot, str]:
    """Which group each face of a name belongs to; a group is one cluster."""
    found: dict[Spot, str] = {}
    apart: defaultdict[str, list[Said]] = defaultdict(list)
    for each in said:
        apart[each.tag.group].append(each)
    for group, mine in sorted(apart.items()):
        found.update(_groups(db, name, group, mine, drawings))
    return found


def _groups(
    db: sqlite3.Connection, name: str, group: str, said: Sequence[Said], drawings: Mapping[Spot, Array | str]
) -> dict[Spot, str]:
    clusters = _theirs(db, name, said)
    found = {each.spot: f"{group} {cluster}" for each in said if each.spot and (cluster := _cluster(each)) in clusters}
    means = {f"{group} {cluster}": mean for cluster, mean in _means(db, clusters).items()}
    made: dict[str, int] = {}  # groups of those who stand alone: how many they are
    for each in said:
        if each.spot is None or each.spot in found:
            continue
        vector = _vector(db, each, drawings)
        near = None if vector is None else _nearest(vector, means)
        if near is None:
            near = group if group not in made and not clusters else f"{group} +{len(made)}"
        found[each.spot] = near
        if vector is not None and (near in made or near not in means):
            made[near] = made.get(near, 0) + 1
            before = means.get(near, vector)
            means[near] = (before + (vector - before) / made[near]).astype(np.float32)
    return found


def _cluster(said: Said) -> int | None:
    return said.face.cluster_id if said.face is not None else None


def _theirs(db: sqlite3.Connection, name: str, said: Sequence[Said]) -> set[int]:
    """Clusters that are this person's already, or of which several faces are tagged so."""
    counted = Counter(cluster for each in said if (cluster := _cluster(each)) is not None)
    owners = tagging.clusters(db, counted)
    return {
        cluster
        for cluster, number in counted.items()
        if owners[cluster][0] == name or (owners[cluster][0] is None and number >= SEVERAL)
    }


def _means(db: sqlite3.Connection, clusters: set[int]) -> dict[int, Array]:
    numbers = sorted(clusters)
    return dict(zip(numbers, encodings.means(db, numbers), strict=True)) if numbers else {}


def _vector(db: sqlite3.Connection, said: Said, drawings: Mapping[Spot, Array | str]) -> Array | None:
    if said.face is not None:
        return encodings.vector(db, said.face.face_id)
    drawn = drawings.get(said.spot) if said.spot is not None else None
    return None if drawn is None or isinstance(drawn, str) else drawn


def _nearest(vector: Array, means: Mapping[str, Array]) -> str | None:
    away = {group: float(np.linalg.norm(mean - vector)) for group, mean in means.items()}
    best = min(away, key=lambda group: (away[group], group), default=None)
    return best if best is not None and away[best] <= NEAR else None
