"""Any entry is taken back long after: what nobody spoke of since is as it was, a later word stays."""

from __future__ import annotations

from contextlib import closing

import library
import pytest

from faceindex import db as index_file
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import averages, encodings, faces, journal, parting, people, photos

TABLES = ("person", "cluster", "face", "encoding", "label", "rejection", "ignored", "different", "average")


@pytest.fixture
def db(tmp_path):
    with closing(library.new_index(tmp_path)) as index:
        yield index
        assert averages.check(index) == []
        assert index_file.check(index) == []


@pytest.fixture
def run(db):
    return library.begin(db)


@pytest.fixture
def three(db, run):
    """Clusters 1, 2 and 3 of two faces each: a, b and c."""
    return [
        library.found(db, run, [f for n in "xy" for f in library.add_photo(db, run, f"/lib/{who}{n}.jpg", who)])
        for who in "abc"
    ]


def dump(db):
    return {table: sorted(map(tuple, db.execute(f"SELECT * FROM {table}")), key=repr) for table in TABLES}


def do(db, command, act, *arguments):
    """One entry; returns its number."""
    with journal.entry(db, command, command) as journal_id:
        act(db, *([journal_id] if act is not people.rename else []), *arguments)
    return journal_id


def merge(db, into, *others):
    return do(db, "cluster merge", people.merge, into, others)


def label(db, cluster, name):
    return do(db, "cluster label", people.label, cluster, name)


def members(db, cluster):
    return averages.faces_of(db, cluster)


def test_a_merge_is_taken_back_after_its_faces_were_carried_on_twice_and_renamed(db, three):
    label(db, 2, "Ben")
    before = members(db, 2), library.labels(db)
    wrong = merge(db, 1, 2)
    merge(db, 3, 1)
    label(db, 3, "Carl")
    do(db, "person rename", people.rename, "Carl", "Karl")
    do(db, "cluster split", parting.split_off, 3, members(db, 1)[:1] or members(db, 3)[:1])
    for number in range(20):
        do(db, "person rename", people.rename, f"Karl{'l' * number}", f"Karl{'l' * (number + 1)}")
    journal.take_back(db, [wrong])
    assert members(db, 2) == before[0]
    assert people.cluster(db, 2).name == "Ben"
    said = library.labels(db)
    assert {face: said[face] for face in before[0]} == before[1]
    assert set(said.values()) - {"Ben"} == {"Karl" + 20 * "l"}


def test_a_face_that_was_spoken_of_by_itself_since_stays_where_it_was_put(db, three):
    moved, stays = members(db, 2)
    wrong = merge(db, 1, 2)
    do(db, "face move", faces.move, [moved], 3)
    journal.take_back(db, [wrong])
    assert members(db, 2) == [stays]
    assert moved in members(db, 3)


def test_a_face_that_was_rejected_before_a_merge_goes_with_the_merge_when_that_is_taken_back(db, three):
    face = members(db, 1)[0]
    reject = do(db, "face reject", faces.reject, [face])
    merge(db, 3, 1)
    journal.take_back(db, [reject])
    assert face in members(db, 3)  # where its likes are now
    assert dump(db)["rejection"] == []


def test_a_later_word_stays_and_is_taken_back_to_what_was_before_both(db, three):
    before = dump(db)
    first, second = label(db, 1, "Ana"), label(db, 1, "Anna")
    journal.take_back(db, [first])
    assert set(library.labels(db).values()) == {"Anna"}
    journal.take_back(db, [second])
    assert dump(db) == before


def test_a_name_taken_back_stays_for_those_who_were_given_it_later(db, three):
    first, second = label(db, 1, "Anna"), label(db, 2, "Anna")
    journal.take_back(db, [first])
    assert people.cluster(db, 1).name is None
    assert people.cluster(db, 2).name == "Anna"
    journal.take_back(db, [second])
    assert dump(db)["person"] == []


def test_a_name_that_was_made_anew_meanwhile_is_the_same_person(db, three):
    label(db, 1, "Ana")
    corrected = label(db, 1, "Anna")
    label(db, 2, "Ana")
    journal.take_back(db, [corrected])
    assert {people.cluster(db, 1).person_id, people.cluster(db, 2).person_id} == {people.person_id(db, "Ana")}


