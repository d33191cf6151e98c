"""What `faceindex recluster` groups anew, what it leaves alone, and that it can be taken back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli_fakes import call, isolate
from crowd import crowd

from faceindex.pipeline import reclustering
from faceindex.pipeline.options import ScanOptions
from faceindex.store import averages, encodings, journal, parting, people

PEOPLE = 70


@pytest.fixture
def scattered(tmp_path):
    """70 people, each of three photos in a cluster of its own, as if they had come before anything was known."""
    with crowd(tmp_path, PEOPLE) as many:
        many.faces = many.everybody(3)
        many.recognise()
        many.good = partition(many)
        averages.assign(many.db, {face: encodings.new_cluster(many.db, 1, "dlib") for face in many.faces})
        many.db.execute("DELETE FROM cluster WHERE cluster_id NOT IN (SELECT cluster_id FROM average)")
        yield many


def partition(many):
    groups = {}
    for face, cluster in zip(many.faces, many.clusters(many.faces), strict=True):
        groups.setdefault(cluster, set()).add(face)
    return sorted(map(sorted, groups.values()))


def preview(many, **options):
    return reclustering.preview(many.db, ScanOptions(**options))


def test_it_says_what_would_come_together_and_changes_nothing(scattered):
    before = scattered.clusters(scattered.faces)
    found = preview(scattered)
    assert (found.faces, found.clusters, found.groups, len(found.moves)) == (210, 210, PEOPLE, 140)
    assert scattered.clusters(scattered.faces) == before
    assert all(move.to in before and move.to != move.cluster for move in found.moves)


def test_applied_it_is_one_entry_that_undo_takes_back_exactly(scattered):
    before = scattered.clusters(scattered.faces)
    reclustering.apply(scattered.db, ScanOptions())
    assert partition(scattered) == scattered.good
    assert averages.check(scattered.db) == []
    assert preview(scattered).moves == []
    assert scattered.one("SELECT count(*) FROM match WHERE founded AND distance > 0")[0] == 210
    journal.undo(scattered.db)
    assert scattered.clusters(scattered.faces) == before
    assert averages.check(scattered.db) == []
    assert len(preview(scattered).moves) == 140


def say(many, act):
    with journal.entry(many.db, "cluster …", "said") as entry:
        act(entry)


def test_what_a_human_said_anything_of_stays_where_it_is(scattered):
    before = scattered.clusters(scattered.faces)
    db = scattered.db
    say(scattered, lambda entry: people.label(db, entry, before[0], "Anna"))
    say(scattered, lambda entry: people.merge(db, entry, before[3], [before[6]]))
    say(scattered, lambda entry: parting.different(db, entry, before[9], before[12]))
    say(scattered, lambda _: parting.ignore(db, [before[15]]))
    spoken = {0, 3, 6, 9, 12, 15}
    found = preview(scattered)
    assert found.faces == 210 - len(spoken)
    reclustering.apply(db, ScanOptions())
    after = scattered.clusters(scattered.faces)
    assert [after[i] for i in sorted(spoken)] == [before[0], before[3], before[3], before[9], before[12], before[15]]
    assert sum(after.count(before[i]) for i in (0, 9, 12, 15)) == 4
    journal.take_back(db, [2])  # what is taken back was not said
    assert preview(scattered).faces == 206


def test_no_two_faces_of_a_photo_come_together_and_poor_faces_follow(scattered):
    one = scattered.encoding(0)
    twins = scattered.photo(one, one + np.float32(0.001))
    poor = scattered.photo(one, width=300)
    scattered.recognise()
    reclustering.apply(scattered.db, ScanOptions())
    first, second = scattered.clusters(twins)
    assert first != second
    assert scattered.clusters(poor)[0] in (first, second)
    assert averages.check(scattered.db) == []


def test_a_threshold_and_plain_distances_can_be_tried(scattered):
    assert preview(scattered, threshold=0.0).moves == []
    assert len(preview(scattered, distance="plain", threshold=1.9).moves) > 140


def test_the_command_says_it_in_a_sentence_and_to_programs(tmp_path, monkeypatch, scattered):
    isolate(tmp_path, monkeypatch)
    done = call("recluster")
    assert (done.code, done.out) == (0, "")
    assert "210 faces in 210 clusters of which nobody said anything would be 70 clusters: 140 faces" in done.err
    rows = json.loads(call("recluster", "--json").out)
    assert len(rows) == 140
    assert set(rows[0]) == {"face", "cluster", "group", "to"}
    assert "70 clusters now, 140 faces moved" in call("recluster", "--apply").err
    assert "none would be anywhere else" in call("recluster").err
    assert call("undo").code == 0
