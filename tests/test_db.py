"""The index file: made, opened, refused, kept whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import library
import pytest

from faceindex import db as index_file
from faceindex.errors import CorruptIndex, DiskFull, FaceindexError, NewerIndex, NotAnIndex


@pytest.fixture
def path(tmp_path):
    return tmp_path / "faces.db"


@pytest.fixture
def index(path):
    """An index with something in it, closed."""
    with contextlib.closing(index_file.open_index(path)) as db:
        run = library.begin(db)
        for number in range(200):
            library.add_photo(db, run, f"/lib/{number}.jpg", "anna", "ben")
    return path


def opened(path, **options):
    return contextlib.closing(index_file.open_index(path, **options))


def mode(path):
    return path.stat().st_mode & 0o777


def python(script, *arguments, **options):
    """Run a script in another process that has this program's modules."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@contextlib.contextmanager
def untouched(path):
    """Nothing in the folder changes: not a byte, not a time, not a file more or less."""

    def look():
        return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in path.parent.iterdir() if p.is_file()}

    before = look()
    yield
    assert look() == before


# made and opened


def test_a_new_index_is_for_its_owner_alone_also_its_log(path):
    old = os.umask(0)
    try:
        with opened(path) as db:
            library.begin(db)
            assert {mode(p) for p in path.parent.glob("faces.db*")} == {0o600}
    finally:
        os.umask(old)


def test_an_empty_file_becomes_an_index_for_its_owner_alone(path):
    path.touch(mode=0o644)
    with opened(path) as db:
        assert index_file.schema_version(db) == index_file.scripts().version
    assert mode(path) == 0o600


def test_missing_folders_are_made_for_the_owner_alone(tmp_path):
    with opened(tmp_path / "a" / "b" / "faces.db"):
        assert mode(tmp_path / "a" / "b") == 0o700


def test_an_index_that_is_not_to_be_made_is_not_made(path):
    with pytest.raises(FaceindexError, match=r"there is no index at .*run 'faceindex scan FOLDER' first"):
        index_file.open_index(path, create=False)
    assert not path.exists()


def test_closing_leaves_one_file(index):
    assert [p.name for p in index.parent.iterdir()] == ["faces.db"]


def test_opening_alone_changes_no_byte(index):
    with untouched(index), opened(index, create=False) as db:
        db.execute("SELECT count(*) FROM faces").fetchone()