def test_a_rename_is_not_taken_back_onto_somebody_else_of_that_name(db, three):
    label(db, 1, "Ana")
    renamed = do(db, "person rename", people.rename, "Ana", "Anna")
    label(db, 2, "Ana")
    before = dump(db)
    with pytest.raises(UsageProblem, match="there is another Ana by now; rename one of them"):
        journal.take_back(db, [renamed])
    assert dump(db) == before


def test_people_who_were_merged_stay_one_when_an_older_merge_of_clusters_is_taken_back(db, three):
    label(db, 1, "Ana")
    label(db, 2, "Ana")
    wrong = merge(db, 1, 2)
    label(db, 3, "Anna")
    do(db, "person merge", lambda db, _, into, others: people.merge_people(db, into, others), "Anna", ["Ana"])
    journal.take_back(db, [wrong])
    assert [people.cluster(db, number).name for number in (1, 2, 3)] == ["Anna"] * 3


def test_the_machine_may_stand_on_what_is_taken_back(db, run, three):
    face = members(db, 1)[0]
    moved = do(db, "face move", faces.move, [face], None)
    (new,) = {row[0] for row in db.execute("SELECT cluster_id FROM cluster")} - {1, 2, 3}
    (found,) = library.add_photo(db, run, "/lib/later.jpg", "a")
    library.join(db, run, new, [found])
    journal.take_back(db, [moved])
    assert face in members(db, 1)
    assert members(db, new) == [found]


def test_a_split_is_taken_back_and_its_parts_are_no_longer_different(db, three):
    before = dump(db)
    split = do(db, "cluster split", parting.split_into, 1, 2)
    new = max(row[0] for row in db.execute("SELECT cluster_id FROM cluster"))
    with pytest.raises(UsageProblem, match="are different people, as you said"):
        merge(db, 1, new)
    merge(db, 2, new)
    with pytest.raises(UsageProblem, match=f"clusters 1 and 2 are different people.*'faceindex undo {split}'"):
        merge(db, 1, 2)
    journal.take_back(db, [split])
    merge_of_the_rest = journal.entries(db, -1)
    assert len(members(db, 1)) == 2
    assert dump(db)["different"] == []
    journal.take_back(db, [e.journal_id for e in merge_of_the_rest if e.command == "cluster merge"])
    assert dump(db) == before


def test_what_cannot_both_be_is_not_brought_back(db, three):
    apart = do(db, "cluster different", parting.different, 1, 2)
    journal.take_back(db, [apart])
    back = journal.entries(db)[0].journal_id
    label(db, 1, "Anna")
    label(db, 2, "Anna")
    before = dump(db)
    with pytest.raises(UsageProblem, match="cannot both be Anna"):
        journal.take_back(db, [back])
    assert dump(db) == before


def test_undo_and_redo_of_a_label_take_what_a_scan_copied_along(db, run, three):
    entry = label(db, 1, "Anna")
    (edited,) = library.add_photo(db, run, "/lib/edited.jpg", "a")
    with index_file.transaction(db):
        photos.carry(db, [(members(db, 1)[0], edited)])
        averages.assign(db, {edited: 1})
    before = dump(db)
    journal.take_back(db, [entry])
    assert library.labels(db) == {}
    assert library.members(db)[edited] is None
    journal.take_back(db, [max(e.journal_id for e in journal.entries(db))])
    assert dump(db) == before


def test_an_entry_taken_back_by_an_older_version_cannot_come_back(db, three):
    entry = label(db, 1, "Anna")
    db.execute("UPDATE journal SET undone_at = '2020-01-01T00:00:00Z'")
    with pytest.raises(UsageProblem, match="by an older version"):
        journal.take_back(db, [entry])


def test_several_entries_are_taken_back_together_or_not_at_all(db, three):
    first, second = label(db, 1, "Anna"), label(db, 2, "Ben")
    before = dump(db)
    with pytest.raises(FaceindexError, match="there is no entry 99"):
        journal.take_back(db, [first, 99])
    assert dump(db) == before
    assert [e.journal_id for e in journal.take_back(db, [first, second])] == [second, first]
    assert journal.entries(db, 1)[0].summary == "taken back: cluster label; cluster label"
    assert library.labels(db) == {}


def last(db):
    return max(e.journal_id for e in journal.entries(db, -1))


