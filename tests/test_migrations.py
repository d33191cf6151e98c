"""schema.sql and migrations/ make the same index; a step is kept whole or not at all, and loses nothing."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import library
import pytest

from faceindex import db as index_file
from faceindex.errors import CorruptIndex, IndexProblem

TODAY = index_file.scripts()

# What a later version may do: a column more, a table built anew under the views that name it.
REBUILD = """
ALTER TABLE person ADD COLUMN note TEXT NOT NULL DEFAULT 'none';
CREATE TABLE label_new (
    face_id    INTEGER PRIMARY KEY REFERENCES face,
    person_id  INTEGER NOT NULL REFERENCES person,
    source     TEXT NOT NULL,
    journal_id INTEGER NOT NULL REFERENCES journal,
    carried_from INTEGER REFERENCES face,
    sure       INTEGER NOT NULL DEFAULT 1   -- new; and a "--" within 'quotes;' in a comment
) STRICT;
INSERT INTO label_new (face_id, person_id, source, journal_id, carried_from)
    SELECT face_id, person_id, source, journal_id, carried_from FROM label;
DROP TABLE label;
ALTER TABLE label_new RENAME TO label;
"""


@pytest.fixture
def path(tmp_path):
    """An index of today with two named clusters, closed."""
    with contextlib.closing(library.new_index(tmp_path)) as db:
        run = library.begin(db)
        for who in ("Anna", "Ben"):
            faces = [face for i in range(20) for face in library.add_photo(db, run, f"/lib/{who}{i}.jpg", who)]
            library.name(db, library.found(db, run, faces), who)
    return tmp_path / "faces.db"


def later(*steps):
    """The scripts of a later version, with these steps after today's."""
    numbered = [(TODAY.version + i + 1, step) for i, step in enumerate(steps)]
    return replace(TODAY, migrations=(*TODAY.migrations, *numbered))


