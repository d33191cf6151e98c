"""Stage three: put new faces into clusters, first those of people we know, then among each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from faceindex import clustering, matching
from faceindex.db import transaction
from faceindex.distance import Cohort, distances
from faceindex.pipeline.ageing import Ages
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.stop import Stop
from faceindex.store import averages, cohorts, encodings, labels, runs
from faceindex.store.cohorts import StoredCohort
from faceindex.store.encodings import Averages, Match, Unmatched, Weights

BATCH = 10_000  # faces matched at once: bounds memory
PAIRS = 10**9  # faces times clusters compared at once: bounds how long others wait to write, to some 15 s
FEWEST = 500  # faces matched at once however many clusters: each batch reads all averages
GROWN = 1.1  # weights are computed afresh when there are so many times the encodings there were
MORE_TO_TRY = 1.1  # poor faces that were near nobody are tried again when there are so many times the clusters
MORE_CLUSTERS = 1.5  # a cohort is drawn afresh when there are so many times the clusters there were

Tick = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class _Measure:
    """What faces are compared by."""

    weights: Weights
    stored: StoredCohort | None

    def cohort(self, photo_ids: NDArray[np.int64]) -> Cohort | None:
        """The cohort with photos numbered as _ranks() numbers these; a photo that is none of them is -1."""
        if self.stored is None:
            return None
        whole, ranks = self.stored.cohort, _ranks(photo_ids)
        rank_of = dict(zip(photo_ids.tolist(), ranks.tolist(), strict=True))
        photos = np.array([rank_of.get(photo, -1) for photo in whole.photos.tolist()], np.int64)
        return replace(whole, photos=photos)


def recognise(db: sqlite3.Connection, run_id: int, options: ScanOptions, stop: Stop, tick: Tick) -> None:
    """Match every face that is in no cluster yet; each batch is one transaction."""
    if runs.spoken_since_last(db, run_id):
        with transaction(db):
            encodings.try_again(db, options.backend)
    if not encodings.unmatched(db, options.backend, 1).face_ids.size:
        return
    weights = _weights(db, run_id, options.backend)
    while stop.reason() is None:
        # Read and written under one lock: a human may be merging clusters at this moment.
        with transaction(db):
            measure = _Measure(weights, _cohort(db, run_id, options, weights))
            _settle_labelled(db, run_id, options.backend, weights)
            encodings.try_again(db, options.backend, encodings.clusters(db, options.backend) / MORE_TO_TRY)
            batch = encodings.unmatched(db, options.backend, _batch(encodings.clusters(db, options.backend)))
            if not batch.face_ids.size:
                return
            _match_batch(db, run_id, options, measure, batch)
        tick(batch.face_ids.size)


def _batch(clusters: int) -> int:
    """How many faces to match at once."""
    return min(BATCH, max(FEWEST, PAIRS // max(1, clusters)))


def _weights(db: sqlite3.Connection, run_id: int, backend: str) -> Weights:
    """The weights in force, computed afresh where the library has grown enough since."""
    latest = encodings.latest_weights(db, backend)
    count = encodings.count(db, backend)
    enough = count >= matching.MIN_ENCODINGS
    if latest and (not enough or count < latest.encodings * GROWN):
        return latest
    dimensions = next(encodings.blocks(db, backend)).shape[1]
    vector = matching.variance_weights(encodings.blocks(db, backend), dimensions)
    with transaction(db):
        return encodings.add_weights(db, run_id, backend, count if enough else 0, vector)


def _cohort(db: sqlite3.Connection, run_id: int, options: ScanOptions, weights: Weights) -> StoredCohort | None:
    """The cohort in force, drawn afresh where the library has grown enough since; None where it is too small."""
    if options.distance == "plain":
        return None
    latest = cohorts.latest(db, options.backend)
    clusters = encodings.clusters(db, options.backend)
    if latest and clusters < latest.clusters * MORE_CLUSTERS:
        return latest
    drawn = cohorts.draw(db, run_id, options.backend, clusters, weights)
    if drawn:
        encodings.try_again(db, options.backend)  # by a better measure
    return drawn or latest


def _match_batch(
    db: sqlite3.Connection, run_id: int, options: ScanOptions, measure: _Measure, batch: Unmatched
) -> None:
    gallery = encodings.all_averages(db, options.backend)
    cohort = measure.cohort(batch.photo_ids)
    people = len(np.unique(gallery.persons[gallery.named]))
    rules = matching.rules_for(cohort, people, options.threshold, options.margin, len(gallery.cluster_ids))
    ages = Ages.of(db, options.backend, batch)
    forbidden = set(encodings.forbidden(db, batch))
    never = _places(forbidden | ages.never(batch), batch, gallery)
    found = _join(measure.weights, rules, batch, gallery, never, cohort)
    joined: NDArray[np.bool_] = found.cluster >= 0
    matches = _as_matches(batch, gallery, found, joined)
    matches = ages.settle(db, run_id, options.backend, batch, matches, forbidden)
    encodings.put_aside(db, batch.face_ids[~joined & ~batch.counts].tolist(), encodings.clusters(db, options.backend))
    groups = _found_clusters(db, run_id, options, measure, batch, found, ~joined & batch.counts, gallery)
    _discount_copies(db, batch, measure.weights, [*matches, *groups])
    number = measure.stored.cohort_id if measure.stored else None
    encodings.save_matches(db, run_id, measure.weights, rules.named, number, [*matches, *groups])
    named = int(gallery.named[found.cluster[joined]].sum())
    clusters = len({match.cluster_id for match in groups})
    runs.count(db, run_id, faces_named=named, clusters_new=clusters)


def _discount_copies(db: sqlite3.Connection, batch: Unmatched, weights: Weights, matches: list[Match]) -> None:
    """Have bursts and resized copies count once in the averages of the clusters that they join."""
    row_of = {int(face): row for row, face in enumerate(batch.face_ids)}
    joining = sorted((match.cluster_id, row_of[match.face_id]) for match in matches)
    for cluster_id, pairs in groupby(joining, key=itemgetter(0)):
        rows = np.array([row for _, row in pairs])
        rows = rows[batch.counts[rows]]
        known = encodings.counting(db, cluster_id)
        if len(rows) + len(known) > 1:
            copies = matching.near_copies(batch.vectors[rows], known, weights.vector)
            averages.discount(db, batch.face_ids[rows[copies]].tolist())


def _join(
    weights: Weights,
    rules: matching.Rules,
    batch: Unmatched,
    gallery: Averages,
    never: NDArray[np.int64],
    cohort: Cohort | None,
) -> matching.Matches:
    return matching.match(
        batch.vectors,
        _ranks(batch.photo_ids),
        gallery.means if gallery.means.size else np.zeros((0, batch.vectors.shape[1]), np.float32),
        gallery.persons,
        gallery.named,
        weights.vector,
        rules,
        never,
        cohort,
    )


def _ranks(photo_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers for photos that follow from their digests, by which faces come sorted; ids follow from chance."""
    return np.cumsum(np.diff(photo_ids, prepend=photo_ids[:1]) != 0)