def take_back_and_forth(db, *entries):
    """Take back, bring back, and take back again: each is as it was, to the last row."""
    before = dump(db)
    journal.take_back(db, entries)
    after = dump(db)
    journal.take_back(db, [last(db)])
    assert dump(db) == before
    journal.take_back(db, [last(db)])
    assert dump(db) == after


def test_a_word_about_a_cluster_that_is_gone_brings_it_back_with_itself(db, three):
    face = members(db, 1)[0]
    moved = do(db, "face move", faces.move, [face], None)
    rejected = do(db, "face reject", faces.reject, [face])
    journal.take_back(db, [moved])
    take_back_and_forth(db, rejected)
    assert {row[0] for row in db.execute("SELECT cluster_id FROM cluster")} == {1, 2, 3}


def test_a_face_that_comes_and_goes_by_undo_is_where_it_was_and_looked_at_anew(db, three):
    face = members(db, 1)[0]
    rejected = do(db, "face reject", faces.reject, [face])
    with index_file.transaction(db):
        db.execute(
            "UPDATE face SET tried = 1 WHERE face_id = ?", [face]
        )  # as a scan does with a poor face that is near nobody else
    journal.take_back(db, [rejected])
    assert face in members(db, 1)
    journal.take_back(db, [last(db)])
    assert db.execute("SELECT cluster_id, tried FROM face WHERE face_id = ?", (face,)).fetchone()[:] == (None, 0)


def test_clusters_that_are_different_people_stay_so_when_no_face_is_left_in_one(db, three):
    face = members(db, 1)[0]
    moved = do(db, "face move", faces.move, [face], None)
    new = max(library.members(db).values())
    other = do(db, "face move", faces.move, [members(db, 1)[0]], new)
    do(db, "cluster different", parting.different, 2, new)
    journal.take_back(db, [moved])
    do(db, "face ignore", faces.ignore, members(db, new))
    take_back_and_forth(db, other)
    assert [row[:2] for row in map(tuple, db.execute("SELECT * FROM different"))] == [(2, new)]


def test_what_an_undo_brought_back_goes_with_the_entry_that_said_it(db, three):
    apart = do(db, "cluster different", parting.different, 1, 2)
    journal.take_back(db, [apart])
    undo = last(db)
    merged = merge(db, 2, 1)
    journal.take_back(db, [undo])  # the two are different again, though one
    journal.take_back(db, [merged])
    assert len(dump(db)["different"]) == 1
    journal.take_back(db, [apart])
    assert dump(db)["different"] == []


def test_a_merge_that_is_made_again_leaves_a_face_alone_that_came_while_it_was_undone(db, run, three):
    merged = merge(db, 2, 1)
    journal.take_back(db, [merged])
    undo = last(db)
    (found,) = library.add_photo(db, run, "/lib/later.jpg", "a")
    library.join(db, run, 1, [found])
    journal.take_back(db, [undo])
    assert members(db, 1) == [found]
    first = label(db, 1, "Anna")
    label(db, 1, "Ben")
    take_back_and_forth(db, first)
    assert library.labels(db) == {found: "Ben"}


def test_a_rename_reaches_what_was_said_of_that_name_when_it_comes_back_later(db, three):
    first = label(db, 1, "Anna")
    journal.take_back(db, [first])
    undo = last(db)
    label(db, 2, "Anna")
    renamed = do(db, "person rename", people.rename, "Anna", "Joanna")
    take_back_and_forth(db, undo)
    assert set(library.labels(db).values()) == {"Joanna"}
    take_back_and_forth(db, renamed)
    assert set(library.labels(db).values()) == {"Anna"}
    take_back_and_forth(db, first)
    assert [row["name"] for row in db.execute("SELECT name FROM person")] == ["Anna"]


def test_of_two_renames_the_later_stays(db, three):
    label(db, 1, "Ana")
    wrong = do(db, "person rename", people.rename, "Ana", "Anne")
    do(db, "person rename", people.rename, "Anne", "Anna")
    take_back_and_forth(db, wrong)
    assert people.cluster(db, 1).name == "Anna"