def test_a_connection_keeps_its_promises(path):
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0,
              "recursive_triggers": 1, "application_id": 0x46414349}  # fmt: skip
    with opened(path) as db:
        assert {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted


def test_a_name_that_means_memory_to_sqlite_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    index_file.open_index(Path(":memory:")).close()
    assert (tmp_path / ":memory:").stat().st_size > 0


OPEN = """
import sys, pathlib
from faceindex.db import open_index
sys.stdin.readline()
db = open_index(pathlib.Path(sys.argv[1]))
print(db.execute("SELECT count(*) FROM setting").fetchone()[0])
"""


def test_processes_that_make_an_index_at_the_same_moment_all_succeed(path):
    processes = [python(OPEN, path, stdin=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert (out, error) == ("1\n", "")


# refused


def another_program(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmark (url TEXT)")
        db.commit()


def another_program_with_log(path):
    """Another program's database in WAL mode, as it lies there after a crash."""
    home = path.with_name("home")
    home.mkdir()
    with contextlib.closing(sqlite3.connect(home / "faces.db")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA application_id = 77")
        db.execute("CREATE TABLE bookmark (url TEXT)")
        db.commit()
        for file in home.iterdir():
            shutil.copy2(file, path.parent / file.name)
    (path.parent / "faces.db-shm").unlink()
    shutil.rmtree(home)


def newer(path):
    index_file.open_index(path).close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9999")


def cut_short(path):
    index_file.open_index(path).close()
    os.truncate(path, 20_000)


def overwritten(path):
    """Garbage over everything but the header."""
    index_file.open_index(path).close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xa5" * (len(content) - 100))


def overwritten_copy(path):
    """The same in a copy that `faceindex backup` made, which is not in WAL mode."""
    with contextlib.closing(index_file.open_index(path.with_name("other.db"))) as db:
        index_file.backup(db, path)
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xa5" * (len(content) - 100))
    path.with_name("other.db").unlink()


STRANGE = {  # what lies there: error, and what the sentence says
    "text": (lambda path: path.write_text("Dear diary, " * 100), NotAnIndex, "is not a faceindex index; choose"),
    "short": (lambda path: path.write_bytes(b"SQLite format 3\0"), NotAnIndex, "is not a faceindex index"),
    "picture": (lambda path: path.write_bytes(b"\xff\xd8\xff" * 999), NotAnIndex, "is not a faceindex index"),
    "another program's": (another_program, NotAnIndex, "is another program's database; choose another file"),
    "another's with log": (another_program_with_log, NotAnIndex, "is another program's database"),
    "newer": (newer, NewerIndex, r"newer faceindex \(schema 9999, this one knows \d+\); update faceindex"),
    "cut short": (cut_short, CorruptIndex, r"is damaged \(cut short\); bring back a copy with 'faceindex restore'"),
    "overwritten": (overwritten, CorruptIndex, "is damaged .*; bring back a copy"),
    "overwritten copy": (overwritten_copy, CorruptIndex, "is damaged .*; bring back a copy"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_file_we_cannot_use_gets_one_sentence_and_is_not_touched(path, what):
    make, error, sentence = STRANGE[what]
    make(path)
    with untouched(path), pytest.raises(error, match=sentence) as caught:
        index_file.open_index(path)
    assert caught.value.exit_code == 6
    assert "\n" not in str(caught.value)


def test_what_is_no_ordinary_file_is_refused(tmp_path):
    for strange in (tmp_path, Path("/dev/null")):
        with pytest.raises(FaceindexError, match="; choose another"):
            index_file.open_index(strange)


def test_an_index_whose_making_was_killed_is_made_anew(path):
    """Between the switch to WAL and the first commit the file is a database without a table."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    with opened(path) as db:
        assert db.execute("SELECT value FROM setting").fetchone()[0] == "dlib"


READ_ONLY = """
import sys, os, pathlib
from faceindex.db import open_index, scripts
from faceindex.errors import FaceindexError
sql = scripts()
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
try:
    open_index(pathlib.Path(sys.argv[1]), sql=sql)
except FaceindexError as error:
    print(error.exit_code, error)
"""


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_may_not_be_written_gets_one_sentence(index, there):
    target = index if there else index.with_name("other.db")
    index.chmod(0o644)
    index.parent.chmod(0o555)
    for folder in index.parent.parents:  # another user must come this far
        if folder.owner() == index.owner() and folder != Path("/") and not folder.stat().st_mode & 0o005:
            folder.chmod(folder.stat().st_mode | 0o005)
    try:
        out, error = python(READ_ONLY, target).communicate(timeout=60)
    finally:
        index.parent.chmod(0o755)
    assert error == ""
    assert out.startswith("1 cannot ")
    assert out.count("\n") == 1
    assert "--db" in out


# shared


def test_a_reader_in_the_middle_of_reading_blocks_no_writer(index):
    with opened(index) as reader, opened(index) as writer:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM run").fetchone()[0]
        library.begin(writer)
        assert reader.execute("SELECT count(*) FROM run").fetchone()[0] == before
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM run").fetchone()[0] == before + 1


def test_a_writer_waits_for_another(index):
    with opened(index) as one, opened(index) as two:
        taken = threading.Event()

        def hold():
            with opened(index) as third, index_file.transaction(third):
                taken.set()
                release.wait(30)

        release = threading.Event()
        holder = threading.Thread(target=hold)
        holder.start()
        taken.wait(30)
        threading.Timer(0.1, release.set).start()
        library.begin(one)
        holder.join()
        library.begin(two)


def test_who_waits_too_long_for_another_writer_is_told(index, monkeypatch):
    monkeypatch.setattr(index_file, "BUSY_TIMEOUT_MS", 50)
    with opened(index) as one, opened(index) as two, index_file.transaction(one):
        with pytest.raises(sqlite3.OperationalError) as caught:
            library.begin(two)
        told = index_file.told(caught.value, index)
    assert str(told) == f"another program keeps {index} locked; close it and try again"
    assert isinstance(told, FaceindexError)


def begin_and_fail(db):
    with index_file.transaction(db):
        library.begin(db)  # a transaction within becomes part of it
        db.execute("INSERT INTO run (started_at, version, options) VALUES (NULL, 'x', 'x')")


def test_a_transaction_is_kept_whole_or_not_at_all(index):
    with opened(index) as db:
        with pytest.raises(sqlite3.IntegrityError):
            begin_and_fail(db)
        assert db.execute("SELECT count(*) FROM run").fetchone()[0] == 1
        assert not db.in_transaction


FILL = """
import sys, pathlib, resource, sqlite3
from faceindex import db as index_file
path = pathlib.Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
db = index_file.open_index(path)
try:
    for number in range(10_000):
        with index_file.transaction(db):
            db.execute("INSERT INTO run (started_at, version, options) VALUES ('x', 'x', ?)", ("x" * 5000,))
except sqlite3.DatabaseError as error:
    print(number, type(index_file.told(error, path)).__name__)
"""


def test_a_full_disk_is_told_and_costs_nothing_that_was_saved(path):
    """A limit on file size stands for the disk: SQLite meets it at a write, as it would a full disk."""
    out, error = python(FILL, path).communicate(timeout=60)
    assert error == ""
    saved, kind = out.split()
    assert kind == DiskFull.__name__
    with opened(path) as db:
        assert index_file.check(db) == []
        assert db.execute("SELECT count(*) FROM run").fetchone()[0] == int(saved) > 0


# checked and copied


def test_a_sound_index_has_nothing_to_report(index):
    with opened(index) as db:
        assert index_file.check(db) == []


def test_a_row_that_points_nowhere_is_reported(index):
    with contextlib.closing(sqlite3.connect(index)) as raw:
        raw.execute("DELETE FROM photo WHERE photo_id = 1")
        raw.commit()
    with opened(index) as db:
        assert "points to a missing row of photo" in " ".join(index_file.check(db))


def test_a_damaged_page_is_reported(index):
    content = bytearray(index.read_bytes())
    middle = len(content) * 3 // 4 // 4096 * 4096  # behind the pages that hold the schema
    content[middle : middle + 4096 * 3] = b"\xa5" * 4096 * 3
    index.write_bytes(content)
    with opened(index) as db:
        assert index_file.check(db) != []


def test_a_backup_is_one_private_file_with_everything_in_it(index, tmp_path):
    target = tmp_path / "copy.db"
    with opened(index) as db:
        assert index_file.backup(db, target) == target
    assert mode(target) == 0o600
    assert [p.name for p in tmp_path.glob("copy.db*")] == ["copy.db"]
    with opened(target) as db:
        assert db.execute("SELECT count(*) FROM faces").fetchone()[0] == 400
        assert index_file.check(db) == []


def test_a_backup_during_a_write_holds_what_was_committed(index, tmp_path):
    with opened(index) as writer, opened(index) as db, index_file.transaction(writer):
        writer.execute("DELETE FROM encoding")
        index_file.backup(db, tmp_path / "copy.db")
    with opened(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT count(*) FROM encoding").fetchone()[0] == 400


def test_a_backup_overwrites_nothing(index, tmp_path):
    target = tmp_path / "letter.txt"
    target.write_text("Dear Anna")
    with opened(index) as db, pytest.raises(FaceindexError, match="exists already; name another file"):
        index_file.backup(db, target)
    assert target.read_text() == "Dear Anna"


def test_a_backup_into_a_folder_that_is_not_there_is_told(index, tmp_path):
    with opened(index) as db, pytest.raises(FaceindexError, match=r"cannot write .*; name another place"):
        index_file.backup(db, tmp_path / "missing" / "copy.db")


BACKUP = """
import sys, pathlib, resource
from faceindex import db as index_file
from faceindex.errors import DiskFull
db = index_file.open_index(pathlib.Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    index_file.backup(db, pathlib.Path(sys.argv[2]))
except DiskFull as error:
    print(error)
"""


def test_a_backup_that_the_disk_has_no_room_for_is_told_and_leaves_nothing(index, tmp_path):
    out, error = python(BACKUP, index, tmp_path / "copy.db").communicate(timeout=60)
    assert error == ""
    assert out.startswith(f"the disk that holds {tmp_path / 'copy.db'} is full")
    assert list(tmp_path.glob("copy.db*")) == []


def test_a_second_connection_of_the_same_process_costs_the_first_no_word(tmp_path: Path) -> None:
    # POSIX drops a process's locks on a file when it closes any handle of it; another process would then
    # take itself for the last one and delete the log under the first.
    path = tmp_path / "faces.db"
    code = f"""
import os, pathlib, sqlite3, subprocess, sys
from faceindex import db
path = pathlib.Path({str(path)!r})
first = db.open_index(path)
db.open_index(path).close()
subprocess.run([sys.executable, "-c", f"import sqlite3; c = sqlite3.connect({{str(path)!r}}); "
                "c.execute('SELECT count(*) FROM person').fetchone(); c.close()"], check=True)
first.execute("INSERT INTO person (name) VALUES ('Anna')")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM person").fetchall() == [("Anna",)]


def test_a_restored_copy_is_not_changed_by_the_log_of_the_former_index(tmp_path: Path) -> None:
    path, copy = tmp_path / "faces.db", tmp_path / "copy.db"
    with contextlib.closing(index_file.open_index(path)) as db:
        db.execute("INSERT INTO person (name) VALUES ('Anna')")
        index_file.backup(db, copy)
    code = f"""
import os, pathlib
from faceindex import db
index = db.open_index(pathlib.Path({str(path)!r}))
index.execute("INSERT INTO person (name) VALUES ('Ben')")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert path.with_name("faces.db-wal").exists()
    former = index_file.restore(copy, path)
    assert former is not None
    names = {}
    for name, where in (("now", path), ("former", former)):
        with contextlib.closing(index_file.open_index(where)) as db:
            names[name] = [row[0] for row in db.execute("SELECT name FROM person ORDER BY name")]
            assert index_file.check(db) == []
    assert names == {"now": ["Anna"], "former": ["Anna", "Ben"]}
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_sound_index_is_not_restored(tmp_path: Path) -> None:
    path, copy = tmp_path / "faces.db", tmp_path / "copy.db"
    index_file.open_index(path).close()
    before = path.read_bytes()
    copy.write_text("a letter")
    with pytest.raises(NotAnIndex):
        index_file.restore(copy, path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.replaced*"))
