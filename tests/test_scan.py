"""A night on a library: what is new, changed, moved, copied, gone and back, and what is read for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
import tracemalloc

import pytest
from nights import BLUE, GREEN, RED, settle
from PIL import Image

from faceindex import report
from faceindex.errors import UsageProblem
from faceindex.models import ReadLimits
from faceindex.pipeline import Progress, ScanOptions, scan
from faceindex.pipeline import examine as examining
from faceindex.store import journal, roots


def everything_but_runs(home):
    with home.open() as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {t: [tuple(row) for row in db.execute(f"SELECT * FROM {t}")] for t in tables
                if t not in ("run", "sqlite_sequence")}  # fmt: skip


def is_silent(home, night) -> bool:
    with home.open() as db:
        return report.text(report.summary(db, night.result)) == []


@pytest.fixture
def three(home):
    """A library of three pictures, scanned."""
    home.photo("a.png", RED)
    home.photo("summer/b.png", RED, GREEN)
    home.photo("summer/sea/c.png", BLUE)
    (home.library / "film.mov").write_bytes(b"not a picture")
    home.scan()
    return home


def test_a_first_night_reads_every_file_once(home):
    home.photo("a.png", RED)
    home.photo("summer/b.png", RED, GREEN)
    (home.library / "film.mov").write_bytes(bytes(1000))
    night = home.scan()
    assert night.counts == {
        "files_seen": 3, "files_new": 3, "files_read": 3, "photos_new": 2, "faces_found": 3, "clusters_new": 2,
        "bytes_read": sum(path.stat().st_size for path in home.library.rglob("*.*")),
    }  # fmt: skip
    assert night.result.outcome == "done"
    assert not is_silent(home, night)


def test_a_night_without_changes_reads_and_writes_nothing_and_is_silent(three):
    before = everything_but_runs(three)
    night = three.scan()
    assert night.counts == {"files_seen": 4}
    assert everything_but_runs(three) == before
    assert is_silent(three, night)


def test_a_renamed_file_is_moved_without_reading_a_byte(three):
    (three.library / "a.png").rename(three.library / "z.png")
    assert three.scan().counts == {"files_seen": 4, "files_moved": 1}
    assert three.state(three.library / "a.png") == "vanished"


def test_a_renamed_folder_is_moved_without_reading_a_byte(three):
    three.label(three.library / "summer/sea/c.png", "Ben")
    (three.library / "summer").rename(three.library / "autumn")
    assert three.scan().counts == {"files_seen": 4, "files_moved": 2}
    assert three.faces(three.library / "autumn/sea/c.png")[0][2:] == ("Ben", "Ben")


@pytest.mark.parametrize("first", [0, 1])
def test_a_file_moved_to_another_root_is_moved_whichever_root_is_crawled_first(three, first):
    other = three.folder / "other"
    other.mkdir()
    (other / "keep.txt").write_text("here")
    both = (three.library, other)
    three.scan(*both)
    (three.library / "a.png").rename(other / "a.png")
    assert three.scan(*(both[first], both[1 - first])).counts == {"files_seen": 5, "files_moved": 1}


def test_a_file_moved_across_file_systems_is_moved_and_not_examined_again(three):
    # A copy whose original was deleted has another inode: only its bytes tell.
    three.photo("d.png", RED)
    three.scan()
    shutil.copy(three.library / "a.png", three.library / "z.png")
    (three.library / "a.png").unlink()
    assert three.scan().news == {"files_moved": 1}
    assert three.examinations() == 4


def test_two_equal_files_moved_across_file_systems_are_two_moves(three):
    for name in ("one.png", "two.png"):
        shutil.copy(three.library / "a.png", three.library / name)
    three.scan()
    (three.library / "new").mkdir()
    for name in ("one.png", "two.png"):
        shutil.copy(three.library / name, three.library / "new" / name)
        (three.library / name).unlink()
    assert three.scan().news == {"files_moved": 2}


def test_a_copy_is_read_but_not_examined(three):
    shutil.copy(three.library / "a.png", three.library / "copy.png")
    night = three.scan()
    assert night.news == {"files_copied": 1}
    assert night.counts["bytes_read"] == (three.library / "a.png").stat().st_size
    assert three.examinations() == 3


def test_a_hard_link_is_a_copy(three):
    os.link(three.library / "a.png", three.library / "link.png")
    assert three.scan().news == {"files_copied": 1}
    assert three.examinations() == 3


def test_of_two_hard_links_the_one_that_was_renamed_has_moved(three):
    os.link(three.library / "a.png", three.library / "link.png")
    three.scan()
    (three.library / "link.png").rename(three.library / "renamed.png")
    assert three.scan().news == {"files_moved": 1}


def test_a_file_renamed_to_a_picture_is_examined(three):
    (three.library / "a.png").rename(three.library / "z.bak")
    three.photo("hidden.bak", GREEN)
    three.scan()
    (three.library / "hidden.bak").rename(three.library / "shown.png")
    assert three.scan().news["photos_new"] == 1


def test_equal_new_files_are_examined_once_by_several_workers(home):
    first = home.photo("1.png", RED)
    for number in range(2, 9):
        shutil.copy(first, home.library / f"{number}.png")
    for number in range(5):
        home.photo(f"other{number}.png", GREEN)
    night = home.scan(engine="processes:2")
    assert night.counts["photos_new"] == 6
    assert night.news["files_copied"] == 7
    assert night.news["files_new"] == 6


def test_an_edit_of_equal_size_with_its_time_set_back_is_found(three):
    path = three.library / "film.mov"
    before = path.stat()
    path.write_bytes(b"NOT A PICTURE")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert three.scan().news == {"files_changed": 1}


def test_a_touched_file_is_read_but_is_no_news(three):
    os.utime(three.library / "a.png")
    night = three.scan()
    assert night.counts == {"files_seen": 4, "files_read": 1, "bytes_read": (three.library / "a.png").stat().st_size}
    assert is_silent(three, night)


def test_a_file_with_new_permissions_is_no_news(three):
    (three.library / "a.png").chmod(0o600)
    night = three.scan()
    assert night.news == {}
    assert is_silent(three, night)


def test_an_edited_picture_is_examined(three):
    three.photo("a.png", GREEN, BLUE)
    assert three.scan().news == {"files_changed": 1, "photos_new": 1, "faces_found": 2}


def test_verify_reads_everything_and_finds_what_stat_cannot_tell(three):
    with three.open() as db:  # as if the disk had decayed
        db.execute("UPDATE file SET digest = zeroblob(32) WHERE name = 'film.mov'")
    night = three.scan(verify=True)
    assert night.counts["files_read"] == 4
    assert night.news == {"files_changed": 1}


def test_a_vanished_file_is_kept_and_comes_back_as_it_was(three):
    three.label(three.library / "a.png", "Anna")
    three.photo("d.png", GREEN)
    three.scan()
    kept = (three.library / "a.png").read_bytes()
    (three.library / "a.png").unlink()
    assert three.scan().news == {"files_vanished": 1}
    (three.library / "a.png").write_bytes(kept)
    assert three.scan().news == {"files_returned": 1}
    assert three.faces(three.library / "a.png")[0][2:] == ("Anna", "Anna")


def test_videos_are_left_unread_where_only_photos_are_wanted(home):
    home.photo("a.png", RED)
    (home.library / "film.mov").write_bytes(bytes(10))
    night = home.scan(photos_only=True)
    assert night.counts["files_read"] == 1
    assert night.result.outcome == "done"
    assert home.scan().counts["files_read"] == 1


def test_an_exclude_added_later_excludes_and_removed_brings_back(three):
    assert three.scan(exclude=("summer",)).news == {}
    assert three.state(three.library / "summer/sea/c.png") == "excluded"
    night = three.scan()
    assert night.news == {"files_returned": 2}
    assert "bytes_read" not in night.counts


@pytest.mark.parametrize("becomes", ["folder", "link", "fifo", "socket"])
def test_what_takes_the_place_of_a_file_is_not_taken_for_it(three, becomes, monkeypatch):
    path = three.library / "a.png"
    path.unlink()
    monkeypatch.chdir(three.library)  # names of sockets must be short
    with socket.socket(socket.AF_UNIX) as endpoint:
        {
            "folder": path.mkdir,
            "link": lambda: path.symlink_to("summer/b.png"),
            "fifo": lambda: os.mkfifo(path),
            "socket": lambda: endpoint.bind("a.png"),
        }[becomes]()
        three.scan()
    assert three.rows("SELECT digest FROM files WHERE path = ? AND state = 'present' AND digest <> ''", str(path)) == []
    assert three.scan().counts.get("bytes_read") is None


def test_a_folder_replaced_by_a_file_has_lost_its_files(three):
    shutil.rmtree(three.library / "summer/sea")
    (three.library / "summer/sea").write_text("a file now")
    assert three.scan().news == {"files_new": 1, "files_vanished": 1}


def test_names_that_are_no_text_are_kept_exactly(home):
    names = [b"new\nline.png", b"broken\xff.png", b"quo'te\".png", "f\u00fcr.png".encode(), b"fu\xcc\x88r.png"]
    for name in names:
        with contextlib.suppress(OSError):  # macOS refuses some
            os.rename(home.photo("template.png", RED), os.path.join(os.fsencode(home.library), name))
    night = home.scan()
    assert night.counts["photos_new"] == len(list(home.library.iterdir())) >= 3
    assert home.problems() == {}
    assert "files_read" not in home.scan().counts


def test_a_file_that_grows_while_it_is_read_is_tried_again(home, monkeypatch):
    path = home.photo("a.png", RED)
    home.photo("b.png", GREEN)
    whole = path.read_bytes()
    original = examining.os.fstat

    def growing(handle):
        if original(handle).st_ino == path.stat().st_ino:
            with open(path, "ab") as file:
                file.write(b"!")
        return original(handle)

    with monkeypatch.context() as patch:
        patch.setattr(examining.os, "fstat", growing)
        night = home.scan()
    assert night.news["photos_new"] == 1
    assert home.problems() == {"a.png": ("changing", 1, True)}
    path.write_bytes(whole)
    assert home.scan().news["photos_new"] == 1
    assert home.problems() == {}


def test_a_file_under_constant_writing_neither_stops_a_scan_nor_is_half_kept(home):
    path = home.library / "growing.png"
    path.write_bytes(b"x")
    home.photo("b.png", GREEN)
    done = threading.Event()

    def write():
        with open(path, "ab", buffering=0) as file:
            while not done.is_set():
                file.write(bytes(5000))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        night = home.scan()
    finally:
        done.set()
        writer.join()
    assert night.news["photos_new"] == 1
    assert set(home.problems()) <= {"growing.png"}
    home.scan()
    assert home.problems() == {"growing.png": ("corrupt", 1, False)}


def test_a_file_that_vanishes_before_it_is_read_is_no_problem_and_gone_the_next_night(home, monkeypatch):
    path = home.photo("a.png", RED)
    home.photo("b.png", GREEN)
    home.photo("c.png", GREEN)
    original = examining.os.open

    def vanishing(name, *rest):
        if name == str(path):
            path.unlink()
        return original(name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(examining.os, "open", vanishing)
        night = home.scan()
    assert night.news["photos_new"] == 2
    assert (night.result.problems, night.result.left_photos) == (0, 0)
    assert home.problems() == {}
    home.scan()
    assert home.state(path) == "vanished"


def test_an_unreadable_file_is_tried_five_nights_and_again_when_it_changes(home, monkeypatch):
    path = home.photo("a.png", RED)
    home.photo("b.png", GREEN)
    original = examining.os.open

    def refusing(name, *rest):
        if name == str(path):
            raise PermissionError(13, "Permission denied")
        return original(name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(examining.os, "open", refusing)
        tries = [home.scan() and home.problems()["a.png"] for _ in range(6)]
    assert tries == [("unreadable", n, n < 5) for n in (1, 2, 3, 4, 5, 5)]
    assert "photos_new" not in home.scan().news
    path.chmod(0o644)
    os.utime(path)
    assert home.scan().news["photos_new"] == 1
    assert home.problems() == {}


def test_a_log_that_changes_whenever_it_is_read_is_news_once_and_solved_when_read(home, monkeypatch):
    log = home.library / "camera.log"
    log.write_text("a line\n")
    original = examining.os.fstat

    def growing(handle):
        if original(handle).st_ino == log.stat().st_ino:
            with open(log, "a") as file:
                file.write("another\n")
        return original(handle)

    with monkeypatch.context() as patch:
        patch.setattr(examining.os, "fstat", growing)
        assert [home.scan().result.problems for _ in range(8)] == [1] + 7 * [0]
    assert home.problems() == {"camera.log": ("changing", 8, False)}
    assert home.scan().counts["files_read"] == 1
    assert home.problems() == {}


def test_a_picture_refused_as_too_large_is_tried_again_under_other_limits_only(home):
    home.photo("a.png", RED)
    small = ReadLimits(max_pixels=100)
    home.scan(limits=small)
    assert "files_read" not in home.scan(limits=small).counts
    assert home.problems() == {"a.png": ("too-large", 1, False)}
    assert home.scan().news["photos_new"] == 1
    assert home.problems() == {}


def test_an_empty_picture_is_a_problem_and_an_empty_file_is_none(home):
    (home.library / "empty.png").touch()
    (home.library / "empty.txt").touch()
    home.scan()
    assert home.problems() == {"empty.png": ("corrupt", 1, False)}
    assert home.scan().news == {}


def test_a_picture_of_too_many_bytes_is_only_hashed(home):
    home.photo("a.png", RED)
    home.scan(limits=ReadLimits(max_bytes=10))
    assert home.problems() == {"a.png": ("too-large", 1, False)}
    assert home.rows("SELECT count(*) FROM file WHERE digest IS NOT NULL") == [(1,)]


def test_a_new_backend_examines_every_photo_and_the_old_one_none_again(three):
    assert three.scan(backend="slow").news["photos_new"] == 3
    night = three.scan(backend="fake")
    assert "photos_new" not in night.news
    assert three.examinations() == 6


def test_an_index_inside_the_library_is_not_part_of_it(home):
    home.folder = home.library
    home.photo("../a.png", RED)
    home.scan(home.library.parent, exclude=("site",))
    night = home.scan(home.library.parent, exclude=("site",))
    assert night.news == {}
    assert home.rows("SELECT path FROM files WHERE path LIKE '%faces.db%'") == []


def test_folders_called_like_the_index_are_part_of_the_library(home):
    home.folder, home.name = home.library, "faces"
    for path in ("faces-2019/a.png", "faces 2020.png", "faces-20200102/b.png"):
        home.photo(home.folder / "index" / path, RED)
    (home.index.with_name("faces-20260131-020000")).write_text("a backup")
    (home.index.with_name("faces.v1.bak")).write_text("another")
    assert home.scan(home.folder).news["photos_new"] == 3
    assert home.rows("SELECT path FROM files WHERE path NOT LIKE '%.png'") == []


def test_a_root_that_is_taken_back_during_its_scan_ends_quietly(home):
    home.photo("a.png", RED)
    home.scan()
    two = home.folder / "two"
    home.photo(two / "b.png", GREEN)
    with home.open() as db, journal.entry(db, "root add", "added"):
        roots.add(db, str(two))

    def undo(files):
        with home.open() as db:
            if "two" in str(roots.ids(db)):
                journal.undo(db)

    result = scan(home.index, ScanOptions(engine="serial", backend="fake"), None, Progress(crawled=undo))
    assert result.outcome == "done"
    assert home.rows("SELECT count(*) FROM root") == [(1,)]


def test_a_folder_that_never_was_is_a_slip_of_the_pen(three):
    with pytest.raises(UsageProblem, match="no folder"):
        three.scan(three.folder / "libary")
    assert three.rows("SELECT count(*) FROM root") == [(1,)]


def test_times_beyond_any_calendar_do_no_harm(home):
    seconds = {"future.png": 2**33, "1901.png": -(2**31), "far.png": 10**12, "negative.png": -1}
    for name, second in seconds.items():
        with contextlib.suppress(OSError):  # where the file system cannot count so far
            os.utime(home.photo(name, RED), (second, second))
    assert home.scan().news["photos_new"] == len(seconds)
    assert home.scan().counts == {"files_seen": len(seconds)}
    assert len(home.rows("SELECT modified FROM files")) == len(seconds)


def test_a_disk_that_comes_back_under_another_number_is_the_same_disk(three):
    with three.open() as db:
        db.execute("UPDATE file SET device = device + 1, inode = inode + 7")
    assert three.scan().counts == {"files_seen": 4}
    device, inode = three.rows("SELECT device, inode FROM file WHERE name = 'a.png'")[0]
    status = (three.library / "a.png").stat()
    assert (device, inode) == (status.st_dev, status.st_ino)


def test_an_inode_that_another_file_has_now_is_no_proof(three):
    # As on file systems that number files afresh at each mount: same inode, size and time, other bytes.
    with Image.open(three.library / "a.png") as picture:
        picture.transpose(Image.Transpose.ROTATE_180).save(three.library / "new.png", compress_level=0)
        picture.save(three.library / "a.png", compress_level=0)
    status = (three.library / "new.png").stat()
    os.utime(three.library / "a.png", ns=(status.st_mtime_ns, status.st_mtime_ns))
    new, three_new = three.library / "new.png", three.folder / "aside.png"
    new.rename(three_new)
    three.scan()
    with three.open() as db:
        db.execute("UPDATE file SET inode = ? WHERE name = 'a.png'", (status.st_ino,))
        assert status.st_size == db.execute("SELECT size FROM file WHERE name = 'a.png'").fetchone()[0]
    three_new.rename(new)
    assert three.scan().news["photos_new"] == 1


def test_memory_stays_flat_while_the_library_grows_tenfold(home):
    def grow(files: int) -> None:
        for number in range(files):
            path = home.library / f"{files}/{number // 40}/{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{files} {number}")

    def peak() -> int:
        settle(home.folder)
        tracemalloc.start()
        scan(home.index, options)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    options = ScanOptions((str(home.library),), engine="serial", backend="fake")
    grow(200)
    home.scan()  # fills Python's own caches
    grow(150)
    first, again = peak(), peak()
    grow(1500)
    assert peak() < 1.5 * first + 150_000
    assert peak() < 1.5 * again + 50_000
