"""`faceindex export xmp`: sidecars follow what humans say, and nothing else in the library is touched."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cli_fakes import call, done, indexed, refused, rows

from faceindex.models import PHOTO_SUFFIXES
from faceindex.pipeline.exporting import files
from faceindex.pipeline.exporting.files import Left, Outcome, difference, former, settle
from faceindex.pipeline.exporting.sidecars import existing

FOREIGN = b"""<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
<rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' rdf:about='' xmp:Rating='4'/>
</rdf:RDF></x:xmpmeta>"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painted library in which Anna, who is red, is named."""
    folder = indexed(tmp_path, monkeypatch)
    done("cluster", "label", cluster_on(folder / "red" / "0.png"), "Anna")
    return folder


def cluster_on(path: Path) -> str:
    return str(rows("photo", "show", path)[0]["cluster"])


def names(sidecar: Path) -> list[str]:
    """Who has a region in a sidecar, as its text says it."""
    return re.findall("<mwg-rs:Name>(.*)</mwg-rs:Name>", sidecar.read_text("utf-8"))


def everybody(library: Path) -> dict[str, list[str]]:
    return {str(path.relative_to(library)): names(path) for path in sorted(library.rglob("*.xmp"))}


def pictures(library: Path) -> dict[Path, tuple[str, int]]:
    """All files that are photos, with their bytes' digest and the time they were written."""
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in library.rglob("*")
        if path.suffix in PHOTO_SUFFIXES
    }


ANNAS = {f"{name}.xmp": ["Anna"] for name in ("both.png", "copy of 0.png", "red/0.png", "red/1.png", "red/2.png")}


# ---------------------------------------------------------------------------------------- what it says


def test_every_photo_with_a_name_gets_a_sidecar_and_every_copy_its_own(library: Path) -> None:
    before = pictures(library)
    assert done("export", "xmp") == "5 sidecars new\n"
    assert everybody(library) == ANNAS
    assert pictures(library) == before


def test_what_is_up_to_date_is_not_written_again(library: Path) -> None:
    done("export", "xmp")
    before = {path: path.stat() for path in library.rglob("*.xmp")}
    assert done("export", "xmp") == "5 sidecars up to date\n"
    assert {path: path.stat() for path in library.rglob("*.xmp")} == before


def test_a_dry_run_shows_a_diff_and_writes_nothing(library: Path) -> None:
    shown = call("export", "xmp", library / "red", "--dry-run")
    assert (shown.code, shown.err) == (0, "would be: 3 sidecars new\n")
    assert f"--- /dev/null\n+++ {library}/red/0.png.xmp\n@@ -0,0 " in shown.out
    assert everybody(library) == {}


def test_only_a_folder_if_one_is_named(library: Path) -> None:
    assert done("export", "xmp", library / "red") == "3 sidecars new\n"
    assert set(everybody(library)) == {"red/0.png.xmp", "red/1.png.xmp", "red/2.png.xmp"}
    assert "run 'faceindex scan' on it first" in refused("export", "xmp", library.parent)
    assert "there is no folder" in refused("export", "xmp", f"{library}x")
    Path(f"{library}x").mkdir()  # whose path begins as the library's
    assert "run 'faceindex scan' on it first" in refused("export", "xmp", f"{library}x")


def test_nobody_named_is_nothing_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(tmp_path, monkeypatch)
    assert done("export", "xmp") == "nothing to write: nobody is named on these photos\n"


def test_matches_are_written_only_if_asked_for(library: Path) -> None:
    shutil.copy(library / "both.png", library / "late.png")
    with open(library / "late.png", "ab") as picture:
        picture.write(b"another digest")
    call("-q", "scan")
    assert done("export", "xmp") == "5 sidecars new\n"
    assert done("export", "xmp", "--matches") == "1 sidecar new, 5 up to date\n"
    assert names(library / "late.png.xmp") == ["Anna"]
    assert done("export", "xmp") == "1 sidecar removed, 5 up to date\n"


# ---------------------------------------------------------------------------------- following the index


def test_a_person_who_is_renamed_is_renamed_in_every_sidecar(library: Path) -> None:
    done("export", "xmp")
    done("person", "rename", "Anna", "Anna Smith")
    assert done("export", "xmp") == "5 sidecars changed\n"
    assert everybody(library) == {path: ["Anna Smith"] for path in ANNAS}


def test_a_name_that_is_taken_back_is_taken_out(library: Path) -> None:
    done("export", "xmp")
    done("undo")
    assert done("export", "xmp") == "5 sidecars removed\n"
    assert everybody(library) == {}


