"""`faceindex forget`: what is gone, what stays, and who is asked first."""

from __future__ import annotations

import io
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cli_fakes import BLUE, GREEN, call, done, dump, indexed, paint, refused, rows, who_is_on


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return indexed(tmp_path, monkeypatch)


def reds() -> list[str]:
    """Faces of cluster 1, by number."""
    return sorted((str(row["face"]) for row in rows("cluster", "show", "1")), key=int)


def everywhere(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("faces.db*")))


def test_somebody_who_is_forgotten_is_gone_to_the_last_byte(library: Path, tmp_path: Path) -> None:
    index = tmp_path / "faces.db"
    done("cluster", "label", "1", "Melusine")
    green = rows("photo", "show", library / "green.png")[0]["cluster"]
    done("cluster", "label", str(green), "Ben")
    done("person", "rename", "Melusine", "Undine")
    (tmp_path / "faces.db.v2.bak").write_bytes(b"Undine")
    with closing(sqlite3.connect(index)) as db:
        vectors = [row[0] for row in db.execute(
            "SELECT vector FROM encoding JOIN face USING (face_id) WHERE cluster_id = 1")]  # fmt: skip
        others = db.execute("SELECT * FROM average WHERE cluster_id = ?", (green,)).fetchall()
    assert b"Melusine" in everywhere(tmp_path)
    assert vectors[0] in everywhere(tmp_path)
    told = done("forget", "Undine", "--dry-run")
    assert "4 encodings of faces on 4 photos, 1 cluster, 2 names" in told
    assert "nothing was changed" in told
    assert b"Undine" in everywhere(tmp_path)
    assert done("forget", "Undine", "--yes").endswith("forgotten\n")
    for secret in (b"Melusine", b"Undine", *vectors):
        assert secret not in everywhere(tmp_path)
    with closing(sqlite3.connect(index)) as db:
        assert db.execute("SELECT * FROM average WHERE cluster_id = ?", (green,)).fetchall() == others
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert who_is_on(library / "both.png") == [("", "ignored"), ("Ben", "human")]
    assert [row["person"] for row in rows("person", "list")] == ["Ben"]
    assert "forgotten for good" in refused("undo", "2", code=1)
    assert "forgotten for good" in refused("undo", code=1)
    assert done("undo", "3") == f"taken back: cluster {green} named Ben\n"


def test_a_forgotten_person_is_not_found_again_on_the_same_photos(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    faces = reds()
    done("forget", "Anna", "--yes")
    assert call("scan", "--verify").code == 0
    paint(library / "red" / "0.png", (240, 30, 30), side=60)  # edited
    call("scan")
    assert who_is_on(library / "both.png")[0] == ("", "ignored")
    assert who_is_on(library / "red" / "0.png") == [("", "ignored")]
    assert "was forgotten" in refused("face", "label", faces[0], "Anna")
    assert call("doctor").out.count("BAD") == 0


def test_forget_does_nothing_where_nobody_answers(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("cluster", "label", "1", "Anna")
    before = dump(tmp_path / "faces.db")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    asked = call("forget", "Anna")
    assert (asked.code, asked.out) == (2, "")
    assert asked.err.endswith(
        "faceindex: nobody answered, so nothing was changed; use --yes to have it done without being asked\n"
    )
    for answer in ("\n", "n\n", "what\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        assert done("forget", "Anna").endswith("nothing was changed\n")
    assert dump(tmp_path / "faces.db") == before
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert done("forget", "Anna").endswith("forgotten\n")


def test_forget_tells_of_file_and_folder_names_that_hold_the_name(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    assert "of theirs and stay" not in done("forget", "Anna", "--dry-run")
    paint(library / "With ANNA" / "beach.png", GREEN)
    call("scan")
    told = done("forget", "Anna", "--dry-run")
    assert (
        "1 file or folder name holds a name of theirs and stays as it is, in the library and here: With ANNA\n" in told
    )
    paint(library / "With ANNA" / "anna 1.png", BLUE)
    call("scan")
    assert (
        "2 file or folder names hold a name of theirs and stay as they are, in the library and here: such as "
        in done("forget", "Anna", "--dry-run")
    )


def test_where_ann_is_forgotten_anna_stays_and_what_was_said_of_her_can_be_undone(library: Path) -> None:
    green = rows("photo", "show", library / "green.png")[0]["cluster"]
    done("cluster", "label", "1", "Ann")
    done("cluster", "label", str(green), "Anna")
    done("person", "born", "Anna", "1990")
    done("forget", "Ann", "--yes")
    _, born, labelled, erased, *_ = rows("journal")
    assert (born["summary"], labelled["summary"]) == ("Anna born 1990", f"cluster {green} named Anna")
    assert "Ann" not in erased["summary"]
    assert done("undo", str(born["journal_id"])) == "taken back: Anna born 1990\n"
    assert [(row["person"], row["born"]) for row in rows("person", "list")] == [("Anna", None)]
