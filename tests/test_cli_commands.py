"""What each command does to the index, seen through the command line only."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from cli_fakes import BLUE, GREEN, RED, call, done, indexed, paint, rows
from PIL import Image


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return indexed(tmp_path, monkeypatch)


def names_on(path: Path) -> list[str]:
    return [row["person"] for row in rows("photo", "show", path)]


# --- cluster, person, journal, undo ---


def test_clusters_without_a_name_on_many_photos_come_first(library: Path) -> None:
    listed = [(row["person"], row["photos"]) for row in rows("cluster", "list")]
    assert listed == [("", 4), ("", 2), ("", 1)]
    done("cluster", "label", "1", "Anna")
    listed = [(row["person"], row["photos"]) for row in rows("cluster", "list")]
    assert listed == [("", 2), ("", 1), ("Anna", 4)]


def test_clusters_can_be_chosen(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    assert [row["person"] for row in rows("cluster", "list", "--named")] == ["Anna"]
    assert [row["person"] for row in rows("cluster", "list", "--unnamed")] == ["", ""]
    assert [row["photos"] for row in rows("cluster", "list", "--least", "2")] == [2, 4]
    assert len(rows("cluster", "list", "--limit", "1")) == 1
    assert "--limit shows more" in call("cluster", "list", "--limit", "1").err


def test_a_cluster_shows_its_faces_with_path_and_box(library: Path) -> None:
    faces = rows("cluster", "show", "1")
    assert {Path(face["path"]).name for face in faces} >= {"both.png", "1.png", "2.png"}
    assert all(0 <= face["left"] < face["right"] <= 1 for face in faces)
    assert [face["distance"] for face in faces] == sorted(face["distance"] for face in faces)
    assert len(rows("cluster", "show", "1", "--limit", "2")) == 2


def test_naming_two_clusters_alike_makes_one_person_with_two_clusters(library: Path) -> None:
    assert done("cluster", "label", "1", " Anna  Lee ") == "cluster 1 is Anna Lee (4 faces)\n"
    (blue,) = rows("photo", "show", library / "blue.png")
    done("cluster", "label", str(blue["cluster"]), "Anna Lee")
    (person,) = rows("person", "list")
    assert (person["person"], person["clusters"], person["photos"]) == ("Anna Lee", 2, 5)


def test_merging_and_taking_away_a_name(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    (blue,) = rows("photo", "show", library / "blue.png")
    assert done("cluster", "merge", "1", str(blue["cluster"])) == "cluster 1: Anna, 5 faces\n"
    assert len(rows("cluster", "list")) == 2
    assert done("cluster", "unlabel", "1") == "cluster 1 is no longer Anna\n"
    assert rows("person", "list") == []


def test_renaming_a_person(library: Path) -> None:
    done("cluster", "label", "1", "Ana")
    assert done("person", "rename", "Ana", "  Anna ") == "Ana is now Anna\n"
    assert names_on(library / "both.png") == ["Anna", ""]


def test_undo_takes_back_the_last_changes_and_the_journal_tells(library: Path) -> None:
    before = rows("cluster", "list"), call("photo", "show", library / "both.png", "--json").out
    done("cluster", "label", "1", "Anna")
    done("cluster", "merge", "1", "3")
    done("person", "rename", "Anna", "Bea")
    undone = done("undo", "--last", "3").splitlines()
    assert undone == [
        "taken back: Anna renamed to Bea",
        "taken back: cluster 3 merged into 1",
        "taken back: cluster 1 named Anna",
    ]
    assert (rows("cluster", "list"), call("photo", "show", library / "both.png", "--json").out) == before
    entries = rows("journal")
    assert [entry["command"] for entry in entries[:4]] == ["undo", "person rename", "cluster merge", "cluster label"]
    assert all(entry["undone_by"] == entries[0]["journal_id"] for entry in entries[1:4])
    assert "taken back" in call("journal").out
    assert len(rows("journal", "--limit", "2")) == 2


# --- sheets ---


@pytest.mark.parametrize(("suffix", "form"), [(".jpg", "JPEG"), (".png", "PNG"), (".JPEG", "JPEG"), (".webp", "WEBP")])
def test_a_sheet_shows_a_row_of_faces_for_each_cluster(library: Path, tmp_path: Path, suffix: str, form: str) -> None:
    target = tmp_path / f"sheet{suffix}"
    assert f"{target}: 7 faces\n" in done("cluster", "list", "--sheet", target)
    with Image.open(target) as sheet:
        assert sheet.format == form
        assert sheet.width > sheet.height


def test_a_sheet_of_one_cluster_holds_its_colour(library: Path, tmp_path: Path) -> None:
    done("cluster", "show", "1", "--sheet", "one.png")  # relative to the working folder
    with Image.open(tmp_path / "one.png") as sheet:
        colours = {colour for _, colour in sheet.convert("RGB").getcolors(10**6) or ()}
    assert RED in colours
    assert GREEN not in colours
    done("cluster", "show", "1", "--sheet", "one.png")  # and may be written again


# --- photo ---


def test_a_photo_is_known_by_path_link_relative_path_and_bytes(library: Path, tmp_path: Path) -> None:
    done("cluster", "label", "1", "Anna")
    expected = rows("photo", "show", library / "both.png")
    assert [row["person"] for row in expected] == ["Anna", ""]
    (tmp_path / "link.png").symlink_to(library / "both.png")
    shutil.copy(library / "both.png", tmp_path / "sent by mail.png")
    for path in ("library/both.png", "./library/red/../both.png", "link.png", "sent by mail.png"):
        assert rows("photo", "show", path) == expected, path
    (library / "both.png").rename(library / "moved.png")
    assert rows("photo", "show", library / "moved.png") == expected
    assert rows("photo", "show", library / "both.png") == expected  # as the index remembers it


def test_a_photo_under_the_home_folder_is_found(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(rows("photo", "show", "~/library/both.png")) == 2


# --- duplicates, problems ---


def test_duplicates_tell_what_they_waste(library: Path) -> None:
    size = (library / "copy of 0.png").stat().st_size
    found = rows("duplicates")
    assert {Path(row["path"]).name for row in found} == {"0.png", "copy of 0.png"}
    assert {(row["copies"], row["size"], row["wasted"]) for row in found} == {(2, size, size)}
    assert call("duplicates").err.startswith("1 group, ")


def extra() -> list[str]:
    """Names of what --print0 would hand to a script."""
    return [Path(path).name for path in call("duplicates", "--print0").out.split("\0") if path]


def test_a_changed_file_that_is_not_read_yet_is_no_copy(library: Path, tmp_path: Path) -> None:
    assert len(extra()) == 1
    with sqlite3.connect(tmp_path / "faces.db") as db:
        db.execute("UPDATE file SET stale = 1 WHERE name = 'copy of 0.png'")
    assert rows("duplicates") == []
    assert extra() == []


def test_damaged_copies_are_copies(library: Path) -> None:
    shutil.copy(library / "damaged.jpg", library / "damaged twice.jpg")
    call("scan")
    assert set(extra()) == {"0.png", "damaged.jpg"}
    assert len(rows("duplicates")) == 4


def test_a_copy_on_a_disk_that_is_not_there_is_not_the_one_that_is_kept(library: Path, tmp_path: Path) -> None:
    away = tmp_path / "a disk"
    away.mkdir()
    shutil.copy(library / "blue.png", away)
    assert call("scan", away).code == 0
    assert "blue.png" in extra()
    away.rename(tmp_path / "unplugged")
    asked = call("duplicates", "--print0")
    assert "blue.png" not in asked.out
    assert asked.err == f"left out, not there now: {away}\n"


def test_hard_links_waste_nothing(library: Path) -> None:
    os.link(library / "video.mp4", library / "same video.mp4")
    call("scan")
    assert {Path(row["path"]).name for row in rows("duplicates")} == {"0.png", "copy of 0.png"}


def test_a_problem_is_listed_and_tried_again_when_asked(library: Path) -> None:
    (problem,) = rows("problem", "list")
    assert Path(problem["path"]).name == "damaged.jpg"
    assert (problem["tries"], problem["next"]) == (1, "given up")
    assert call("scan").code == 0  # given up, so no problem of this run
    assert done("problem", "retry", str(problem["problem"])) == "the next scan will try 1 again\n"
    assert rows("problem", "list")[0]["next"] == "next run"
    paint(library / "damaged.jpg", BLUE)
    assert call("scan").code == 0
    assert rows("problem", "list") == []
    assert done("problem", "retry") == "the next scan will try 0 again\n"


# --- roots ---


def test_roots_are_added_moved_and_removed_however_they_are_written(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done("cluster", "label", "1", "Anna")
    paint(tmp_path / "more" / "nobody.png")
    assert done("root", "add", "more/") == f"{tmp_path}/more will be scanned\n"
    library.rename(tmp_path / "pictures")
    assert done("root", "move", "library/", "~/pictures/") == f"{library} is now {tmp_path}/pictures\n"
    assert [row["root"] for row in rows("root", "list")] == [f"{tmp_path}/more", f"{tmp_path}/pictures"]
    assert [row["files"] for row in rows("root", "list")] == [0, 10]
    scanned = call("scan")
    assert scanned.code == 0
    assert "Files    1 copied (of 11)" in scanned.out  # and nothing else is news
    assert names_on(tmp_path / "pictures" / "both.png") == ["Anna", ""]
    done("root", "remove", "./more")
    assert len(rows("root", "list")) == 1


def test_a_root_that_was_removed_comes_back_with_its_names(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    done("root", "remove", library)
    assert rows("cluster", "show", "1") == []
    done("root", "add", library)
    assert names_on(library / "both.png") == ["Anna", ""]
    done("undo")
    assert rows("root", "list") == []


# --- status, weights, backup ---


def test_status_counts(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    told = json.loads(call("status", "--json").out)
    assert told["last_run"]["outcome"] == "done"
    wanted = {"roots": 1, "files": 10, "vanished": 0, "photos": 7, "faces": 7, "named": 4, "people": 1,
              "unnamed_clusters": 2, "problems": 1}  # fmt: skip
    assert {name: told[name] for name in wanted} == wanted
    assert told["root"] == [{"path": str(library), "files": 10}]
    lines = call("status").out.splitlines()
    assert f"Root     {library}: 10 files" in lines
    assert "Photos   7 with 7 faces, 4 of them named" in lines


def test_weights_are_shown(library: Path) -> None:
    assert [(row["backend"], row["encodings"]) for row in rows("weights")] == [("fake", 0)]
    assert json.loads(call("weights", "--vector").out) == [1.0, 1.0, 1.0]


def test_a_backup_stands_beside_the_index_or_where_it_is_wanted(library: Path, tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    for arguments, folder in (((), tmp_path), (("usb",), tmp_path / "usb"), (("usb/mine.db",), tmp_path / "usb")):
        made = Path(call("backup", *arguments).out.rstrip("\n"))
        assert made.parent == folder
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
        assert call("--db", made, "cluster", "list").out == call("cluster", "list").out


def test_a_backup_is_whole_while_somebody_writes(library: Path, tmp_path: Path) -> None:
    writer = sqlite3.connect(tmp_path / "faces.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO person (name) VALUES ('Half a transaction')")
    try:
        assert call("backup", "copy.db").code == 0
    finally:
        writer.close()
    assert json.loads(call("--db", "copy.db", "person", "list", "--json").out) == []
    assert call("--db", "copy.db", "doctor").out.count("BAD") == 0


def test_a_restored_copy_is_the_index_and_the_former_one_is_no_file_of_the_library(library: Path) -> None:
    index = library / "faces.db"
    assert call("--db", index, "scan", library).code == 5  # it holds a damaged photo
    copy = library.parent / "copy.db"
    assert call("--db", index, "backup", copy).code == 0
    assert call("--db", index, "cluster", "label", "1", "Anna").code == 0
    assert call("--db", index, "restore", copy).code == 0
    assert "nobody has a name" in call("--db", index, "person", "list").err
    assert list(library.glob("faces.db.replaced-*.bak"))
    silent = call("--db", index, "scan")
    assert (silent.code, silent.out) == (0, "")
    assert call("--db", index, "restore", library / "missing.db").code == 1
