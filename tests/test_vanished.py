"""What is missing: a deletion, a move, or a disk that is not there."""

from __future__ import annotations

import os
import shutil

import pytest
from nights import BLUE, GREEN, RED

from faceindex.pipeline import Stop
from faceindex.store import journal, roots


@pytest.fixture
def other(home):
    """A second root beside the library; both hold named people and are scanned."""
    other = home.folder / "other"
    for number in range(4):
        home.photo(f"{number}.png", RED)
        home.photo(other / f"{number}.png", GREEN)
    home.scan(home.library, other)
    home.label(home.library / "0.png", "Anna")
    home.label(other / "0.png", "Ben")
    return other


def away(home, folder):
    """Take a folder away, as an unplugged disk."""
    return folder.rename(home.folder / f"away-{folder.name}")


@pytest.mark.parametrize("mount_point_stays", [False, True])
def test_a_missing_root_is_reported_kept_and_comes_back_as_it_was(home, other, mount_point_stays):
    before = home.dump()
    disk = away(home, other)
    if mount_point_stays:
        other.mkdir()
    home.photo("new.png", BLUE)
    night = home.scan(roots=())
    assert night.news == {"files_new": 1, "photos_new": 1, "faces_found": 1, "clusters_new": 1, "offline": 1}
    assert [str(other) in sentence for sentence in night.result.offline] == [True]
    assert "--accept-vanished" in night.result.offline[0]
    assert home.state(other / "0.png") == "present"

    shutil.rmtree(other, ignore_errors=True)
    disk.rename(other)
    (home.library / "new.png").unlink()
    assert home.scan(roots=()).counts == {"files_seen": 8, "files_vanished": 1}
    after = home.dump()
    assert after["label"] == before["label"]
    assert set(before["cluster"]) <= set(after["cluster"])


def test_a_root_that_lost_most_files_is_not_believed(home, other):
    before = home.dump()
    aside = home.folder / "aside"
    aside.mkdir()
    for number in range(3):
        (other / f"{number}.png").rename(aside / f"{number}.png")
    night = home.scan(roots=())
    assert night.news == {"offline": 1}
    assert "lost 3 of its 4 files" in night.result.offline[0]
    for number in range(3):
        (aside / f"{number}.png").rename(other / f"{number}.png")
    assert home.scan(roots=()).counts.get("bytes_read") is None or home.dump() == before
    assert home.dump() == before


def test_a_root_that_lost_few_files_is_believed(home, other):
    (other / "3.png").unlink()
    assert home.scan(roots=()).news == {"files_vanished": 1}


def test_new_files_of_a_root_that_lost_most_are_taken_in(home, other):
    for number in range(3):
        (other / f"{number}.png").unlink()
    home.photo(other / "new.png", BLUE)
    assert home.scan(roots=()).news["photos_new"] == 1


def test_one_lost_file_system_among_several_in_a_root_is_found(home):
    for number in range(9):
        home.photo(f"{number}.png", RED)
    for number in range(2):
        home.photo(f"nas/{number}.png", GREEN)
    home.scan()
    with home.open() as db:  # as if the folder had been another mount
        db.execute("UPDATE file SET device = 77 WHERE folder_id IN (SELECT folder_id FROM folder WHERE path = 'nas')")
    shutil.rmtree(home.library / "nas")
    (home.library / "nas").mkdir()
    night = home.scan()
    assert night.news == {"offline": 1}
    assert home.state(home.library / "nas/0.png") == "present"


@pytest.mark.parametrize("how", ["missing", "empty", "lost"])
def test_accepting_marks_as_vanished_and_deletes_nothing(home, other, how):
    kept = home.folder / "kept"
    shutil.copytree(other, kept)
    labels = home.dump()["label"]
    shutil.rmtree(other)
    if how != "missing":
        other.mkdir()
    if how == "lost":
        (other / "note.txt").write_text("not a picture")
    night = home.scan(roots=(), accept_vanished=True)
    assert night.news["files_vanished"] == 4
    assert night.result.offline == ()
    assert home.dump()["label"] == labels
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(kept, other)
    assert home.scan(roots=()).news["files_returned"] == 4
    assert home.faces(other / "0.png")[0][2:] == ("Ben", "Ben")


def test_a_moved_root_is_known_in_its_new_place(home, other):
    before = home.dump()
    place = other.rename(home.folder / "elsewhere")
    with home.open() as db, journal.entry(db, "root move", "moved"):
        roots.move(db, roots.find(db, str(other)), str(place))
    assert home.scan(roots=()).counts == {"files_seen": 8}
    after = home.dump()
    assert {name: after[name] for name in after if name != "file"} == {
        name: before[name] for name in before if name != "file"
    }


