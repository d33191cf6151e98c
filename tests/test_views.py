"""The views show what is there now, by name and full path, and the listings agree with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import library
import pytest

from faceindex import db as index_file
from faceindex.models import Problem
from faceindex.store import averages, journal, listings, problems, roots, settings


@pytest.fixture
def db(tmp_path):
    with closing(library.new_index(tmp_path)) as index:
        yield index


@pytest.fixture
def run(db):
    return library.begin(db)


@pytest.fixture
def family(tmp_path):
    with closing(library.family(tmp_path)) as index:
        yield index


def rows(db, query, *parameters):
    return [tuple(row) for row in db.execute(query, parameters)]


def one(db, query, *parameters):
    (row,) = rows(db, query, *parameters)
    return row if len(row) > 1 else row[0]


def ignore(db, face):
    with journal.entry(db, "face ignore", "ignored") as journal_id:
        averages.assign(db, {face: None})
        db.execute("INSERT INTO ignored (face_id, journal_id) VALUES (?, ?)", (face, journal_id))


def remove_root(db, path):
    with index_file.transaction(db):
        roots.remove(db, roots.find(db, path))


def recount():
    """What the family's library holds, counted in Python from the list it is made of."""
    photos = [*library.FAMILY, library.TONIGHT]
    named = [(path, who) for path, _, _, whom in photos for who in whom if who[0].isupper()]
    return photos, named


def test_the_views_count_what_python_counts(family):
    photos, named = recount()
    assert set(rows(family, "SELECT path, faces FROM photos")) == {(p[0], len(p[3])) for p in photos}
    assert set(rows(family, "SELECT path, person FROM appearances")) == set(named)
    assert len(rows(family, "SELECT path, person FROM appearances")) == len(named)
    assert dict(rows(family, "SELECT person, photos FROM people")) == {
        who: sum(other == who for _, other in named) for _, who in named
    }
    assert set(rows(family, "SELECT path, people FROM photos WHERE people IS NOT NULL")) == {
        (path, ", ".join(sorted(who for p, who in named if p == path))) for path, _ in named
    }
    assert one(family, "SELECT count(*) FROM faces") == sum(len(p[3]) for p in photos)


def test_status_agrees_with_the_views(family):
    status = listings.status(family, "dlib")
    assert {name: status[name] for name in ("photos", "faces", "people", "problems", "unnamed_clusters")} == {
        "photos": one(family, "SELECT count(*) FROM photos"),
        "faces": one(family, "SELECT count(*) FROM faces"),
        "people": 4,
        "problems": 1,
        "unnamed_clusters": one(family, "SELECT count(*) FROM clusters WHERE person IS NULL"),
    }
    assert status["named"] == one(family, "SELECT count(*) FROM faces WHERE person IS NOT NULL")
    assert status["files"] == one(family, "SELECT count(*) FROM files WHERE state = 'present'")
    assert (status["roots"], status["vanished"], status["unread"]) == (2, 1, 0)


def test_status_counts_as_left_only_what_will_be_read(db, run):
    for name in "abc":
        library.add_file(db, f"/lib/{name}.jpg", name)
    db.execute("UPDATE file SET stale = 1")
    a, b, _ = [row[0] for row in rows(db, "SELECT file_id FROM file ORDER BY name")]
    with index_file.transaction(db):
        problems.record(db, run, Problem("examine", "corrupt", "given up"), file_id=a)
        problems.record(db, run, Problem("read", "unreadable", "once more"), file_id=b)
    assert listings.status(db, "dlib")["unread"] == 2


def test_of_an_empty_index_everything_is_none(db):
    assert set(listings.status(db, "dlib").values()) == {0}
    assert listings.last_run(db) is None
    for query in (listings.PEOPLE, listings.PROBLEMS, listings.DUPLICATES):
        assert listings.rows(db, query) == []


