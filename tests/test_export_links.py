"""`faceindex export links`: a folder for each person, brought up to date in place, nothing of anybody else touched."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from cli_fakes import call, done, indexed, isolate, paint, refused, rows
from hypothesis import given
from hypothesis import strategies as st
from library import add_photo, begin, say

from faceindex.db import open_index
from faceindex.pipeline.exporting import names, ours

LIST = ".faceindex-links.jsonl"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The painted library; red is Anna, on five photos, green Ben, on two, one of them with her."""
    folder = indexed(tmp_path, monkeypatch)
    for row in rows("cluster", "list"):
        if row["photos"] > 1:
            done("cluster", "label", str(row["cluster"]), {4: "Anna", 2: "Ben"}[row["photos"]])
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No index yet."""
    return isolate(tmp_path, monkeypatch)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "People"


def there(folder: Path) -> list[str]:
    """Links and files below a folder, without our list."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return sorted(path for path in found if path != LIST)


def test_each_person_has_a_folder_with_links_to_all_their_photos(library: Path, people: Path) -> None:
    assert "6 links (6 made)" in done("export", "links", people)
    assert there(people) == [
        "Anna/1.png", "Anna/2.png", "Anna/both.png", "Anna/copy of 0.png", "Ben/both.png", "Ben/green.png"
    ]  # fmt: skip
    for name in there(people):
        assert (people / name).is_symlink()
        assert (people / name).read_bytes().startswith(b"\x89PNG")


def test_a_second_time_changes_nothing_and_a_third_follows_what_was_said(library: Path, people: Path) -> None:
    done("export", "links", people)
    before = {name: os.lstat(people / name).st_ino for name in there(people)}
    assert "6 links (6 up to date)" in done("export", "links", people)
    assert {name: os.lstat(people / name).st_ino for name in there(people)} == before
    done("person", "rename", "Ben", "Benjamin")
    assert "(2 made, 4 up to date, 2 removed)" in done("export", "links", people)
    assert sorted(path.name for path in people.iterdir()) == [LIST, "Anna", "Benjamin"]


def test_only_labels_are_shown_but_for_matches_where_asked_for(library: Path, people: Path) -> None:
    paint(library / "new.png", (250, 20, 20), side=70)
    call("-q", "scan")
    done("export", "links", people)
    assert "Anna/new.png" not in there(people)
    done("export", "links", people, "--matches")
    assert "Anna/new.png" in there(people)


def test_what_others_put_there_is_never_touched(library: Path, people: Path) -> None:
    done("export", "links", people)
    (people / "Anna" / "notes.txt").write_text("mine")
    (people / "Anna" / "1.png").unlink()
    (people / "Anna" / "1.png").write_text("mine, too")  # in the place of a link of ours
    (people / "Ben" / "green.png").unlink()
    (people / "Ben" / "green.png").symlink_to("/elsewhere")
    done("export", "links", people)
    assert (people / "Anna" / "1.png").read_text() == "mine, too"
    assert os.readlink(people / "Ben" / "green.png") == "/elsewhere"
    assert len([name for name in there(people) if name.startswith("Anna/1")]) == 2  # ours has another name now
    done("person", "rename", "Anna", "Hannah")
    done("export", "links", people)
    assert [name for name in there(people) if name.startswith("Anna/")] == ["Anna/1.png", "Anna/notes.txt"]