def test_a_face_that_is_ignored_is_taken_out(library: Path) -> None:
    done("cluster", "label", cluster_on(library / "green.png"), "Ben")
    done("export", "xmp")
    assert names(library / "both.png.xmp") == ["Anna", "Ben"]
    face = next(row["face"] for row in rows("photo", "show", library / "both.png") if row["person"] == "Ben")
    done("face", "ignore", face)
    assert done("export", "xmp") == "1 sidecar changed, 5 up to date\n"
    assert names(library / "both.png.xmp") == ["Anna"]


def test_people_who_are_merged_have_one_name(library: Path) -> None:
    done("cluster", "label", cluster_on(library / "green.png"), "Ben")
    done("cluster", "label", cluster_on(library / "blue.png"), "Benny")
    done("export", "xmp")
    done("person", "merge", "Ben", "Benny")
    assert done("export", "xmp") == "1 sidecar changed, 6 up to date\n"
    assert names(library / "blue.png.xmp") == ["Ben"]


def test_somebody_who_is_forgotten_leaves_no_name_behind(library: Path) -> None:
    done("export", "xmp")
    done("forget", "Anna", "--yes")
    done("export", "xmp")
    assert everybody(library) == {}


# ------------------------------------------------------------------------------------- what is there


def test_what_others_wrote_stays_with_its_permissions(library: Path) -> None:
    sidecar = library / "both.png.xmp"
    sidecar.write_bytes(FOREIGN)
    sidecar.chmod(0o640)
    assert done("export", "xmp") == "4 sidecars new, 1 changed\n"
    assert names(sidecar) == ["Anna"]
    assert b"xmp:Rating" in sidecar.read_bytes()
    assert sidecar.stat().st_mode & 0o777 == 0o640
    done("undo")
    done("export", "xmp")
    assert b"xmp:Rating" in sidecar.read_bytes()
    assert b"Anna" not in sidecar.read_bytes()


def test_a_foreign_sidecar_of_a_photo_without_names_is_not_written(library: Path) -> None:
    sidecar = library / "green.png.xmp"
    sidecar.write_bytes(FOREIGN)
    before = sidecar.stat()
    done("export", "xmp")
    assert (sidecar.read_bytes(), sidecar.stat()) == (FOREIGN, before)


def test_adobe_style_names_it_without_the_suffix_of_the_photo(library: Path) -> None:
    assert done("export", "xmp", "--style", "adobe", library / "red") == "3 sidecars new\n"
    assert set(everybody(library)) == {"red/0.xmp", "red/1.xmp", "red/2.xmp"}
    assert done("export", "xmp", library / "red") == "3 sidecars up to date\n"


def test_photo_xmp_is_left_alone_where_it_may_be_another_photos(library: Path) -> None:
    (library / "both.CR2").write_bytes(b"raw")
    (library / "both.xmp").write_bytes(FOREIGN)
    done("export", "xmp", "--style", "adobe")
    assert (library / "both.xmp").read_bytes() == FOREIGN
    assert names(library / "both.png.xmp") == ["Anna"]


def test_of_two_sidecars_only_the_first_speaks(library: Path) -> None:
    done("export", "xmp", "--style", "adobe")
    (library / "both.png.xmp").write_bytes(FOREIGN)
    assert done("export", "xmp") == "1 sidecar changed, 1 removed, 4 up to date\n"
    assert names(library / "both.png.xmp") == ["Anna"]
    assert not (library / "both.xmp").exists()


def test_sidecars_are_found_by_both_names() -> None:
    there = frozenset({"a.jpg", "a.jpg.XMP", "a.xmp", "A.xmp", "b.jpg"})
    assert existing(there, "a.jpg", alone=True) == ["a.jpg.XMP", "a.xmp"]
    assert existing(there, "a.jpg", alone=False) == ["a.jpg.XMP"]
    assert existing(there, "b.jpg", alone=True) == []


# --------------------------------------------------------------------------------- what goes wrong


def test_a_sidecar_that_is_none_is_left_alone_and_told(library: Path) -> None:
    broken, link = library / "both.png.xmp", library / "red" / "0.png.xmp"
    broken.write_bytes(b"no XML at all")
    link.symlink_to(library / "red" / "0.png")
    os.mkfifo(library / "red" / "1.png.xmp")
    before = pictures(library)
    exported = call("export", "xmp")
    told = exported.err
    assert exported.code == 5
    assert told.startswith("2 sidecars new\nleft as they are: 3 (what else there is was done)\n")
    assert f"{link} is a link" in told
    assert f"{library}/red/1.png.xmp is no regular file" in told
    assert broken.read_bytes() == b"no XML at all"
    assert link.is_symlink()
    assert pictures(library) == before