def test_a_renamed_root_scanned_as_a_new_one_examines_and_reads_nothing(home, other):
    place = other.rename(home.folder / "elsewhere")
    night = home.scan(home.library, other, place)
    assert night.counts == {"files_seen": 8, "files_moved": 4, "offline": 1}
    assert home.faces(place / "0.png")[0][2:] == ("Ben", "Ben")


def test_a_root_on_a_new_disk_is_read_and_not_examined(home, other):
    place = home.folder / "elsewhere"
    shutil.copytree(other, place)
    shutil.rmtree(other)
    night = home.scan(home.library, place)
    assert night.news == {"files_copied": 4}
    assert home.faces(place / "0.png")[0][2:] == ("Ben", "Ben")


def test_a_folder_that_cannot_be_read_is_a_problem_and_not_a_loss(home, monkeypatch):
    for number in range(4):
        home.photo(f"summer/{number}.png", RED)
    home.photo("winter/1.png", RED)
    home.scan()
    original = os.scandir

    def refusing(path):
        if str(path).endswith("/summer"):
            raise PermissionError(13, "Permission denied")
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refusing)
        assert home.scan().news == {"problems": 1}
    assert home.problems() == {"summer": ("unreadable", 1, True)}
    assert home.scan().news == {}
    assert home.problems() == {}


def test_a_disk_that_goes_away_while_it_is_read_makes_no_problem_of_each_file(home):
    other = home.folder / "other"
    for number in range(20):
        home.photo(other / f"{number}.png", RED)
    for number in range(3):
        home.photo(f"{number}.png", GREEN)

    class Unplugged(Stop):
        def reading_over(self):
            if other.exists() and home.rows("SELECT count(*) FROM file")[0][0] == 23:
                away(home, other)
            return super().reading_over()

    night = home.scan(home.library, other, stop=Unplugged())
    assert home.problems() == {}
    assert night.counts["offline"] == 1
    assert "disappeared" in night.result.offline[0]
    assert night.news["photos_new"] == 3
    (home.folder / "away-other").rename(other)
    assert home.scan(roots=()).news["photos_new"] == 20


def test_files_of_a_lost_disk_that_were_not_read_yet_are_read_when_it_is_back(home):
    home.photo("x.png", RED)
    for number in range(6):
        home.photo(f"disk/{number}.png", GREEN)
    home.scan()
    with home.open() as db:  # as after a night that ended while it read
        db.execute("UPDATE file SET stale = 1, digest = NULL WHERE name <> 'x.png'")
    disk = away(home, home.library / "disk")
    for _ in range(6):
        night = home.scan()
        assert night.counts == {"files_seen": 1, "offline": 1}
        assert (night.result.left_photos, home.problems()) == (0, {})
    disk.rename(home.library / "disk")
    assert home.scan().counts["files_read"] == 6


@pytest.mark.parametrize("how", ["offline", "removed", "not scanned", "lost"])
def test_a_copy_on_a_root_that_is_not_there_saves_no_file_from_being_lost(home, other, how):
    mirror = home.folder / "mirror"
    shutil.copytree(other, mirror)
    home.scan(home.library, other, mirror)
    for number in range(3):
        (other / f"{number}.png").unlink()
        if how == "lost":
            (mirror / f"{number}.png").unlink()
    if how == "offline":
        away(home, mirror)
    if how == "removed":
        with home.open() as db, journal.entry(db, "root remove", "removed"):
            roots.remove(db, roots.find(db, str(mirror)))
    night = home.scan(home.library, other) if how == "not scanned" else home.scan(roots=())
    assert "files_vanished" not in night.news
    assert any("lost 3 of its 4 files" in sentence for sentence in night.result.offline)
    assert home.state(other / "0.png") == "present"


def test_a_copy_on_a_root_that_is_there_saves_a_file_from_being_lost(home, other):
    mirror = home.folder / "mirror"
    shutil.copytree(other, mirror)
    home.scan(home.library, other, mirror)
    for number in range(4):
        (other / f"{number}.png").unlink()
    (other / "note.txt").write_text("moved to the mirror")
    assert home.scan(roots=()).news["files_vanished"] == 4


def test_nothing_is_taken_for_gone_after_a_crawl_that_was_cut_short(home):
    for number in range(3):
        home.photo(f"{number}/a.png", RED)
    home.scan()
    (home.library / "0/a.png").rename(home.library / "2/b.png")

    class Early(Stop):
        asked = 0

        def reading_over(self):
            self.asked += 1
            return "deadline" if self.asked > 2 else None

    night = home.scan(stop=Early())
    assert night.result.outcome == "deadline"
    assert home.state(home.library / "0/a.png") == "present"
    assert home.scan().counts == {"files_seen": 3, "files_moved": 1}
