"""Every change a human makes is one entry, and undo puts every row back, to the byte."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import library
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from faceindex import db as index_file
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import averages, encodings, journal, people, photos, roots

NAMES = ["Anna", "Ben", "Zoë", "O'Neill", "王小明"]
WORDS = ("root", "person", "label", "rejection", "ignored")  # the machine writes none of these
PLACES = ("cluster", "face", "average")  # the machine adds to these


def table(db, name):
    return sorted((tuple(row) for row in db.execute(f"SELECT * FROM {name}")), key=repr)


def snapshot(db):
    return {name: table(db, name) for name in (*WORDS, *PLACES)}


def standing(db):
    return [e.journal_id for e in journal.entries(db, -1) if e.undone_at is None and e.command != journal.UNDO]


class Human(RuleBasedStateMachine):
    """A human and a machine take turns; whatever is undone is as it was."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.db = library.new_index(self.folder)
        self.db.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug here
        self.run = library.begin(self.db)
        library.add_root(self.db, "/lib")
        self.number = itertools.count()
        self.before = []  # a snapshot, and the machine's work so far, for each entry that stands
        self.worked = 0

    def teardown(self):
        self.db.close()
        shutil.rmtree(self.folder)

    def clusters(self):
        return [row[0] for row in self.db.execute("SELECT cluster_id FROM average ORDER BY cluster_id")]

    def change(self, act):
        before, entries = snapshot(self.db), standing(self.db)
        try:
            with journal.entry(self.db, "test", "a change") as journal_id:
                act(journal_id)
        except UsageProblem:
            assert snapshot(self.db) == before
            assert standing(self.db) == entries
            return
        if standing(self.db) == entries:
            assert snapshot(self.db) == before
        else:
            self.before.append((before, self.worked))

    def pick(self, choice, among):
        return among[choice % len(among)]

    @rule(who=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True), at=st.integers(0, 99))
    def machine_works(self, who, at):
        said = {name: table(self.db, name) for name in WORDS}
        for face in library.add_photo(self.db, self.run, f"/lib/{next(self.number)}.jpg", *who):
            clusters = self.clusters()
            if clusters and (at + face) % 3:
                library.join(self.db, self.run, self.pick(at, clusters), [face])
            else:
                library.found(self.db, self.run, [face])
        self.worked += 1
        assert {name: table(self.db, name) for name in WORDS} == said

    @precondition(lambda self: self.clusters())
    @rule(at=st.integers(0, 99), name=st.sampled_from(NAMES))
    def label(self, at, name):
        self.change(lambda journal_id: people.label(self.db, journal_id, self.pick(at, self.clusters()), name))

    @precondition(lambda self: self.clusters())
    @rule(at=st.integers(0, 99))
    def unlabel(self, at):
        self.change(lambda _: people.unlabel(self.db, self.pick(at, self.clusters())))

    @precondition(lambda self: len(self.clusters()) > 1)
    @rule(at=st.integers(0, 99), others=st.lists(st.integers(0, 99), min_size=1, max_size=3))
    def merge(self, at, others):
        clusters = self.clusters()
        chosen = [self.pick(other, clusters) for other in others]
        self.change(lambda journal_id: people.merge(self.db, journal_id, self.pick(at, clusters), chosen))

    @rule(old=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
    def rename(self, old, new):
        self.change(lambda _: people.rename(self.db, old, new))

    @precondition(lambda self: self.clusters())
    @rule(at=st.integers(0, 99), of_person=st.booleans())
    def reject(self, at, of_person):
        faces = list(library.members(self.db))
        persons = [row[0] for row in table(self.db, "person")]
        cluster = None if of_person and persons else self.pick(at, self.clusters())
        person = self.pick(at, persons) if cluster is None else None
        self.change(
            lambda journal_id: self.db.execute(
                "INSERT OR REPLACE INTO rejection (face_id, person_id, cluster_id, journal_id) VALUES (?, ?, ?, ?)",
                (self.pick(at, faces), person, cluster, journal_id),
            )
        )

    @precondition(lambda self: self.clusters())
    @rule(at=st.integers(0, 99))
    def ignore(self, at):
        face = self.pick(at, list(library.members(self.db)))

        def act(journal_id):
            averages.assign(self.db, {face: None})
            self.db.execute("INSERT OR REPLACE INTO ignored (face_id, journal_id) VALUES (?, ?)", (face, journal_id))

        self.change(act)

    @rule(path=st.sampled_from(["/x/a", "/x/b\udcff", "/x/c"]))
    def root_add(self, path):
        self.change(lambda _: roots.add(self.db, path))

    @rule(path=st.sampled_from(["/x/a", "/x/b\udcff", "/x/c"]))
    def root_remove(self, path):
        self.change(lambda _: roots.remove(self.db, roots.find(self.db, path)))

    @rule(old=st.sampled_from(["/x/a", "/x/b\udcff"]), new=st.sampled_from(["/x/a", "/x/b\udcff", "/x/c", "/y"]))
    def root_move(self, old, new):
        self.change(lambda _: roots.move(self.db, roots.find(self.db, old), new))

    @rule(number=st.integers(1, 4))
    def undo(self, number):
        if number > len(self.before):
            before = snapshot(self.db)
            with pytest.raises(FaceindexError, match="to undo"):
                journal.undo(self.db, number)
            assert snapshot(self.db) == before
            return
        assert len(journal.undo(self.db, number)) == number
        expected, worked = self.before[-number]
        del self.before[-number:]
        self.assert_restored(expected, worked)

    def assert_restored(self, expected, worked):
        now = snapshot(self.db)
        assert {name: now[name] for name in WORDS} == {name: expected[name] for name in WORDS}
        if worked == self.worked:
            assert now == expected
        for name in ("face", "cluster"):  # what the machine made since is there beside what was
            assert set(expected[name]) <= set(now[name])

    @invariant()
    def averages_are_exact(self):
        assert averages.check(self.db) == []

    @invariant()
    def nothing_points_nowhere(self):
        assert self.db.execute("PRAGMA foreign_key_check").fetchall() == []


TestHuman = Human.TestCase
TestHuman.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def db(tmp_path):
    with closing(library.new_index(tmp_path)) as index:
        yield index


@pytest.fixture
def run(db):
    return library.begin(db)


@pytest.fixture
def anna(db, run):
    """A cluster of two faces, not named yet."""
    faces = [face for name in "ab" for face in library.add_photo(db, run, f"/lib/{name}.jpg", "anna")]
    return library.found(db, run, faces)


def edit(db, run, face, path):
    """Have a scan find an edited version of a photo and carry over what was said of its face."""
    (new,) = library.add_photo(db, run, path, "anna")
    with index_file.transaction(db):
        photos.carry(db, [(face, new)])
    return new


def test_there_is_nothing_to_undo_at_first(db):
    with pytest.raises(FaceindexError, match=r"^there is nothing to undo$"):
        journal.undo(db)


def test_undoing_more_than_there_is_changes_nothing(db, anna):
    library.name(db, anna, "Anna")
    with pytest.raises(FaceindexError, match=r"^there is only 1 change to undo$"):
        journal.undo(db, 2)
    assert set(library.labels(db).values()) == {"Anna"}


def test_what_was_undone_is_not_undone_again(db, anna):
    library.name(db, anna, "Ana")
    library.name(db, anna, "Anna")
    journal.undo(db)
    assert set(library.labels(db).values()) == {"Ana"}
    journal.undo(db)
    assert library.labels(db) == {}
    told = [(entry.summary, entry.undone_by) for entry in journal.entries(db)]
    assert told == [
        ("taken back: cluster 1 named Ana", None),
        ("taken back: cluster 1 named Anna", None),
        ("cluster 1 named Anna", 3),
        ("cluster 1 named Ana", 4),
    ]


def test_a_change_that_changes_nothing_is_no_entry(db, anna):
    library.name(db, anna, "Anna")
    library.name(db, anna, "Anna")
    with journal.entry(db, "person rename", "Anna renamed to Anna"):
        people.rename(db, "Anna", "Anna")
    assert len(journal.entries(db)) == 1


def test_an_error_within_an_entry_leaves_no_trace_of_it(db, anna):
    before = snapshot(db)
    with pytest.raises(UsageProblem), journal.entry(db, "test", "fails") as journal_id:
        people.merge(db, people.label(db, journal_id, anna, "Anna"), anna, [99])
    assert snapshot(db) == before
    assert journal.entries(db) == []
    assert db.execute("SELECT count(*) FROM sqlite_temp_master WHERE type = 'trigger'").fetchone()[0] == 0
    library.name(db, anna, "Anna")


def test_a_word_that_replaces_another_is_taken_back_to_that_other(db, anna):
    (face, *_) = library.members(db)
    library.say(db, face, "Anna")
    library.say(db, face, "Ben")
    journal.undo(db)
    assert library.labels(db) == {face: "Anna"}


def test_outside_an_entry_nothing_is_written_down(db, run, anna):
    library.name(db, anna, "Anna")
    rows = len(table(db, "journal_change"))
    library.join(db, run, anna, library.add_photo(db, run, "/lib/c.jpg", "anna"))
    db.execute("UPDATE person SET born = '2001'")
    assert len(table(db, "journal_change")) == rows


def test_faces_that_a_scan_added_to_a_merged_cluster_stay_there(db, run, anna):
    (other_face,) = library.add_photo(db, run, "/lib/c.jpg", "anna")
    other = library.found(db, run, [other_face])
    with journal.entry(db, "cluster merge", "merged") as journal_id:
        people.merge(db, journal_id, anna, [other])
    (new,) = library.add_photo(db, run, "/lib/d.jpg", "anna")
    library.join(db, run, anna, [new])
    journal.undo(db)
    assert library.members(db)[other_face] == other
    assert library.members(db)[new] == anna
    assert averages.check(db) == []


def test_a_cluster_that_a_scan_founded_for_a_person_loses_its_name_with_them(db, run, anna):
    library.name(db, anna, "Anna")
    person = people.person_id(db, "Anna")
    with index_file.transaction(db):
        founded = encodings.new_cluster(db, run, "dlib", person)
    library.join(db, run, founded, library.add_photo(db, run, "/lib/c.jpg", "anna"))
    journal.undo(db)
    assert people.cluster(db, founded).name is None
    assert table(db, "person") == []


def test_a_label_carried_over_to_an_edited_photo_goes_with_the_label_it_came_from(db, run, anna):
    library.name(db, anna, "Anna")
    face = min(library.labels(db))
    new = edit(db, run, face, "/lib/edited.jpg")
    newer = edit(db, run, new, "/lib/edited again.jpg")
    assert library.labels(db)[newer] == "Anna"
    journal.undo(db)
    assert library.labels(db) == {}


def test_a_label_carried_over_to_an_edited_photo_is_again_what_its_source_was(db, run, anna):
    library.name(db, anna, "Ana")
    library.name(db, anna, "Anna")
    new = edit(db, run, min(library.labels(db)), "/lib/edited.jpg")
    newer = edit(db, run, new, "/lib/edited again.jpg")
    journal.undo(db)
    assert library.labels(db)[new] == library.labels(db)[newer] == "Ana"
    journal.undo(db)
    assert library.labels(db) == {}


def test_rejections_and_ignored_faces_come_and_go_with_their_entries(db, run, anna):
    other = library.found(db, run, library.add_photo(db, run, "/lib/c.jpg", "carl"))
    (face, *_) = library.members(db)
    library.reject(db, face, cluster=other)
    rejected = table(db, "rejection")
    new = edit(db, run, face, "/lib/edited.jpg")
    assert {row[0] for row in table(db, "rejection")} == {face, new}
    with journal.entry(db, "test", "rejection lifted"):
        db.execute("DELETE FROM rejection WHERE face_id = ?", (face,))
    journal.undo(db)
    assert set(rejected) <= set(table(db, "rejection"))
    journal.undo(db)
    assert table(db, "rejection") == []


def test_taking_back_an_added_root_keeps_what_a_scan_found_below_it(db, run):
    with journal.entry(db, "root add", "root /new added"):
        roots.add(db, "/new")
    (face,) = library.add_photo(db, run, "/new/a.jpg", "anna")
    journal.undo(db)
    assert roots.ids(db) == {}
    assert db.execute("SELECT state FROM files").fetchone()[0] == "removed"
    with journal.entry(db, "root add", "root /new added"):
        roots.add(db, "/new")
    assert db.execute("SELECT face_id FROM faces").fetchone()[0] == face


def test_an_undo_that_would_make_roots_overlap_is_refused(db):
    library.add_root(db, "/a/b")
    with journal.entry(db, "root remove", "root /a/b removed"):
        roots.remove(db, roots.find(db, "/a/b"))
    library.add_root(db, "/a")
    before = snapshot(db)
    with pytest.raises(FaceindexError, match="cannot be undone: /a/b lies inside /a"):
        journal.undo(db)
    assert snapshot(db) == before


def test_an_undo_that_later_work_stands_in_the_way_of_is_refused(db):
    library.add_root(db, "/a")
    with journal.entry(db, "root move", "root /a moved to /b"):
        roots.move(db, roots.find(db, "/a"), "/b")
    library.add_root(db, "/a")  # as `scan /a` does
    before = snapshot(db)
    with pytest.raises(FaceindexError, match="later work stands on it; nothing was changed"):
        journal.undo(db)
    assert snapshot(db) == before


def test_a_moved_root_makes_a_removed_one_of_the_same_name_give_way_and_back(db):
    for path in ("/a", "/b\udcff"):
        library.add_root(db, path)
    before = table(db, "root")
    with journal.entry(db, "root remove", "removed"):
        roots.remove(db, roots.find(db, "/b\udcff"))
    with journal.entry(db, "root move", "root /a moved to /b\udcff"):
        roots.move(db, roots.find(db, "/a"), "/b\udcff")
    assert list(roots.ids(db)) == ["/b\udcff"]
    journal.undo(db, 2)
    assert table(db, "root") == before


def test_entries_are_listed_newest_first_with_what_they_touched(db, anna):
    library.name(db, anna, "Ana")
    with journal.entry(db, "person rename", "Ana renamed to Anna \udcff"):
        people.rename(db, "Ana", "Anna")
    newest, oldest = journal.entries(db)
    assert (newest.summary, newest.changes) == ("Ana renamed to Anna \\xff", 1)
    assert (oldest.command, oldest.changes) == ("cluster label", 4)  # a person, a cluster, two labels
    assert journal.entries(db, 1) == [newest]


def test_no_journalled_column_is_a_floating_point_number(db):
    for name, (_, columns) in journal.JOURNALLED.items():
        for column in db.execute(f"PRAGMA table_info({name})").fetchall():
            assert column["type"] != "REAL" or (columns and column["name"] not in columns), name


def test_a_face_that_only_a_carried_label_put_in_a_cluster_leaves_it_with_the_label(db, run, anna):
    library.name(db, anna, "Anna")
    face = min(library.labels(db))
    settled, matched = edit(db, run, face, "/lib/edited.jpg"), edit(db, run, face, "/lib/edited too.jpg")
    library.join(db, run, anna, [matched])
    with index_file.transaction(db):
        averages.assign(db, {settled: anna})
    journal.undo(db)
    assert library.members(db)[settled] is None
    assert library.members(db)[matched] == anna
    assert averages.check(db) == []
