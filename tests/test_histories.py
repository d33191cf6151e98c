"""Whatever humans and scans do in whatever order, and whatever is taken back: what must hold, holds."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import library
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from faceindex import db as index_file
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.pipeline import ScanOptions, Stop
from faceindex.pipeline.recognising import recognise
from faceindex.store import averages, faces, journal, parting, people

NAMES = ["Anna", "Ben", "Zoë"]
NUMBERS = st.lists(st.integers(0, 99), min_size=1, max_size=3)
WORDS = ("person", "label", "rejection", "ignored", "different")  # the machine writes none of these
JOURNALLED = (*WORDS, "cluster", "face", "encoding", "average")

CONTRADICTIONS = ("there is another ", "are different people, as you said")

# A cluster that all faces left is nothing to anybody, whatever it was called, and may be cleared away.
LEFT = """WHERE cluster_id IN (
    SELECT cluster_id FROM face UNION SELECT cluster_id FROM rejection UNION SELECT one_id FROM different
    UNION SELECT other_id FROM different)"""


def snapshot(db, tables=JOURNALLED):
    """All rows, but for face.tried: that is a scan's note to itself, and whatever is moved is looked at anew."""
    rows = {name: db.execute(f"SELECT * FROM {name} {LEFT * (name == 'cluster')}") for name in tables}
    return {
        name: sorted((tuple(row[c] for c in row.keys() if c != "tried") for row in found), key=repr)  # noqa: SIM118
        for name, found in rows.items()
    }