def content(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def version(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


def backups(path):
    return list(path.parent.glob("*.bak*"))


def shape(db):
    """Everything that makes an index what it is, but for the rows and for comments and spaces."""

    def plain(sql):
        return " ".join(
            re.sub(r"--[^\n]*", " ", sql or "").replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
        )

    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    tables = {tuple(row)[:3]: plain(row["sql"]) for row in rows}
    pragmas = {name: db.execute(f"PRAGMA {name}").fetchone()[0]
               for name in ("application_id", "user_version", "encoding", "page_size", "auto_vacuum")}  # fmt: skip
    return tables, pragmas, [tuple(row) for row in db.execute("SELECT * FROM setting")]


def empty_index(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.row_factory = sqlite3.Row
    return contextlib.closing(db)


def test_a_new_index_and_a_migrated_one_are_the_same(tmp_path):
    with contextlib.closing(library.new_index(tmp_path)) as new, empty_index(tmp_path / "old.db") as migrated:
        index_file.migrate(migrated, tmp_path / "old.db", TODAY)
        assert shape(migrated) == shape(new)
        assert migrated.execute("SELECT sql FROM sqlite_master WHERE name = 'photos'").fetchone()
    assert backups(tmp_path / "faces.db") == []  # there was nothing yet to save


def test_steps_are_numbered_without_gaps_and_the_schema_has_the_last_number():
    assert [number for number, _ in TODAY.migrations] == list(range(1, TODAY.version + 1))
    assert f"PRAGMA user_version = {TODAY.version};" in TODAY.schema


def test_scripts_are_read_from_a_folder_too(tmp_path):
    (tmp_path / "migrations").mkdir()
    (tmp_path / "schema.sql").write_text("CREATE TABLE a (b);")
    (tmp_path / "migrations" / "0002_second.sql").write_text("SELECT 2;")
    (tmp_path / "migrations" / "0001_first.sql").write_text("SELECT 1;")
    (tmp_path / "migrations" / "README").write_text("not a step")
    found = index_file.scripts(tmp_path)
    assert (found.version, found.migrations) == (2, ((1, "SELECT 1;"), (2, "SELECT 2;")))


def test_an_index_of_an_older_schema_keeps_every_label(path):
    with contextlib.closing(index_file.open_index(path)) as db:
        said, members = library.labels(db), library.members(db)
    with contextlib.closing(index_file.open_index(path, sql=later(REBUILD, "CREATE TABLE album (title TEXT);"))) as db:
        assert library.labels(db) == said
        assert library.members(db) == members
        assert {row[0] for row in db.execute("SELECT sure FROM label")} == {1}
        assert db.execute("SELECT count(*) FROM album").fetchone()[0] == 0
        assert index_file.schema_version(db) == TODAY.version + 2
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert index_file.check(db) == []


def test_before_the_first_step_a_private_backup_is_made(path):
    before = content(path)
    index_file.open_index(path, sql=later(REBUILD, "CREATE TABLE album (title TEXT);")).close()
    (backup,) = backups(path)
    assert backup.name == f"faces.db.v{TODAY.version}.bak"
    assert backup.stat().st_mode & 0o777 == 0o600
    assert content(backup) == before
    index_file.open_index(backup).close()


def test_a_step_that_fails_every_night_keeps_one_backup_as_the_index_was_last(path):
    for number in range(3):
        with contextlib.closing(index_file.open_index(path)) as db:
            library.name(db, 1, f"Anna {number}")
        with pytest.raises(sqlite3.OperationalError):
            index_file.open_index(path, sql=later("INSERT INTO nowhere VALUES (1);"))
    (backup,) = backups(path)
    assert content(backup) == content(path)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("CREATE TABLE album (title TEXT); DELETE FROM label; DELETE FROM nowhere;", sqlite3.OperationalError),
        ("DELETE FROM label; UPDATE person SET name = 'x';", sqlite3.IntegrityError),
        ("DELETE FROM label; CREATE TABLE album (", ValueError),
        ("DELETE FROM person WHERE name = 'Anna';", IndexProblem),
    ],
    ids=["no such table", "constraint", "unfinished", "foreign key"],
)
def test_a_step_that_fails_leaves_the_index_as_it_was(path, bad, error):
    before = content(path)
    bad = bad.replace("; ", ";\n")
    with pytest.raises(error):
        index_file.open_index(path, sql=later(bad))
    assert (version(path), content(path)) == (TODAY.version, before)
    (backup,) = backups(path)
    assert content(backup) == before
    with contextlib.closing(index_file.open_index(path)) as db:  # and goes on working with the program of today
        assert index_file.check(db) == []


def test_steps_before_one_that_fails_are_kept(path):
    with pytest.raises(sqlite3.OperationalError):
        index_file.open_index(path, sql=later("CREATE TABLE album (title TEXT);", "INSERT INTO nowhere VALUES (1);"))
    assert version(path) == TODAY.version + 1
    assert any("album" in line for line in content(path))


def test_a_step_that_would_leave_rows_pointing_nowhere_says_how_many(path):
    with pytest.raises(
        IndexProblem, match=rf"schema step {TODAY.version + 1} would leave \d+ dangling rows, so it was not kept"
    ):
        index_file.open_index(path, sql=later("DELETE FROM person WHERE name = 'Anna';"))


def test_a_damaged_index_is_not_migrated(path):
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 2 // 4096 * 4096
    damaged[middle : middle + 3 * 4096] = b"\xa5" * 3 * 4096
    path.write_bytes(damaged)
    with pytest.raises(CorruptIndex, match="is damaged"):
        index_file.open_index(path, sql=later(REBUILD))
    assert path.read_bytes() == damaged
    assert backups(path) == []


MIGRATE = f"""
import os, sys, pathlib, sqlite3
sys.path.insert(0, {str(Path(__file__).parent)!r})
from faceindex import db as index_file
from test_migrations import REBUILD, later
left, path = int(sys.argv[2]), pathlib.Path(sys.argv[1])
statements = index_file.statements
def counted(script):
    global left
    for statement in statements(script):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        yield statement
index_file.statements = counted
index_file.open_index(path, sql=later(REBUILD)).close()
print("done")
"""


def migrate_in_another_process(path, killed_after):
    return subprocess.Popen(
        [sys.executable, "-c", MIGRATE, str(path), str(killed_after)],
        cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("killed_after", [0, 1, 5, 9, 99])
def test_kill_9_in_the_middle_of_a_step_leaves_the_old_or_the_new(path, killed_after):
    before = content(path)
    process = migrate_in_another_process(path, killed_after)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) in [(-9, "", ""), (0, "done\n", "")]
    if process.returncode:
        assert (version(path), content(path)) == (TODAY.version, before)
    with contextlib.closing(index_file.open_index(path, sql=later(REBUILD))) as db:
        assert set(library.labels(db).values()) == {"Anna", "Ben"}
        assert len(library.labels(db)) == 40
        assert index_file.schema_version(db) == TODAY.version + 1
        assert db.execute("SELECT count(*) FROM faces WHERE person IS NOT NULL").fetchone()[0] == 40
        assert index_file.check(db) == []


def test_processes_that_migrate_at_the_same_moment_take_each_step_once(path):
    processes = [migrate_in_another_process(path, 99) for _ in range(3)]
    assert [process.communicate(timeout=60) for process in processes] == [("done\n", "")] * 3
    assert version(path) == TODAY.version + 1
    assert len(backups(path)) == 1


def test_statements_are_told_apart_whatever_they_hold():
    script = "-- a; comment\nSELECT ';';\n\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\nEND;\n-- the end\n"
    assert [" ".join(s.split()) for s in index_file.statements(script)] == [
        "-- a; comment SELECT ';';",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;",
    ]


def test_what_is_no_finished_statement_is_an_error():
    with pytest.raises(ValueError, match="unfinished SQL: CREATE TABLE a"):
        list(index_file.statements("SELECT 1;\nCREATE TABLE a ("))
