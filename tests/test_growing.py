"""People who grow have several averages, and at one age are not taken for a sister at another."""

from __future__ import annotations

import numpy as np
import pytest
from crowd import crowd
from hypothesis import given
from hypothesis import strategies as st

from faceindex.distance import LEAST
from faceindex.growing import AGES, UNDATED, Span, stage, stages, years
from faceindex.pipeline.asking import Queue, suggestions
from faceindex.store import ages, averages, journal, people

DATES = st.dates().map(str)


@given(DATES, DATES)
def test_who_is_older_is_in_no_earlier_stage(one, other):
    first, last = sorted([one, other])
    assert years(first) <= years(last)
    assert stage(years(first), 0.0) <= stage(years(last), 0.0)
    assert abs(years(first) - years(first[:7])) < 1 / 12
    assert abs(years(first) - years(first[:4])) < 1


@given(st.lists(st.floats(1900, 2100) | st.just(np.nan)), st.floats(1900, 2100))
def test_stages_are_told_one_by_one_or_together(taken, born):
    together = stages(np.array(taken), born).tolist()
    assert together == [UNDATED if np.isnan(date) else stage(date, born) for date in taken]


@given(st.integers(0, len(AGES)), st.integers(0, len(AGES)), st.integers(0, len(AGES)))
def test_an_average_says_something_of_its_stages_and_their_neighbours(one, other, seen):
    span = Span(1, 1, 2000.0, *sorted([one, other]))
    assert span.reaches(np.array([seen, UNDATED])).tolist() == [span.first - 1 <= seen <= span.last + 1, True]
    assert not span.covers(seen) or span.reaches(np.array([seen]))[0]


@pytest.fixture
def family(tmp_path):
    """Anna, born in 2010, named on three photos of 2014, and many others."""
    with crowd(tmp_path, LEAST + 10) as many:
        many.everybody(2)
        many.young = [many.photo(many.encoding(0), taken_at=f"2014-0{n}-01T10:00:00")[0] for n in (1, 2, 3)]
        many.recognise()
        many.home = many.clusters(many.young)[0]
        say(many, "cluster label", lambda entry: people.label(many.db, entry, many.home, "Anna"))
        # The undated photos of her are somebody else's here.
        others = [f for f in averages.faces_of(many.db, many.home) if f not in many.young]
        say(many, "face move", lambda _: averages.assign(many.db, dict.fromkeys(others, None)))
        many.db.execute("INSERT INTO ignored (face_id, journal_id) SELECT value, 1 FROM json_each(?)", (str(others),))
        say(many, "person born", lambda _: people.set_born(many.db, "Anna", "2010"))
        yield many


def say(many, command, act):
    with journal.entry(many.db, command, "…") as entry:
        act(entry)


def taken(many, *dates, **more):
    faces = [many.photo(many.encoding(0), taken_at=date, **more)[0] for date in dates]
    many.recognise()
    return faces


def names(many, faces):
    rows = many.db.execute(
        "SELECT face_id, name FROM face JOIN cluster USING (cluster_id) LEFT JOIN person USING (person_id)"
    )
    found = dict(map(tuple, rows))
    return [found.get(face) for face in faces]


def test_a_child_has_an_average_for_each_age(family):
    same = taken(family, "2015-06-01T10:00:00", None)
    older = taken(family, "2017-06-01T10:00:00", "2018-06-01T10:00:00")
    grown = taken(family, "2022-06-01T10:00:00", "2033-06-01T10:00:00")  # 12, near enough to 8; 23 is not
    assert names(family, [*same, *older]) == ["Anna"] * 4
    assert family.clusters(same) == [family.home] * 2
    (second,) = set(family.clusters(older))
    assert second != family.home
    assert names(family, grown) == ["Anna", None]
    assert family.clusters(grown)[0] not in (family.home, second)
    assert averages.check(family.db) == []
    assert family.clusters(family.young) == [family.home] * 3