def _places(pairs: Iterable[tuple[int, int]], batch: Unmatched, gallery: Averages) -> NDArray[np.int64]:
    """(K, 2) pairs of (row, column) from pairs of (face_id, cluster_id)."""
    row_of = {int(face): row for row, face in enumerate(batch.face_ids)}
    column_of = {int(cluster): column for column, cluster in enumerate(gallery.cluster_ids)}
    found = [(row_of[face], column_of[cluster]) for face, cluster in pairs if face in row_of and cluster in column_of]
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def _as_matches(batch: Unmatched, gallery: Averages, found: matching.Matches, joined: NDArray[np.bool_]) -> list[Match]:
    return [
        Match(
            int(batch.face_ids[row]),
            int(gallery.cluster_ids[found.cluster[row]]),
            float(found.distance[row]),
            *_runner_up(gallery, found, int(row)),
            founded=False,
            normalised=_told(found.normalised[row]),
            runner_up_normalised=_told(found.runner_up_normalised[row]),
        )
        for row in np.flatnonzero(joined)
    ]


def _told(distance: np.float32) -> float | None:
    """A distance as the index keeps it; None where there is none."""
    return float(distance) if np.isfinite(distance) else None


def _runner_up(gallery: Averages, found: matching.Matches, row: int) -> tuple[int | None, float | None]:
    column = found.runner_up[row]
    if column < 0:
        return None, None
    return int(gallery.cluster_ids[column]), float(found.runner_up_distance[row])


def _found_clusters(
    db: sqlite3.Connection,
    run_id: int,
    options: ScanOptions,
    measure: _Measure,
    batch: Unmatched,
    found: matching.Matches,
    left: NDArray[np.bool_],
    gallery: Averages,
) -> list[Match]:
    """Group the faces that joined nobody into new clusters; many will hold one face."""
    rows = np.flatnonzero(left)
    if not rows.size:
        return []
    vectors = batch.vectors[rows]
    weights, photo_ids = measure.weights.vector, batch.photo_ids[rows]
    groups = _groups(vectors, photo_ids, measure, options)
    matches = []
    for number in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == number)
        cluster = encodings.new_cluster(db, run_id, options.backend)
        average = vectors[members].mean(axis=0, keepdims=True)
        distance = distances(vectors[members], average, weights)[:, 0]
        for member, far in zip(members, distance, strict=True):
            row = int(rows[member])
            nearest = _nearest(gallery, found, row)
            matches.append(Match(int(batch.face_ids[row]), cluster, float(far), *nearest, founded=True))
    return matches


def _groups(
    vectors: NDArray[np.float32], photo_ids: NDArray[np.int64], measure: _Measure, options: ScanOptions
) -> NDArray[np.int64]:
    cohort = measure.cohort(photo_ids)
    if cohort is None and options.distance == "plain":
        return clustering.group(vectors, _ranks(photo_ids), measure.weights.vector, most_cohorts=0)[0]
    return clustering.group(vectors, _ranks(photo_ids), measure.weights.vector, cohort=cohort)[0]


def _nearest(gallery: Averages, found: matching.Matches, row: int) -> tuple[int | None, float | None]:
    """The cluster that a founding face was nearest to and did not join."""
    column = found.nearest[row]
    if column < 0:
        return None, None
    return int(gallery.cluster_ids[column]), float(found.distance[row])


def _settle_labelled(db: sqlite3.Connection, run_id: int, backend: str, weights: Weights) -> None:
    """Faces a human named, but which are in no cluster (an edited photo's, another backend's), go where the
    faces went that they were named with; else they found a cluster of that person."""
    faces = labels.without_cluster(db, backend)
    kin = labels.kin(db, backend) if faces else set()
    for face in faces:
        near = [c for c in labels.open_clusters(db, face) if face.source_id in (None, c) or (face.source_id, c) in kin]
        if near:
            cluster = _nearest_of(db, face.face_id, near, weights)
        else:
            cluster = encodings.new_cluster(db, run_id, backend, face.person_id)
        kin.add((face.source_id, cluster))
        averages.assign(db, {face.face_id: cluster})


def _nearest_of(db: sqlite3.Connection, face_id: int, clusters: list[int], weights: Weights) -> int:
    if len(clusters) == 1:
        return clusters[0]
    vector = encodings.vector(db, face_id)[None, :]
    return clusters[int(distances(vector, encodings.means(db, clusters), weights.vector).argmin())]