def test_a_vanished_file_is_seen_in_files_alone(db, run):
    (face,) = library.add_photo(db, run, "/lib/a.jpg", "anna")
    library.name(db, library.found(db, run, [face]), "Anna")
    library.vanish(db, "/lib/a.jpg")
    path, state, gone_at = one(db, "SELECT path, state, gone_at FROM files")
    assert (path, state) == ("/lib/a.jpg", "vanished")
    assert gone_at is not None
    for view in ("photos", "faces", "appearances", "clusters"):
        assert rows(db, f"SELECT * FROM {view}") == []
    assert one(db, "SELECT person, photos, first_seen, clusters FROM people") == ("Anna", 0, None, 1)


def test_a_photo_is_there_as_long_as_one_copy_is(db, run):
    library.add_photo(db, run, "/lib/b.jpg", "anna")
    library.add_file(db, "/lib/a copy.jpg", "/lib/b.jpg")
    library.add_file(db, "/other/a.jpg", "/lib/b.jpg")
    assert one(db, "SELECT path, copies FROM photos") == ("/lib/a copy.jpg", 3)
    library.vanish(db, "/lib/a copy.jpg")
    assert one(db, "SELECT path, copies FROM photos") == ("/lib/b.jpg", 2)
    remove_root(db, "/lib")
    assert one(db, "SELECT path, copies FROM photos") == ("/other/a.jpg", 1)
    assert one(db, "SELECT path FROM faces") == "/other/a.jpg"


def test_a_removed_root_takes_its_photos_people_and_problems_out_of_sight(family):
    remove_root(family, "/mnt/nas/scans")
    assert one(family, "SELECT count(*) FROM photos WHERE path LIKE '/mnt/%'") == 0
    assert one(family, "SELECT count(*) FROM appearances WHERE person = 'Ben'") == 5
    assert one(family, "SELECT count(DISTINCT state) FROM files WHERE root = '/mnt/nas/scans'") == 1
    assert one(family, "SELECT copies FROM duplicates LIMIT 1") == 2
    remove_root(family, "/home/me/Pictures")
    for view in ("photos", "faces", "appearances", "clusters", "duplicates", "problems"):
        assert rows(family, f"SELECT * FROM {view}") == []
    assert listings.status(family, "dlib")["problems"] == 0


def test_a_human_word_about_a_face_goes_before_its_cluster(db, run):
    one_face, other_face = (library.add_photo(db, run, f"/lib/{n}.jpg", "anna")[0] for n in "ab")
    library.name(db, library.found(db, run, [one_face, other_face]), "Anna")
    library.say(db, other_face, "Ben")
    assert rows(db, "SELECT path, person, named_by FROM faces ORDER BY path") == [
        ("/lib/a.jpg", "Anna", "human"),
        ("/lib/b.jpg", "Ben", "human"),
    ]
    assert rows(db, "SELECT person, path FROM appearances ORDER BY person") == [
        ("Anna", "/lib/a.jpg"),
        ("Ben", "/lib/b.jpg"),
    ]
    assert rows(db, "SELECT path, people FROM photos ORDER BY path") == [("/lib/a.jpg", "Anna"), ("/lib/b.jpg", "Ben")]
    assert one(db, "SELECT person, faces FROM clusters") == ("Anna", 2)


def test_a_match_is_told_from_a_label(db, run):
    (face,) = library.add_photo(db, run, "/lib/a.jpg", "anna")
    cluster = library.found(db, run, [face])
    library.name(db, cluster, "Anna")
    (new,) = library.add_photo(db, run, "/lib/b.jpg", "anna")
    library.join(db, run, cluster, [new], 0.5)
    assert one(db, "SELECT person, named_by, distance FROM faces WHERE face_id = ?", new) == ("Anna", "match", 0.5)
    db.execute("UPDATE label SET source = 'tag'")
    assert one(db, "SELECT named_by FROM faces WHERE face_id = ?", face) == "tag"