def test_a_folder_that_is_a_link_is_not_written_through(library: Path, people: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done("export", "links", people)
    shutil.rmtree(people / "Anna")
    (people / "Anna").symlink_to(elsewhere)
    assert "Anna is none of our folders, and was left as it is" in done("export", "links", people)
    assert list(elsewhere.iterdir()) == []


def test_two_photos_of_one_name_are_told_apart_and_keep_their_names(library: Path, people: Path) -> None:
    paint(library / "other" / "1.PNG", (250, 20, 20), side=80)
    call("-q", "scan")
    done("export", "links", people, "--matches")
    both = [name for name in there(people) if name.lower().startswith("anna/1")]
    assert len(both) == 2
    assert "Anna/1.png" in both
    assert "up to date" in done("export", "links", people, "--matches")


def test_names_that_one_file_system_takes_for_one_get_folders_of_their_own(index: Path, people: Path) -> None:
    with closing(open_index(index)) as db:
        run = begin(db)
        for who in ("Anna", "anna", "A/B", "A:B", "..", "CON"):
            (face,) = add_photo(db, run, f"/lib/{len(who)}{ord(who[0])}{ord(who[1])}.jpg", who)
            say(db, face, who)
    done("export", "links", people)
    folders = [path.name for path in people.iterdir() if path.is_dir()]
    assert len({name.casefold() for name in folders}) == 6
    assert {"Anna", "A_B", "_", "_CON"} <= set(folders)


def test_photos_lie_by_date_and_by_year_where_asked_for(index: Path, people: Path) -> None:
    with closing(open_index(index)) as db:
        run = begin(db)
        for path, taken in (("sea", "2019-07-05T10:00:00"), ("2018-01-02 ice", "2018-01-02T10:00:00"), ("x", None)):
            (face,) = add_photo(db, run, f"/lib/{path}.jpg", "Anna", taken_at=taken)
            say(db, face, "Anna")
    done("export", "links", people)
    assert there(people) == ["Anna/2018-01-02 ice.jpg", "Anna/2019-07-05 sea.jpg", "Anna/x.jpg"]
    done("export", "links", people, "--by-year")
    assert there(people) == ["Anna/2018/2018-01-02 ice.jpg", "Anna/2019/2019-07-05 sea.jpg", "Anna/undated/x.jpg"]


def test_a_photo_whose_name_is_no_utf_8_has_a_link_that_is_told_again(index: Path, people: Path) -> None:
    with closing(open_index(index)) as db:
        (face,) = add_photo(db, begin(db), "/lib/caf\udce9.jpg", "Anna")
        say(db, face, "Anna")
    done("export", "links", people)
    assert os.readlink(os.fsencode(people / "Anna" / "caf_.jpg")) == b"/lib/caf\xe9.jpg"
    assert "1 link (1 up to date)" in done("export", "links", people)


def test_hard_links_are_the_very_files(library: Path, people: Path) -> None:
    done("export", "links", people, "--hard")
    assert os.path.samefile(people / "Anna" / "both.png", library / "both.png")
    assert not (people / "Anna" / "both.png").is_symlink()
    assert "up to date" in done("export", "links", people, "--hard")
    done("export", "links", people)  # and become symbolic ones again
    assert all((people / name).is_symlink() for name in there(people))
    assert (library / "both.png").stat().st_nlink == 1


def test_a_hard_link_that_is_the_last_copy_of_a_photo_is_kept(library: Path, people: Path) -> None:
    done("export", "links", people, "--hard")
    content = (library / "green.png").read_bytes()
    (library / "green.png").unlink()
    call("-q", "scan")
    said = done("export", "links", people, "--hard")
    assert "Ben/green.png is the last name of its photo, and was kept" in said
    assert (people / "Ben" / "green.png").read_bytes() == content
    assert said.count("green.png") == 1


def test_while_the_photos_are_away_hard_links_stay(library: Path, people: Path) -> None:
    done("export", "links", people, "--hard")
    library.rename(library.with_name("away"))
    before = there(people)
    assert "cannot be read now" in done("export", "links", people, "--hard")
    assert there(people) == before


def test_a_hard_link_to_another_disk_is_refused_in_a_sentence(
    library: Path, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another_disk(*places: object, **how: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), "one", None, "other")

    monkeypatch.setattr(os, "link", another_disk)
    assert "hard links do not reach another disk" in refused("export", "links", people, "--hard")


def test_a_folder_among_the_photos_or_with_other_things_in_it_is_refused(library: Path, tmp_path: Path) -> None:
    assert "lies in the library" in refused("export", "links", library)
    assert "lies in the library" in refused("export", "links", library / "People")
    assert "is not empty, and not made by" in refused("export", "links", tmp_path)
    assert not (library / "People").exists()
    (tmp_path / "file").write_text("x")
    assert "cannot write" in refused("export", "links", tmp_path / "file", code=1)


@pytest.mark.parametrize(
    "path", ["../precious.txt", "/precious.txt", "Anna/../../precious.txt", "", "a//b", ".", "a/\0"]
)
def test_a_list_that_leads_elsewhere_is_not_followed(library: Path, people: Path, path: str) -> None:
    done("export", "links", people)
    precious = people.parent / "precious.txt"
    precious.symlink_to("/target")
    with open(people / LIST, "a") as stream:
        stream.write(json.dumps({"path": path, "mark": "-> /target"}) + '\n[1\n"x"\n{"path": 3}\n' + "[" * 9000)
    done("export", "links", people)
    assert precious.is_symlink()
    assert len(there(people)) == 6


def test_a_list_of_a_later_version_or_of_another_export_is_left_alone(library: Path, people: Path) -> None:
    done("export", "links", people)
    (people / LIST).write_text('{"faceindex": "links", "version": 2}\n')
    assert "newer version" in refused("export", "links", people, code=1)
    (people / LIST).unlink()
    (people / LIST).symlink_to(library / "both.png")
    assert "cannot read" in refused("export", "links", people, code=1)


def test_a_killed_export_knows_its_links(people: Path) -> None:
    people.mkdir()
    with pytest.raises(KeyboardInterrupt), ours.opened(str(people), "links") as folder:  # noqa: PT012
        folder.claim("Anna/a.jpg", "-> /a.jpg")
        raise KeyboardInterrupt
    with open(people / LIST, "a") as stream:
        stream.write('{"path": "An')  # cut short
    with ours.opened(str(people), "links") as folder:
        assert folder.entries == {"Anna/a.jpg": "-> /a.jpg"}
        folder.claim("b.jpg")
    with ours.opened(str(people), "links") as folder:
        assert set(folder.entries) == {"Anna/a.jpg", "b.jpg"}


@given(st.text(max_size=300))
def test_any_name_is_made_one_part_of_a_path(name: str) -> None:
    for made in (names.safe(name), names.safe_file(name), names.slug(name)):
        assert 0 < len(made.encode()) <= 220
        assert made not in (".", "..")
        assert not names.BAD.search(made)
        assert not made.startswith(".")
        assert not made.endswith((".", " "))
        assert ours.is_within(f"x/{made}")
    assert names.slug(name).isascii()


@given(st.lists(st.text(min_size=1), unique=True))
def test_no_two_names_share_a_folder(several: list[str]) -> None:
    folders = names.folders(several)
    assert list(folders) == several
    assert len({names.folded(folder) for folder in folders.values()}) == len(several)