def test_a_merge_of_people_taken_back_parts_those_named_since_it_was_first_taken_back(db, three):
    label(db, 1, "Zoë")
    label(db, 2, "Ben")
    merged = do(db, "person merge", lambda db, _, into, others: people.merge_people(db, into, others), "Ben", ["Zoë"])
    journal.take_back(db, [merged])
    undo = last(db)
    label(db, 3, "Zoë")
    before = dump(db)
    journal.take_back(db, [undo])
    assert [people.cluster(db, number).name for number in (1, 2, 3)] == ["Ben"] * 3
    assert len(dump(db)["person"]) == 1
    take_back_and_forth(db, merged)
    assert dump(db) == before


def test_a_name_that_only_a_scan_gave_a_cluster_goes_with_the_label_that_it_was_for(db, run, three):
    face = members(db, 1)[0]
    named = label(db, 1, "Anna")
    do(db, "face ignore", faces.ignore, [face])
    do(db, "face unignore", lambda db, _, found: faces.unignore(db, found), [face])
    with index_file.transaction(db):  # as a scan does with a labelled face that is in no cluster
        founded = encodings.new_cluster(db, run, "dlib", people.person_id(db, "Anna"))
        averages.assign(db, {face: founded})
    corrected = label(db, founded, "Ben")
    take_back_and_forth(db, corrected)
    take_back_and_forth(db, named)
    assert dump(db)["person"] == []
    assert people.cluster(db, founded).name is None


def test_a_face_that_two_merges_carried_on_goes_back_as_far_as_those_are_taken_back(db, three):
    face = members(db, 1)[0]
    alone = do(db, "face move", faces.move, [face], None)
    first, second = merge(db, 2, 1), merge(db, 3, 2)
    journal.take_back(db, [alone])
    assert face in members(db, 3)
    take_back_and_forth(db, second)
    assert face in members(db, 2)
    take_back_and_forth(db, first)
    assert face in members(db, 1)


def test_two_who_were_known_by_different_names_are_not_made_one_by_taking_back_a_rename(db, three):
    label(db, 1, "Ana")
    renamed = do(db, "person rename", people.rename, "Ana", "Anna")
    label(db, 2, "Ana")
    do(db, "person rename", people.rename, "Ana", "Ada")
    take_back_and_forth(db, renamed)
    assert [people.cluster(db, number).name for number in (1, 2)] == ["Ana", "Ada"]


def test_two_who_are_known_apart_are_not_given_one_name(db, three):
    label(db, 1, "Ana")
    first = do(db, "person rename", people.rename, "Ana", "Anna")
    label(db, 2, "Ana")
    second = do(db, "person rename", people.rename, "Ana", "Ada")
    journal.take_back(db, [first])
    before = dump(db)
    with pytest.raises(UsageProblem, match="there is another Ana by now; rename one of them"):
        journal.take_back(db, [second])
    assert dump(db) == before
    do(db, "person rename", people.rename, "Ana", "Anna")
    take_back_and_forth(db, second)


def test_a_birth_that_was_told_stays_with_a_person_of_whom_no_face_is_left(db, three):
    first = label(db, 1, "Anna")
    second = label(db, 2, "Anna")
    do(db, "person born", lambda db, _, name, born: people.set_born(db, name, born), "Anna", "1970")
    journal.take_back(db, [first])
    label(db, 2, "Ben")
    take_back_and_forth(db, second)
    assert [tuple(row) for row in db.execute("SELECT name, born FROM person")] == [("Anna", "1970"), ("Ben", None)]


def test_people_merged_and_given_the_name_of_who_is_gone_are_parted_and_made_one_again(db, three):
    label(db, 1, "Anna")
    label(db, 2, "Ben")
    merged = do(db, "person merge", lambda db, _, into, others: people.merge_people(db, into, others), "Ben", ["Anna"])
    renamed = do(db, "person rename", people.rename, "Ben", "Anna")
    take_back_and_forth(db, merged, renamed)
    assert [people.cluster(db, number).name for number in (1, 2)] == ["Anna", "Ben"]


def test_a_rename_and_whoever_was_given_the_name_that_was_free_then_are_taken_back_together(db, three):
    label(db, 1, "Ana")
    renamed = do(db, "person rename", people.rename, "Ana", "Anna")
    second = label(db, 2, "Ana")
    take_back_and_forth(db, renamed, second)
    assert [people.cluster(db, number).name for number in (1, 2)] == ["Ana", None]