def test_an_ignored_face_is_nobody_and_not_counted(db, run):
    anna, ben = library.add_photo(db, run, "/lib/a.jpg", "anna", "ben")
    library.name(db, library.found(db, run, [anna]), "Anna")
    library.name(db, library.found(db, run, [ben]), "Ben")
    ignore(db, ben)
    assert one(db, "SELECT faces, people FROM photos") == (1, "Anna")
    assert one(db, "SELECT person, cluster_id, named_by, distance FROM faces WHERE face_id = ?", ben) == (
        None, None, "ignored", None,
    )  # fmt: skip
    assert rows(db, "SELECT person FROM appearances") == [("Anna",)]


def test_two_faces_of_a_person_on_one_photo_are_one_appearance(db, run):
    faces = library.add_photo(db, run, "/lib/mirror.jpg", "anna", "anna", "ben")
    for face in faces[:2]:
        library.name(db, library.found(db, run, [face]), "Anna")
    assert one(db, "SELECT person, path FROM appearances") == ("Anna", "/lib/mirror.jpg")
    assert one(db, "SELECT faces, people FROM photos") == (3, "Anna")
    assert one(db, "SELECT clusters, photos FROM people") == (2, 1)


def test_the_views_show_one_backend_at_a_time(db, run):
    (face,) = library.add_photo(db, run, "/lib/a.jpg", "anna")
    library.name(db, library.found(db, run, [face]), "Anna")
    others = library.add_photo(db, run, "/lib/b.jpg", "anna", "carl", backend="other")
    library.name(db, library.found(db, run, others[1:], "other"), "Carl")
    shown = "SELECT person, photos, clusters FROM people ORDER BY person"
    assert rows(db, shown) == [("Anna", 1, 1), ("Carl", 0, 0)]
    assert rows(db, "SELECT path, faces, people FROM photos ORDER BY path") == [
        ("/lib/a.jpg", 1, "Anna"),
        ("/lib/b.jpg", 0, None),
    ]
    with index_file.transaction(db):
        settings.put(db, "backend", "other")
    assert rows(db, shown) == [("Anna", 0, 0), ("Carl", 1, 1)]
    assert one(db, "SELECT count(*) FROM faces") == 2
    assert one(db, "SELECT person FROM clusters") == "Carl"


def test_names_that_are_not_valid_text_are_shown_with_escapes(db, run):
    library.add_root(db, "/photos \udce9")
    library.add_photo(db, run, "/photos \udce9/caf\udce9/\udcff.jpg", "anna")
    assert one(db, "SELECT path, root FROM files") == ("/photos \\xe9/caf\\xe9/\\xff.jpg", "/photos \\xe9")
    assert one(db, "SELECT path FROM photos") == "/photos \\xe9/caf\\xe9/\\xff.jpg"


def test_the_root_of_the_file_system_may_be_a_root(db, run):
    library.add_root(db, "/")
    library.add_photo(db, run, "/a.jpg", "anna")
    library.add_photo(db, run, "/etc/b.jpg", "anna")
    with index_file.transaction(db):
        for (folder,) in rows(db, "SELECT folder_id FROM folder"):
            problems.record_folder(db, run, Problem("crawl", "unreadable", "x"), folder_id=folder)
    assert rows(db, "SELECT path FROM photos ORDER BY path") == [("/a.jpg",), ("/etc/b.jpg",)]
    assert rows(db, "SELECT path FROM problems ORDER BY path") == [("/",), ("/etc",)]


@pytest.mark.parametrize(
    ("taken_at", "shown", "year", "source"),
    [
        ("2019-12-31T23:30:00-05:00", "2019-12-31T23:30:00-05:00", 2019, "exif"),
        ("2019-12-31T23:30:00.25", "2019-12-31T23:30:00.25", 2019, "exif"),
        (None, "2020-01-02T03:04:05Z", 2020, "file"),
    ],
)
def test_a_photo_was_taken_when_the_camera_says_else_when_the_file_was_changed(db, run, taken_at, shown, year, source):
    library.add_photo(db, run, "/lib/a.jpg", "anna", taken_at=taken_at)
    assert one(db, "SELECT taken_at, year, taken_from FROM photos") == (shown, year, source)


