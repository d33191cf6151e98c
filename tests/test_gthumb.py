"""The faces extension of the viewer gThumb, which knows our index by four views only."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import library
import pytest
from cli_fakes import call, done, indexed, refused, rows
from library import add_photo, begin, family, found, name, new_index, say, vanish

from faceindex.db import transaction
from faceindex.store import extension, journal, parting

JOINED = "FROM file_paths f JOIN face_data d ON d.hash=f.hash JOIN face_groups g ON g.grp=d.grp"
ON_A_PATH = f"SELECT DISTINCT d.left, d.top, d.right, d.bottom, g.label, g.grp, d.inpic {JOINED} WHERE f.path=?"
NAMES = "SELECT g.label, count(d.grp) FROM face_data d JOIN face_groups g ON g.grp=d.grp GROUP BY g.label"
UNKNOWN = (
    "SELECT g.grp, count(d.grp) AS count FROM face_data d JOIN face_groups g ON g.grp=d.grp"
    " WHERE g.label='_unknown_' GROUP BY g.grp ORDER BY count DESC"
)
OF_A_NAME = f"SELECT DISTINCT f.path {JOINED} WHERE g.label=? ORDER BY f.path"
OF_A_GROUP = f"SELECT DISTINCT f.path {JOINED} WHERE g.grp=? ORDER BY f.path"
HOME = "/home/me/Pictures"


@pytest.fixture
def db(tmp_path):
    with closing(family(tmp_path)) as index:
        yield index


@pytest.fixture
def small(tmp_path):
    with closing(new_index(tmp_path)) as index:
        yield index


def ask(db, query, *values):
    return [tuple(row) for row in db.execute(query, values)]


def test_the_faces_of_a_path_are_whole_pixels_of_the_upright_picture(db):
    assert sorted(ask(db, ON_A_PATH, f"{HOME}/2019/picnic.jpg")) == [
        (0, 75, 67, 225, "Anna", 1, 1),
        (133, 75, 200, 225, "Ben", 2, 1),
        (267, 75, 333, 225, "Carl", 3, 1),
    ]


def test_what_the_machine_found_is_no_humans_word(db):
    assert {(row[4], row[6]) for row in ask(db, ON_A_PATH, f"{HOME}/2022/hike.jpg")} == {("Anna", 0), ("Ben", 0)}


def test_names_are_counted_and_unknown_groups_share_one(db):
    assert ask(db, NAMES) == [("Anna", 6), ("Ben", 6), ("Carl", 2), ("Dora", 2), ("_unknown_", 4)]
    assert ask(db, UNKNOWN) == [(5, 3), (6, 1)]
    assert ask(db, "SELECT label FROM face_labels ORDER BY label") == [("Anna",), ("Ben",), ("Carl",), ("Dora",)]


def test_paths_by_name_and_by_group_are_all_paths_a_photo_has(db):
    assert ask(db, OF_A_NAME, "Dora") == [(f"{HOME}/2020/birthday.jpg",), (f"{HOME}/2021/wedding.jpg",)]
    assert ask(db, OF_A_GROUP, 6) == [(f"{HOME}/2021/wedding.jpg",)]
    assert ("/mnt/nas/scans/from phone/beach-1.jpg",) in ask(db, OF_A_NAME, "Anna")


def test_a_digest_is_written_as_sha256sum_prints_it(db):
    wanted = library.digest_of(f"{HOME}/2021/garden.jpg").hex()
    assert ask(db, "SELECT hash, size FROM file_paths WHERE path=?", f"{HOME}/2021/garden.jpg") == [(wanted, 3_000_000)]
    assert ask(db, "SELECT grp, pickled FROM face_data WHERE hash=? ORDER BY grp", wanted) == [(2, None), (5, None)]


def test_what_is_gone_is_not_shown(db):
    vanish(db, f"{HOME}/2021/garden.jpg")
    assert ask(db, ON_A_PATH, f"{HOME}/2021/garden.jpg") == []
    assert ask(db, NAMES)[1] == ("Ben", 5)
    with transaction(db):
        db.execute("UPDATE root SET removed_at = '2026-02-01T00:00:00Z' WHERE path = ?", (HOME,))
    assert ask(db, NAMES) == [("Anna", 1), ("Ben", 2)]  # what is in the other root, too


def test_a_face_named_otherwise_than_its_cluster_stands_under_its_own_name(small):
    run = begin(small)
    (one,), (other,) = (add_photo(small, run, f"/lib/{n}.jpg", "Anna") for n in "ab")
    name(small, found(small, run, [one, other]), "Anna")
    say(small, other, "Beth")
    beth = -small.execute("SELECT person_id FROM person WHERE name = 'Beth'").fetchone()[0]
    assert ask(small, NAMES) == [("Anna", 1), ("Beth", 1)]
    assert [row[4:] for row in ask(small, ON_A_PATH, "/lib/b.jpg")] == [("Beth", beth, 1)]
    assert ask(small, OF_A_GROUP, beth) == [("/lib/b.jpg",)]


def test_a_named_face_needs_no_cluster_and_a_nameless_one_without_is_not_shown(small):
    run = begin(small)
    named, _ = add_photo(small, run, "/lib/a.jpg", "Anna", "x")
    say(small, named, "Anna")
    assert [row[4:] for row in ask(small, ON_A_PATH, "/lib/a.jpg")] == [("Anna", -1, 1)]


def test_ignored_faces_and_clusters_do_not_appear_but_what_a_human_named_does(small):
    run = begin(small)
    faces = [add_photo(small, run, f"/lib/{n}.jpg", "x")[0] for n in range(3)]
    cluster = found(small, run, faces)
    say(small, faces[0], "Anna")
    with journal.entry(small, "cluster ignore", ""):
        parting.ignore(small, [cluster])
    assert ask(small, NAMES) == [("Anna", 1)]
    assert ask(small, UNKNOWN) == []
    with journal.entry(small, "face ignore", "") as entry:
        small.execute("DELETE FROM label")
        small.execute("INSERT INTO ignored (face_id, journal_id) VALUES (?, ?)", (faces[0], entry))
    assert ask(small, "SELECT * FROM face_data") == []


def test_only_the_backend_in_use_is_shown(small):
    run = begin(small)
    found(small, run, add_photo(small, run, "/lib/a.jpg", "x"))
    with transaction(small):
        small.execute("UPDATE setting SET value = 'other' WHERE name = 'backend'")
    assert ask(small, "SELECT * FROM face_data") == ask(small, "SELECT * FROM face_groups") == []


@pytest.mark.parametrize("query", [ON_A_PATH, "SELECT d.grp FROM face_data d WHERE d.hash=?", OF_A_NAME, OF_A_GROUP])
def test_no_query_compares_every_face_with_every_file(db, query):
    plan = [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", ("x",))]
    assert any("photo_hash" in step for step in plan), plan
    assert not any(step.startswith("SCAN face ") or "AUTOMATIC COVERING INDEX (backend" in step for step in plan), plan


def test_tags_of_other_programs_are_shown_while_their_import_stands(db):
    tags = "SELECT path, source, name, left, top, word, face_id FROM tags"
    anna = (f"{HOME}/2019/beach-1.jpg", "digikam", "Anna", 0, 0.25, "said", 1)
    emma = (f"{HOME}/2020/birthday.jpg", "digikam", "Emma", pytest.approx(2 / 3), 0.25, "guessed", 11)
    assert ask(db, tags) == [anna, emma]
    vanish(db, f"{HOME}/2020/birthday.jpg")
    assert ask(db, tags) == [anna]
    with transaction(db):
        db.execute("UPDATE journal SET undone_at = '2026-02-01T00:00:00Z' WHERE command = 'import digikam'")
    assert ask(db, tags) == []


# ------------------------------------------------------------------------------- a database of its own


def test_the_tables_of_their_own_answer_as_the_views_do(db, tmp_path):
    extension.write(db, tmp_path / "viewer.db")
    with closing(sqlite3.connect(tmp_path / "viewer.db")) as viewer:
        for query, values in ((ON_A_PATH, [f"{HOME}/2019/picnic.jpg"]), (NAMES, []), (UNKNOWN, []),
                              (OF_A_NAME, ["Anna"]), (OF_A_GROUP, [1])):  # fmt: skip
            assert sorted(ask(viewer, query, *values)) == sorted(ask(db, query, *values)) != []


def test_the_command_writes_it_whole_and_again(tmp_path, monkeypatch):
    folder = indexed(tmp_path, monkeypatch)
    done("cluster", "label", str(rows("photo", "show", folder / "blue.png")[0]["cluster"]), "Carl")
    for _ in range(2):
        done("export", "gthumb", tmp_path / "viewer.db")
    with closing(sqlite3.connect(tmp_path / "viewer.db")) as viewer:
        assert ask(viewer, OF_A_NAME, "Carl") == [(str(folder / "blue.png"),)]
    assert (tmp_path / "viewer.db").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "viewer.db.unfinished").exists()


def test_another_file_or_a_place_among_the_photos_is_left_alone(tmp_path, monkeypatch):
    folder = indexed(tmp_path, monkeypatch)
    (tmp_path / "mine.db").write_text("mine")
    assert "--force" in refused("export", "gthumb", tmp_path / "mine.db")
    assert (tmp_path / "mine.db").read_text() == "mine"
    assert "--force" in refused("export", "gthumb", tmp_path / "faces.db")
    assert "among your photos" in refused("export", "gthumb", folder / "viewer.db")
    assert call("export", "gthumb", tmp_path / "nowhere" / "viewer.db").code == 1
