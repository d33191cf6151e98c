"""`faceindex export picasa`, and what `faceindex import picasa` finds in a library."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_fakes import call, done, indexed, rows, who_is_on

from faceindex.db import open_index
from faceindex.pipeline.sources import Missed, Tagged
from faceindex.pipeline.sources import picasa as source
from faceindex.tags import picasa

ANNA = "8e62398ebda8c1a5"
FACE = "faces=rect64(1000100020002000)"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painted library in which Anna, who is red, is named."""
    folder = indexed(tmp_path, monkeypatch)
    done("cluster", "label", str(rows("photo", "show", folder / "red" / "0.png")[0]["cluster"]), "Anna")
    return folder


def names(file: Path) -> dict[str, list[str | None]]:
    """Who is on which picture, as a .picasa.ini says it."""
    if not file.exists():
        return {}
    found = picasa.read(file.read_bytes(), {}, {})
    return {name: [tag.name for tag in reading.tags] for name, reading in sorted(found.items())}


# ---------------------------------------------------------------------------------------------- export


def test_each_folder_gets_one_file_for_its_pictures(library: Path) -> None:
    assert done("export", "picasa") == "2 Picasa files new\n"
    assert names(library / ".picasa.ini") == {"both.png": ["Anna"], "copy of 0.png": ["Anna"]}
    assert names(library / "red" / ".picasa.ini") == {name: ["Anna"] for name in ("0.png", "1.png", "2.png")}


def test_what_is_up_to_date_is_not_written_again(library: Path) -> None:
    done("export", "picasa")
    before = {path: path.stat() for path in library.rglob(".picasa.ini")}
    assert done("export", "picasa") == "2 Picasa files up to date\n"
    assert {path: path.stat() for path in library.rglob(".picasa.ini")} == before


def test_a_dry_run_shows_a_diff_and_writes_nothing(library: Path) -> None:
    shown = call("export", "picasa", library / "red", "--dry-run")
    assert (shown.code, shown.err) == (0, "would be: 1 Picasa file new\n")
    assert "+[0.png]\n+faces=rect64(" in shown.out
    assert not (library / "red" / ".picasa.ini").exists()


def test_names_follow_the_index(library: Path) -> None:
    done("export", "picasa")
    done("person", "rename", "Anna", "Anne")
    assert done("export", "picasa") == "2 Picasa files changed\n"
    assert names(library / ".picasa.ini") == {"both.png": ["Anne"], "copy of 0.png": ["Anne"]}
    face = rows("photo", "show", library / "both.png")[0]["face"]
    done("face", "ignore", face)
    done("export", "picasa")
    assert names(library / ".picasa.ini") == {"copy of 0.png": ["Anne"]}
    done("undo", "--last", "3")
    assert done("export", "picasa") == "2 Picasa files removed\n"


def test_a_file_of_picasas_keeps_its_name_and_all_that_is_in_it(library: Path) -> None:
    theirs = library / "Picasa.ini"
    theirs.write_bytes(b"[Picasa]\r\nname=F\xfcr Oma\r\n[BOTH.png]\r\nrotate=rotate(1)\r\n")
    assert done("export", "picasa") == "1 Picasa file new, 1 changed\n"
    assert not (library / ".picasa.ini").exists()
    assert names(theirs) == {"BOTH.png": ["Anna"], "copy of 0.png": ["Anna"]}
    assert theirs.read_bytes().startswith(b"[Picasa]\r\nname=F\xfcr Oma\r\n[BOTH.png]\r\nfaces=rect64(")
    done("undo")
    done("export", "picasa")
    assert theirs.read_bytes() == b"[Picasa]\r\nname=F\xfcr Oma\r\n[BOTH.png]\r\nrotate=rotate(1)\r\n"


def test_of_two_files_only_one_speaks(library: Path) -> None:
    (library / "Picasa.ini").write_bytes(b"[Picasa]\nname=x\n")
    done("export", "picasa")
    (library / ".picasa.ini").write_bytes(b"[Picasa]\nname=y\n")
    assert done("export", "picasa") == "2 Picasa files changed, 1 up to date\n"
    assert names(library / "Picasa.ini") == {}
    assert set(names(library / ".picasa.ini")) == {"both.png", "copy of 0.png"}


def test_a_picture_that_is_gone_takes_its_names_with_it(library: Path) -> None:
    done("export", "picasa")
    (library / "both.png").unlink()
    call("-q", "scan")
    done("export", "picasa")
    assert set(names(library / ".picasa.ini")) == {"copy of 0.png"}


def test_a_picture_that_waits_to_be_read_again_keeps_its_names(library: Path) -> None:
    done("export", "picasa")
    with closing(sqlite3.connect(os.environ["FACEINDEX_DB"])) as db:
        db.execute("UPDATE file SET stale = 1 WHERE name = 'both.png'")
        db.commit()
    done("person", "rename", "Anna", "Anne")
    done("export", "picasa")
    assert names(library / ".picasa.ini") == {"both.png": ["Anna"], "copy of 0.png": ["Anne"]}


def test_a_link_in_the_place_of_the_file_is_left_alone(library: Path) -> None:
    outside = library.parent / "outside.ini"
    outside.write_bytes(b"")
    (library / ".picasa.ini").symlink_to(outside)
    left = call("export", "picasa")
    assert (left.code, ".picasa.ini is a link" in left.err) == (5, True)
    assert outside.read_bytes() == b""