class History(RuleBasedStateMachine):
    """Scans add faces; a human says what they like, and takes back what they like."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.db = library.new_index(self.folder)
        self.db.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug here
        self.run = library.begin(self.db)
        library.add_root(self.db, "/lib")
        self.number = itertools.count()

    def teardown(self):
        try:
            self.everything_can_be_taken_back()
        finally:
            self.db.close()
            shutil.rmtree(self.folder)

    # --- who does what ---

    def clusters(self):
        return [row[0] for row in self.db.execute("SELECT cluster_id FROM average ORDER BY cluster_id")]

    def faces(self):
        return sorted(library.members(self.db))

    def standing(self):
        return [e.journal_id for e in journal.entries(self.db, -1) if e.undone_at is None]

    def pick(self, choice, among):
        return among[choice % len(among)]

    def some(self, choices, among):
        return [self.pick(choice, among) for choice in choices]

    def say(self, command, act):
        before, entries = snapshot(self.db), self.standing()
        try:
            with journal.entry(self.db, command, f"{command} …") as journal_id:
                act(journal_id)
        except FaceindexError:
            assert snapshot(self.db) == before
            assert self.standing() == entries

    @rule(who=st.lists(st.sampled_from("abc"), min_size=1, max_size=3))
    def scan(self, who):
        said, before = snapshot(self.db, WORDS), library.members(self.db)
        library.add_photo(self.db, self.run, f"/lib/{next(self.number)}.jpg", *who)
        recognise(self.db, self.run, ScanOptions(), Stop(), lambda _: None)
        assert snapshot(self.db, WORDS) == said
        after = library.members(self.db)
        assert {face: after[face] for face, cluster in before.items() if cluster is not None} == {
            face: cluster for face, cluster in before.items() if cluster is not None
        }
        for face in (face for face, cluster in after.items() if cluster is not None and before.get(face) is None):
            self.was_free_to_go_there(face)

    def was_free_to_go_there(self, face):
        """The machine put no two faces of one photo together, and nobody where a human said they are not."""
        wrong = self.db.execute(
            """SELECT 'mate' FROM face JOIN face AS mate USING (photo_id, cluster_id)
               WHERE face.face_id = :face AND mate.face_id <> :face
               UNION ALL
               SELECT 'rejected' FROM face JOIN cluster USING (cluster_id) JOIN rejection USING (face_id)
               LEFT JOIN label USING (face_id)
               WHERE face_id = :face AND (rejection.cluster_id = face.cluster_id
                     OR (rejection.person_id = cluster.person_id AND label.person_id IS NOT cluster.person_id))
               UNION ALL
               SELECT 'ignored' FROM ignored WHERE face_id = :face""",
            {"face": face},
        )
        assert wrong.fetchall() == []

    @precondition(lambda self: self.clusters())
    @rule(at=st.integers(0, 99), name=st.sampled_from(NAMES))
    def label(self, at, name):
        cluster = self.pick(at, self.clusters())
        self.say("cluster label", lambda entry: people.label(self.db, entry, cluster, name))

    @precondition(lambda self: self.clusters())
    @rule(at=st.integers(0, 99))
    def unlabel(self, at):
        self.say("cluster unlabel", lambda _: people.unlabel(self.db, self.pick(at, self.clusters())))

    @precondition(lambda self: len(self.clusters()) > 1)
    @rule(at=st.integers(0, 99), others=NUMBERS)
    def merge(self, at, others):
        clusters = self.clusters()
        chosen = self.some(others, clusters)
        self.say("cluster merge", lambda entry: people.merge(self.db, entry, self.pick(at, clusters), chosen))

    @precondition(lambda self: self.clusters())
    @rule(at=st.integers(0, 99), into=st.integers(2, 3))
    def split(self, at, into):
        cluster = self.pick(at, self.clusters())
        self.say("cluster split", lambda entry: parting.split_into(self.db, entry, cluster, into))

    @precondition(lambda self: len(self.clusters()) > 1)
    @rule(one=st.integers(0, 99), other=st.integers(0, 99))
    def different(self, one, other):
        a, b = self.some([one, other], self.clusters())
        self.say("cluster different", lambda entry: parting.different(self.db, entry, a, b))

    @precondition(lambda self: self.clusters())
    @rule(chosen=NUMBERS)
    def ignore_clusters(self, chosen):
        clusters = self.some(chosen, self.clusters())
        self.say("cluster ignore", lambda _: parting.ignore(self.db, clusters))

    @precondition(lambda self: self.faces())
    @rule(chosen=NUMBERS)
    def reject(self, chosen):
        self.say("face reject", lambda entry: faces.reject(self.db, entry, self.some(chosen, self.faces())))

    @precondition(lambda self: self.faces())
    @rule(chosen=NUMBERS)
    def ignore(self, chosen):
        self.say("face ignore", lambda entry: faces.ignore(self.db, entry, self.some(chosen, self.faces())))

    @precondition(lambda self: self.faces())
    @rule(chosen=NUMBERS)
    def unignore(self, chosen):
        self.say("face unignore", lambda _: faces.unignore(self.db, self.some(chosen, self.faces())))

    @precondition(lambda self: self.faces())
    @rule(chosen=NUMBERS, name=st.sampled_from(NAMES))
    def label_faces(self, chosen, name):
        self.say("face label", lambda entry: faces.label(self.db, entry, self.some(chosen, self.faces()), name))

    @precondition(lambda self: self.clusters())
    @rule(chosen=NUMBERS, at=st.integers(0, 99), new=st.booleans())
    def move(self, chosen, at, new):
        target = None if new else self.pick(at, self.clusters())
        self.say("face move", lambda entry: faces.move(self.db, entry, self.some(chosen, self.faces()), target))

    @rule(into=st.sampled_from(NAMES), other=st.sampled_from(NAMES))
    def merge_people(self, into, other):
        self.say("person merge", lambda _: people.merge_people(self.db, into, [other]))

    @rule(old=st.sampled_from(NAMES), new=st.sampled_from(NAMES))
    def rename(self, old, new):
        self.say("person rename", lambda _: people.rename(self.db, old, new))

    @rule(name=st.sampled_from(NAMES), born=st.sampled_from(["1970", "2001-02-03", None]))
    def born(self, name, born):
        self.say("person born", lambda _: people.set_born(self.db, name, born))

    @rule(at=st.integers(0, 99))
    def take_back_any(self, at):
        standing = self.standing()
        if standing:
            self.take_back([self.pick(at, standing)])

    @rule(chosen=NUMBERS)
    def take_back_several(self, chosen):
        standing = self.standing()
        if standing:
            self.take_back(sorted(set(self.some(chosen, standing))))

    def take_back(self, numbers):
        """What cannot be is refused in a sentence, and changes nothing; what can be, is brought back to the bit."""
        before, standing = snapshot(self.db), self.standing()
        try:
            journal.take_back(self.db, numbers)
        except FaceindexError as error:
            if not any(sentence in str(error) for sentence in CONTRADICTIONS):
                raise
            assert (snapshot(self.db), self.standing()) == (before, standing)
            return
        undo = max(self.standing())
        after = snapshot(self.db)
        journal.take_back(self.db, [undo])
        assert snapshot(self.db) == before
        journal.take_back(self.db, [max(self.standing())])
        assert snapshot(self.db) == after

    # --- what must hold ---

    @invariant()
    def averages_are_exact(self):
        assert averages.check(self.db) == []

    @invariant()
    def the_index_is_sound(self):
        assert index_file.check(self.db) == []

    @invariant()
    def people_who_are_different_have_no_name_in_common(self):
        rows = self.db.execute(
            """SELECT 1 FROM different JOIN cluster AS one ON one.cluster_id = one_id
               JOIN cluster AS other ON other.cluster_id = other_id WHERE one.person_id = other.person_id"""
        )
        assert rows.fetchall() == []

    @invariant()
    def nobody_is_remembered_of_whom_nothing_is_said(self):
        rows = self.db.execute(
            """SELECT name FROM person WHERE born IS NULL AND person_id NOT IN (SELECT person_id FROM label)
               AND person_id NOT IN (SELECT person_id FROM cluster WHERE person_id IS NOT NULL)
               AND person_id NOT IN (SELECT person_id FROM rejection WHERE person_id IS NOT NULL)"""
        )
        assert rows.fetchall() == []

    def everything_can_be_taken_back(self):
        """In the order of a stack, nothing of what was said is left, and no face is nowhere."""
        while standing := [
            e for e in journal.entries(self.db, -1) if e.undone_at is None and e.command != journal.UNDO
        ]:
            self.take_back_the_last_of(standing)
            assert averages.check(self.db) == []
        assert snapshot(self.db, WORDS) == {name: [] for name in WORDS}
        assert self.db.execute("SELECT count(*) FROM cluster WHERE person_id IS NOT NULL OR ignored").fetchone()[0] == 0

    def take_back_the_last_of(self, standing):
        """Where older words came back, the last may have to wait: two who are different people cannot have one name."""
        for entry in standing[:-1]:
            try:
                journal.take_back(self.db, [entry.journal_id])
                return
            except UsageProblem as error:
                if not any(sentence in str(error) for sentence in CONTRADICTIONS):
                    raise
        journal.take_back(self.db, [standing[-1].journal_id])


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