def test_a_file_changed_before_1970_has_a_time_too(db):
    library.add_file(db, "/lib/a.txt", "a", mtime=-1)
    assert one(db, "SELECT modified FROM files") == "1969-12-31T23:59:59Z"


def test_hard_links_and_empty_files_are_no_duplicates(db):
    for name, inode in (("a", 1), ("b", 1)):
        library.add_file(db, f"/lib/{name}", "same", inode=inode)
        library.add_file(db, f"/lib/empty {name}", "", size=0)
    assert rows(db, "SELECT * FROM duplicates") == []
    library.add_file(db, "/lib/c", "same", inode=2)
    assert rows(db, "SELECT copies, wasted, path FROM duplicates ORDER BY path") == [
        (2, 1000, f"/lib/{name}") for name in "abc"
    ]


def test_a_file_that_was_never_read_has_no_digest(db):
    library.add_file(db, "/lib/a", "a")
    assert one(db, "SELECT digest FROM files") == library.digest_of("a").hex()
    db.execute("UPDATE file SET digest = NULL")
    assert one(db, "SELECT digest IS NULL FROM files") == 1


def test_clusters_are_listed_as_they_deserve_a_name(family):
    listed = listings.rows(family, listings.CLUSTERS, which="all", least=1, limit=99)
    assert [(row["cluster"], row["person"], row["photos"]) for row in listed] == [
        (5, "", 3), (6, "", 1), (1, "Anna", 6), (2, "Ben", 6), (3, "Carl", 2), (4, "Dora", 2),
    ]  # fmt: skip
    unnamed = listings.rows(family, listings.CLUSTERS, which="unnamed", least=2, limit=99)
    assert [row["cluster"] for row in unnamed] == [5]
    named = listings.rows(family, listings.CLUSTERS, which="named", least=1, limit=1)
    assert len(named) == 1


def test_the_faces_of_a_cluster_are_listed_nearest_first_and_only_those_that_are_there(family):
    listed = listings.members(family, 1)
    assert [row["path"].rsplit("/", 1)[1] for row in listed][-1] == "hike.jpg"
    assert "deleted.jpg" not in {row["path"].rsplit("/", 1)[1] for row in listed}
    assert listings.members(family, 1, 2) == listed[:2]


def test_the_faces_of_a_photo_are_listed_from_left_to_right(family):
    number = one(family, "SELECT photo_id FROM photos WHERE path LIKE '%/wedding.jpg'")
    assert [row["person"] for row in listings.on_photo(family, number)] == ["Carl", "Dora", "", ""]


def test_the_morning_report_knows_whom_the_night_recognised_and_who_deserves_a_name(family):
    assert listings.recognised(family, 2) == [{"person": "Anna", "photos": 1}, {"person": "Ben", "photos": 1}]
    assert listings.recognised(family, 1) == []
    assert listings.worth_a_name(family, 1) == [{"cluster": 5, "photos": 3, "new": 3}]
    assert listings.worth_a_name(family, 2) == []
    assert [row["kind"] for row in listings.troubles_of(family, 2)] == ["corrupt"]
    assert listings.last_run(family)["run_id"] == 2


def test_every_view_works_where_the_schema_is_not_trusted(family):
    path = family.execute("PRAGMA database_list").fetchone()["file"]
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA trusted_schema = OFF")
        for (view,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
            assert db.execute(f"SELECT * FROM {view}").fetchall()


def test_asking_for_one_person_or_photo_or_cluster_reads_no_table_from_end_to_end(family):
    """With a hundred thousand photos this is the difference between a second and a hundredth."""
    tables = {row[0] for row in rows(family, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    for query in (
        "SELECT * FROM appearances WHERE person = 'Anna'",
        "SELECT * FROM photos WHERE photo_id = 1",
        "SELECT * FROM faces WHERE photo_id = 1",
        "SELECT * FROM faces WHERE cluster_id = 1",
        "SELECT * FROM files WHERE photo_id = 1",
    ):
        plan = [row["detail"] for row in family.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert [step for step in plan if step.split()[0] == "SCAN" and step.split()[1] in tables] == [], query