def test_faces_of_one_age_found_one_cluster_whether_they_come_together_or_one_by_one(family):
    together = taken(family, "2017-06-01T10:00:00", "2018-06-01T10:00:00", "2019-01-01T10:00:00")
    later = taken(family, "2017-07-01T10:00:00")
    assert len(set(family.clusters([*together, *later]))) == 1


def test_a_sister_at_the_same_age_years_later_is_not_taken_for_her(family):
    sister = taken(family, "2024-06-01T10:00:00")  # looks as Anna did ten years before
    assert names(family, sister) == [None]
    say(family, "person born", lambda _: people.set_born(family.db, "Anna", None))
    assert names(family, taken(family, "2024-06-01T10:00:00")) == [None]  # by now near to the sister's own cluster


def test_without_a_birth_dates_say_nothing(family):
    say(family, "person born", lambda _: people.set_born(family.db, "Anna", None))
    assert family.clusters(taken(family, "2024-06-01T10:00:00")) == [family.home]


def test_who_is_grown_up_has_one_average(family):
    say(family, "person born", lambda _: people.set_born(family.db, "Anna", "1970"))
    assert set(family.clusters(taken(family, "1995-01-01T10:00:00", "2024-06-01T10:00:00"))) == {family.home}


def test_a_poor_face_founds_no_average_and_is_named_all_the_same(family):
    assert family.clusters(taken(family, "2017-06-01T10:00:00", width=300)) == [family.home]


def test_a_rejected_age_is_not_joined(family):
    (older,) = taken(family, "2017-06-01T10:00:00")
    (second,) = family.clusters([older])
    face = family.photo(family.encoding(0), taken_at="2017-08-01T10:00:00")[0]
    say(family, "face reject", lambda entry: family.db.execute(
        "INSERT INTO rejection (face_id, cluster_id, journal_id) VALUES (?, ?, ?)", (face, second, entry)))  # fmt: skip
    family.recognise()
    assert family.clusters([face])[0] != second


def test_the_name_goes_from_all_ages_when_it_is_taken_back(family):
    older = taken(family, "2017-06-01T10:00:00")
    label = family.one("SELECT journal_id FROM journal WHERE command = 'cluster label'")[0]
    born = family.one("SELECT journal_id FROM journal WHERE command = 'person born'")[0]
    journal.take_back(family.db, [label, born])
    assert names(family, [*family.young, *older]) == [None] * 4


def test_what_an_undated_photo_says_of_her_is_merged_and_of_another_age_is_named(family):
    (older,) = taken(family, "2024-06-01T10:00:00")
    (cluster,) = family.clusters([older])
    queue = Queue(family.db, "dlib")
    question = next(q for q in queue.waiting if q.cluster == cluster)
    assert queue.answer(question, "yes") == f"cluster {cluster} is Anna, at another age"
    assert names(family, [older]) == ["Anna"]
    assert family.clusters([older, family.young[0]]) == [cluster, family.home]
    queue.undo()
    family.db.execute("UPDATE photo SET taken_at = NULL")
    assert queue.answer(question, "yes") == f"cluster {cluster} is Anna, merged into {family.home}"


def test_a_cluster_of_another_age_keeps_its_average_when_it_is_said_to_be_hers(family):
    face = taken(family, "2024-06-01T10:00:00")
    (cluster,) = family.clusters(face)
    assert ages.differ(family.db, cluster, family.home)
    assert not ages.differ(family.db, family.home, family.home)
    (question,) = [q for q in suggestions(family.db, "dlib") if q.cluster == cluster and q.kind == "who"]
    assert question.person == "Anna"
    assert [tuple(pair) for pair in ages.never(family.db, "dlib", face)] == [
        (face[0], family.one("SELECT person_id FROM person")[0])
    ]
    assert [each["cluster"] for each in ages.binding(family.db, "dlib", photo_of(family, face[0]))] == [family.home]


def photo_of(many, face):
    return many.one("SELECT photo_id FROM face WHERE face_id = ?", face)[0]
