"""People who grow: each face in a cluster of its age, so that several averages follow them through the years."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faceindex.growing import Span, out_of_reach, stage
from faceindex.store import ages, encodings
from faceindex.store.encodings import Match, Unmatched


@dataclass(frozen=True, slots=True)
class Ages:
    """The clusters of people whose birth is known, and when the faces of a batch were photographed."""

    spans: Sequence[Span]
    taken: NDArray[np.float64]  # (N,) years, NaN: not known

    @staticmethod
    def of(db: sqlite3.Connection, backend: str, batch: Unmatched) -> Ages:
        spans = ages.spans(db, backend)
        return Ages(spans, ages.taken(db, batch.photo_ids if spans else []))

    def never(self, batch: Unmatched) -> set[tuple[int, int]]:
        """(face_id, cluster_id) too far apart in age to say anything of each other."""
        return {(int(batch.face_ids[row]), cluster) for row, cluster in out_of_reach(self.taken, self.spans)}

    def settle(
        self, db: sqlite3.Connection, run_id: int, backend: str, batch: Unmatched, matches: Sequence[Match],
        forbidden: Collection[tuple[int, int]],
    ) -> list[Match]:  # fmt: skip
        """The same matches, but a face of an age that its cluster does not cover goes to one of that person that
        does; where there is none, a face that counts founds it."""
        span_of = {span.cluster_id: span for span in self.spans}
        row_of = {int(face): row for row, face in enumerate(batch.face_ids)}
        theirs: defaultdict[int, list[Span]] = defaultdict(list)
        for each in self.spans:
            theirs[each.person_id].append(each)

        def settled() -> Iterator[Match]:
            for match in matches:
                span, row = span_of.get(match.cluster_id), row_of[match.face_id]
                if span is None or np.isnan(self.taken[row]) or span.covers(age := stage(self.taken[row], span.born)):
                    yield match
                    continue
                of_age = [s for s in theirs[span.person_id] if s.covers(age)]
                allowed = [s.cluster_id for s in of_age if (match.face_id, s.cluster_id) not in forbidden]
                if not of_age and batch.counts[row]:
                    allowed = [encodings.new_cluster(db, run_id, backend, span.person_id)]
                    theirs[span.person_id].append(replace(span, cluster_id=allowed[0], first=age, last=age))
                yield replace(match, cluster_id=allowed[0]) if allowed else match

        return list(settled())