def test_a_folder_that_cannot_be_written_costs_only_itself(library: Path) -> None:
    (library / "red" / f".faceindex-{os.getpid()}.unfinished").mkdir()  # in the way, for root too
    failed = call("export", "xmp")
    assert failed.code == 5
    assert failed.err.startswith("2 sidecars new\ncould not be done: 1 (put that right and export again)\n")
    assert failed.err.endswith(f"{library}/red cannot be written: File exists\n")
    assert set(everybody(library)) == {"both.png.xmp", "copy of 0.png.xmp"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_to_write_is_told(library: Path) -> None:
    (library / "red").chmod(0o555)
    failed = call("export", "xmp")
    (library / "red").chmod(0o755)
    assert failed.code == 5
    assert "red cannot be written: Permission denied" in failed.err


def test_a_root_that_is_offline_is_told_and_nothing_is_made_there(library: Path) -> None:
    library.rename(library.parent / "elsewhere")
    library.mkdir()
    failed = call("export", "xmp")
    assert (failed.code, f"{library} is empty" in failed.err) == (5, True)
    assert "nobody is named" not in failed.err
    assert list(library.iterdir()) == []


def test_nothing_is_written_through_a_link_to_somewhere_else(library: Path) -> None:
    outside = library.parent / "outside"
    (library / "red").rename(outside)
    (library / "red").symlink_to(outside)
    done("export", "xmp")
    assert list(outside.glob("*.xmp")) == []


def test_a_photo_that_is_gone_or_waits_to_be_read_again_gets_no_sidecar(library: Path) -> None:
    (library / "both.png").unlink()
    with closing(sqlite3.connect(os.environ["FACEINDEX_DB"])) as db:
        db.execute("UPDATE file SET stale = 1 WHERE name = '1.png'")
        db.commit()
    done("export", "xmp")
    assert set(everybody(library)) == {"copy of 0.png.xmp", "red/0.png.xmp", "red/2.png.xmp"}


def test_what_a_killed_export_left_behind_is_swept_away(library: Path) -> None:
    left, other = library / ".faceindex-4711.unfinished", library / ".faceindex.unfinished"
    left.write_bytes(b"half a sidecar")
    other.write_bytes(b"somebody else's")
    call("export", "xmp", "--dry-run")
    assert left.exists()
    done("export", "xmp")
    assert (left.exists(), other.exists()) == (False, True)


def test_an_export_that_is_interrupted_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(b"former")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        settle(str(path), former(str(path)), b"new", Outcome(), None)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a.jpg.xmp": b"former"}


def test_a_full_disk_ends_the_export_with_a_sentence(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in refused("export", "xmp", code=7)
    assert [path for path in library.rglob("*") if "faceindex" in path.name or path.suffix == ".xmp"] == []


@pytest.mark.parametrize("content", [b"ours", None])
def test_a_file_that_another_program_just_wrote_is_left_to_it(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(b"former")
    was = former(str(path))
    path.write_bytes(b"theirs, meanwhile")
    with pytest.raises(Left, match="changed by another program"):
        settle(str(path), was, content, Outcome(), None)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"theirs, meanwhile"]


@pytest.mark.parametrize("name", ["a.jpg", "a.xmp.JPG", "picasa.ini.png", "a.txt", "xmp"])
@pytest.mark.parametrize("content", [b"ours", None])
def test_nothing_but_a_sidecar_is_ever_written_or_removed(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    path.write_bytes(b"former")
    with pytest.raises(RuntimeError, match="must never be written"):
        settle(str(path), former(str(path)), content, Outcome(), None)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"former"]


def test_a_sidecar_that_is_far_too_large_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 10)
    (tmp_path / "a.xmp").write_bytes(b"11 bytes or")
    with pytest.raises(Left, match="is larger than"):
        former(str(tmp_path / "a.xmp"))


def test_a_diff_is_safe_to_look_at() -> None:
    lines = list(difference("/l/\x1b.xmp", b"a\x1b[2J\n\xff", None))
    assert lines == ["--- /l/\\x1b.xmp", "+++ /dev/null", "@@ -1,2 +0,0 @@", "-a\\x1b[2J", "-\\xff"]