def test_a_picture_that_no_section_can_name_is_told(library: Path) -> None:
    shutil.move(library / "both.png", library / "line\nend.png")
    call("-q", "scan")
    left = call("export", "picasa")
    assert (left.code, "line\\nend.png has a line end in its name" in left.err) == (5, True)
    assert set(names(library / ".picasa.ini")) == {"copy of 0.png"}


# ---------------------------------------------------------------------------------------------- import


def read(folder: Path | None = None, **contacts: str) -> Iterator[Tagged | Missed]:
    with closing(open_index(Path(os.environ["FACEINDEX_DB"]))) as db:
        yield from source.read(db, str(folder) if folder else None, contacts)


def missed() -> set[tuple[str, str, str]]:
    return {(each.heading, os.path.basename(each.path), each.why) for each in read() if isinstance(each, Missed)}


def test_names_come_back_into_another_index(library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done("export", "picasa")
    monkeypatch.setenv("FACEINDEX_DB", str(tmp_path / "other.db"))
    call("-q", "scan", library)
    assert who_is_on(library / "both.png")[0][0] in (None, "")
    done("import", "picasa")
    assert who_is_on(library / "both.png")[0] == ("Anna", "tag")
    done("export", "picasa")
    assert done("export", "picasa") == "2 Picasa files up to date\n"


def test_matches_come_back_as_guesses_only(library: Path) -> None:
    shutil.copy(library / "both.png", library / "late.png")
    with open(library / "late.png", "ab") as picture:
        picture.write(b"another digest")
    call("-q", "scan")
    done("export", "picasa", "--matches")
    told = {os.path.basename(each.path): each.tags for each in read() if isinstance(each, Tagged)}
    assert {name: [(tag.name, tag.word) for tag in tags] for name, tags in told.items() if "." in name} == {
        "0.png": [("Anna", "said")], "1.png": [("Anna", "said")], "2.png": [("Anna", "said")],
        "both.png": [("Anna", "said")], "copy of 0.png": [("Anna", "said")], "late.png": [("Anna", "guessed")],
    }  # fmt: skip


def test_every_spelling_of_the_file_is_read_and_says_when_it_was_written(library: Path) -> None:
    for name, time in ((".picasa.ini", 1000), ("PICASA.INI", 2000)):
        (library / name).write_text(f"[both.png]\n{FACE},{ANNA}\n[Contacts2]\n{ANNA}=Anna;;\n")
        os.utime(library / name, (time, time))
    told = [each for each in read() if isinstance(each, Tagged)]
    assert {(each.path, each.modified) for each in told} == {(f"{library}/both.png", t) for t in (1000.0, 2000.0)}
    assert list(read(library / "red")) == []


def test_names_of_contacts_xml_go_first(library: Path) -> None:
    (library / ".picasa.ini").write_text(f"[both.png]\n{FACE},{ANNA}\n[Contacts2]\n{ANNA}=Anna;;\n")
    (told,) = read(**{ANNA: "Anna Smith"})
    assert isinstance(told, Tagged)
    assert told.tags[0].name == "Anna Smith"


def test_a_listed_file_is_missed_with_the_reason(library: Path) -> None:
    (library / ".picasa.ini").write_text(
        f"[video.mp4]\n{FACE}\n[gone.jpg]\n{FACE}\n[../up.jpg]\n{FACE}\n[both.png]\nfaces=broken\n[Picasa]\n{FACE}\n"
    )
    assert missed() == {
        ("unindexed", "video.mp4", ""),
        ("absent", "gone.jpg", ""),
        ("refused", ".picasa.ini", "'../up.jpg' is no name of a file in its folder"),
        ("refused", "both.png", "a face cannot be read: 'broken'"),
    }


def test_a_file_elsewhere_is_never_read(library: Path) -> None:
    outside = library.parent / "outside.ini"
    outside.write_text(f"[both.png]\n{FACE}\n")
    (library / ".picasa.ini").symlink_to(outside)
    os.mkfifo(library / "red" / ".picasa.ini")
    assert missed() == {
        ("refused", ".picasa.ini", "is a link that leads out of the library"),
        ("refused", ".picasa.ini", "is no regular file"),
    }
    assert not any(isinstance(each, Tagged) for each in read())


def test_a_link_within_the_library_is_followed(library: Path) -> None:
    (library / "kept.ini").write_text(f"[both.png]\n{FACE}\n")
    (library / ".picasa.ini").symlink_to("kept.ini")
    assert [each.path for each in read()] == [f"{library}/both.png"]


def test_a_file_that_is_far_too_large_is_refused(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picasa, "LARGEST", 10)
    (library / ".picasa.ini").write_text(f"[both.png]\n{FACE}\n")
    assert [why for _, _, why in missed()] == ["is larger than 0 MB, too large for a file of Picasa's"]


def test_originals_that_picasa_kept_are_not_read(library: Path) -> None:
    (library / ".picasaoriginals").mkdir()
    (library / ".picasaoriginals" / ".picasa.ini").write_text(f"[both.png]\n{FACE}\n")
    shutil.copy(library / "both.png", library / ".picasaoriginals")
    call("-q", "scan", "--no-default-excludes")
    assert rows("photo", "show", library / ".picasaoriginals" / "both.png")
    assert list(read()) == []
