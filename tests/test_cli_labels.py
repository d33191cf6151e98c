"""`faceindex labels`: all human work leaves as text and comes back, by the commands themselves."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys

import pytest
from cli_fakes import BLUE, GREEN, RED, call, fake_scans, indexed, isolate, paint
from fakes import FakeBackend

from faceindex import db as index_file
from faceindex.store import averages, journal, people


def rows(index, sql, *values):
    with sqlite3.connect(index) as db:
        found = [tuple(row) for row in db.execute(sql, values)]
    db.close()
    return found


def dump(index):
    with sqlite3.connect(index) as db:
        found = list(db.iterdump())
    db.close()
    return found


def cluster_of(index, path):
    ((cluster,),) = rows(
        index, "SELECT DISTINCT cluster_id FROM face JOIN files USING (photo_id) WHERE path = ?", str(path)
    )
    return cluster


def named(index):
    """What the user sees: file names with the people on them."""
    return sorted((os.path.basename(path), names) for path, names in rows(index, "SELECT path, people FROM photos"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A scanned library in which Red is named Anna and green is named Ben."""
    folder = indexed(tmp_path, monkeypatch)
    index = tmp_path / "faces.db"
    assert call("cluster", "label", cluster_of(index, folder / "red" / "0.png"), "Anna").code == 0
    assert call("cluster", "label", cluster_of(index, folder / "green.png"), "Ben").code == 0
    return folder


@pytest.fixture
def index(tmp_path):
    return tmp_path / "faces.db"


@pytest.fixture
def file(tmp_path, folder):
    """Its labels file."""
    file = tmp_path / "family.jsonl"
    done = call("labels", "export", file)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"{file}: 2 people, 6 faces, of these 6 with a name\n"
    return file


def lines(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_the_file_is_as_documented(file):
    header, anna, ben, *faces = lines(file)
    assert (header, anna, ben) == ({"faceindex_labels": 1}, {"person": "Anna"}, {"person": "Ben"})
    assert [(face["hint"], face["name"]) for face in sorted(faces, key=lambda face: (face["hint"], face["name"]))] == [
        ("both.png", "Anna"), ("both.png", "Ben"), ("copy of 0.png", "Anna"), ("green.png", "Ben"),
        ("red/1.png", "Anna"), ("red/2.png", "Anna"),
    ]  # fmt: skip
    assert {frozenset(face) for face in faces} == {frozenset(["photo", "box", "name", "hint"])}


def test_an_index_that_was_lost_is_as_before_after_a_scan_and_an_import(file, index, folder):
    before = named(index)
    index.unlink()
    assert call("-q", "scan", folder).code == 5
    assert {names for _, names in named(index)} == {None}
    done = call("labels", "import", file)
    assert (done.code, done.out) == (0, "")
    assert done.err == "changed: 2 new people, 6 named faces, 2 named clusters\n"
    assert named(index) == before
    assert call("labels", "export", "-").raw == file.read_bytes()
    paint(folder / "later.png", RED, side=70)
    assert call("-q", "scan").code == 0
    assert ("later.png", "Anna") in named(index)


def test_a_second_import_changes_nothing_and_makes_no_entry(file, index):
    entries = len(rows(index, "SELECT * FROM journal"))
    done = call("labels", "import", file)
    assert (done.code, done.err.splitlines()[0]) == (0, "nothing to change")
    assert "already so: " in done.err
    assert len(rows(index, "SELECT * FROM journal")) == entries


def test_an_import_is_one_entry_that_undo_takes_back(file, index, folder):
    index.unlink()
    call("-q", "scan", folder)
    before = named(index)
    call("labels", "import", file)
    assert call("undo").err == f"taken back: labels imported from {file}\n"
    assert named(index) == before
    assert rows(index, "SELECT * FROM person") == rows(index, "SELECT * FROM label") == []


def test_a_dry_run_says_line_by_line_what_would_change_and_changes_nothing(file, index, folder):
    index.unlink()
    call("-q", "scan", folder)
    before = dump(index)
    dry = call("labels", "import", file, "--dry-run")
    assert dry.code == 0
    assert dry.err == "would change: 2 new people, 6 named faces, 2 named clusters\n"
    assert len(dry.out.splitlines()) == 10
    assert "Anna is known now" in dry.out
    assert "red/1.png (25 25 75 75): is Anna" in dry.out
    assert dump(index) == before
    assert call("-v", "labels", "import", file).err.startswith(dry.out)


def test_photos_that_are_not_here_and_places_without_a_face_are_listed_and_taken_up_later(file, index, folder):
    index.unlink()
    gone = folder / "green.png"
    hidden = gone.rename(folder.parent / "hidden.png")
    call("-q", "scan", folder)
    text = file.read_text("utf-8")
    digest = next(face["photo"] for face in lines(file) if face.get("hint") == "both.png")
    file.write_text(text + f'{{"photo": "{digest}", "box": [0.0, 0.0, 0.1, 0.1], "name": "Zoë"}}\n')
    done = call("labels", "import", file)
    assert "photos not in the index: 1 (scan their folder, and import again)\n" in done.err
    assert "green.png\n" in done.err
    assert "no face here: 1 (import again after a scan has found it)\n" in done.err
    assert "both.png (00 00 10 10): no face was found there\n" in done.err
    assert "Zoë" not in call("person", "list").out  # of whom nothing is said yet
    hidden.rename(gone)
    call("-q", "scan", folder)
    assert call("labels", "import", file).err.startswith("changed: 1 named face")
    assert ("green.png", "Ben") in named(index)


def test_another_word_in_the_index_stays_and_is_told(file, index, folder):
    assert call("person", "rename", "Anna", "Hanna").code == 0
    done = call("labels", "import", file)
    assert "contradictions: 4 (--prefer file takes the file's word)\n" in done.err
    assert "red/1.png (25 25 75 75): is Hanna, and the file says Anna; the index's word stays\n" in done.err
    assert ("green.png", "Ben") in named(index)
    assert ("both.png", "Ben, Hanna") in named(index)
    done = call("labels", "import", file, "--prefer", "file")
    assert "is Hanna, and the file says Anna; the file's word is taken\n" in done.err
    assert ("both.png", "Anna, Ben") in named(index)


def test_a_person_with_two_averages_has_two_again(index, folder, tmp_path):
    with index_file.open_index(index) as db:
        (one, two) = (row[0] for row in db.execute("SELECT face_id FROM label WHERE person_id = 1 ORDER BY 1 LIMIT 2"))
        with journal.entry(db, "cluster split", "a child, and grown up") as entry:
            (number,) = db.execute("INSERT INTO cluster (backend) VALUES ('fake') RETURNING cluster_id").fetchone()
            averages.assign(db, {one: number, two: number})
            people.label(db, entry, number, "Anna")
    db.close()
    file = tmp_path / "two.jsonl"
    call("labels", "export", file)
    assert sorted(face.get("group", "") for face in lines(file) if face.get("name") == "Anna") == ["", "", "2", "2"]
    index.unlink()
    call("-q", "scan", folder)
    call("labels", "import", file)
    assert rows(index, "SELECT person, clusters FROM people ORDER BY person") == [("Anna", 2), ("Ben", 1)]
    assert call("labels", "export", "-").raw == file.read_bytes()


def test_a_machine_cluster_of_two_people_is_split(file, index, folder):
    text = file.read_text("utf-8").splitlines()
    index.unlink()
    call("-q", "scan", folder)
    cut = [line.replace('"Anna"', '"Zoe"') if "red/" in line else line for line in text]
    file.write_text("\n".join(cut) + "\n")
    done = call("labels", "import", file)
    assert "contradictions" not in done.err
    assert rows(index, "SELECT person, photos FROM people ORDER BY person") == [("Anna", 2), ("Ben", 2), ("Zoe", 2)]
    assert cluster_of(index, folder / "red" / "1.png") != cluster_of(index, folder / "copy of 0.png")


def test_export_writes_over_its_own_file_only(tmp_path, file, folder):
    other = tmp_path / "diary.txt"
    other.write_text("dear diary")
    refused = call("labels", "export", other)
    assert refused.code == 2
    assert (
        refused.err == f"faceindex: {other} exists and is no labels file; name another, or --force to write over it\n"
    )
    assert other.read_text() == "dear diary"
    before = file.read_bytes()
    assert call("labels", "export", file).code == 0
    assert call("labels", "export", other, "--force").code == 0
    assert file.read_bytes() == other.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*unfinished*")] == []


def test_export_never_writes_into_the_library_or_through_a_link_to_a_photo(tmp_path, folder):
    photo = folder / "green.png"
    before = photo.read_bytes()
    for place in (photo, folder / "new.jsonl"):
        refused = call("labels", "export", place, "--force")
        assert (refused.code, "lies in the library" in refused.err) == (2, True)
    link = tmp_path / "link.jsonl"
    link.symlink_to(photo)
    assert call("labels", "export", link, "--force").code == 2
    assert photo.read_bytes() == before
    assert not (folder / "new.jsonl").exists()


def test_export_says_where_it_cannot_write(tmp_path, folder):
    assert call("labels", "export", tmp_path).err == f"faceindex: {tmp_path} is a folder; name a file\n"
    nowhere = tmp_path / "no" / "such" / "file"
    assert call("labels", "export", nowhere).err == (
        f"faceindex: cannot write {nowhere}: No such file or directory; name another place\n"
    )


def test_a_dash_is_stdout_and_stdin(file, index, folder, monkeypatch):
    text = call("labels", "export", "-")
    assert text.raw == file.read_bytes()
    index.unlink()
    call("-q", "scan", folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.raw)))
    assert call("labels", "import", "-").code == 0
    assert call("labels", "export", "-").raw == text.raw


def test_a_broken_file_is_one_sentence_with_the_line_and_changes_nothing(file, index, tmp_path):
    before = dump(index)
    text = file.read_bytes()
    file.write_bytes(text + b'{"person": "Carl"}\n{"person": \xff}\n')
    wrong = call("labels", "import", file)
    assert (wrong.code, wrong.out) == (2, "")
    number = text.count(b"\n") + 2
    assert wrong.err == f"faceindex: {file}, line {number}: is not UTF-8 at byte 12; save the file as UTF-8\n"
    assert dump(index) == before
    missing = call("labels", "import", tmp_path / "nothing.jsonl")
    assert missing.err == f"faceindex: cannot read {tmp_path}/nothing.jsonl: No such file or directory\n"
    assert call("labels", "import", tmp_path).code == 1


def test_hostile_names_and_hints_reach_the_terminal_escaped(index, folder, file):
    digest = next(face["photo"] for face in lines(file) if face.get("hint") == "both.png")
    file.write_text(
        '{"faceindex_labels": 1}\n'
        '{"person": "A\\u200bB", "born": "1990"}\n'
        f'{{"photo": "{digest}", "box": [0, 0, 0.1, 0.1], "name": "A\\u200bB", "hint": "\\u001b[31m\\nred"}}\n'
    )
    done = call("labels", "import", file, "--dry-run")
    assert done.out == "A\\u200bB is known now, born 1990\n"
    assert "\\x1b[31m\\nred (00 00 10 10)" in done.err
    assert "\x1b" not in done.err


def test_an_empty_index_exports_a_header(tmp_path, monkeypatch):
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    paint(tmp_path / "library" / "one.png", BLUE, GREEN)
    call("-q", "scan", tmp_path / "library")
    assert call("labels", "export", "-").out == '{"faceindex_labels": 1}\n'


# ------------------------------------------------------------------------------ boxes drawn by hand


BOX = "26,26,49,49"
NAMES_OF_DRAWN = (
    "SELECT name FROM face JOIN label USING (face_id) JOIN person USING (person_id) WHERE detector = 'human'"
)


@pytest.fixture
def drawn(folder, tmp_path):
    """A labels file with a face of Zoë that no detector found, of which the index was lost, and scanned again."""
    photo = paint(folder / "half.png", GREEN, side=100)
    assert call("-q", "scan").code == 0
    assert call("face", "add", photo, BOX, "Zoë").code == 0
    file = tmp_path / "drawn.jsonl"
    assert call("labels", "export", file).code == 0
    assert [face["name"] for face in lines(file) if face.get("drawn")] == ["Zoë"]
    lost(tmp_path / "faces.db", folder)
    return file


def lost(index, folder):
    index.unlink()
    assert call("-q", "scan", folder).code == 5


def without_journal(index):
    tables = [row[0] for row in rows(index, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    kept = [name for name in tables if not name.startswith(("journal", "undone", "sqlite"))]
    return {name: sorted(rows(index, f"SELECT * FROM {name}"), key=repr) for name in kept}


def test_a_box_drawn_by_hand_is_drawn_again_with_its_encoding_in_the_same_entry(drawn, index, folder):
    before, entries = without_journal(index), "SELECT count(*) FROM journal"
    ((number,),) = rows(index, entries)
    done = call("labels", "import", drawn)
    assert done.err == "changed: 1 drawn box, 3 new people, 7 named faces, 3 named clusters, 1 moved face\n"
    assert call("labels", "export", "-").raw == drawn.read_bytes()
    assert rows(index, NAMES_OF_DRAWN) == [("Zoë",)]
    assert rows(index, entries) == [(number + 1,)]
    (vector,) = rows(index, "SELECT hex(vector) FROM face JOIN encoding USING (face_id) WHERE detector = 'human'")
    after = without_journal(index)
    again = call("labels", "import", drawn)
    assert again.err.startswith("nothing to change\n")
    assert rows(index, entries) == [(number + 1,)]
    assert call("undo").code == 0
    assert without_journal(index) == before
    ((undone,),) = rows(index, "SELECT max(journal_id) FROM journal")
    assert call("undo", str(undone)).code == 0
    assert without_journal(index) == after
    lost(index, folder)
    assert call("face", "add", folder / "half.png", BOX, "Zoë").code == 0
    assert rows(index, "SELECT hex(vector) FROM face JOIN encoding USING (face_id) WHERE detector = 'human'") == [
        vector
    ]


def test_a_dry_run_tells_of_the_box_and_encodes_nothing(drawn, index, monkeypatch):
    def never(*_):
        raise AssertionError("encoded")

    before = dump(index)
    with monkeypatch.context() as broken:
        broken.setattr("fakes.FakeBackend.encode", never)
        dry = call("labels", "import", drawn, "--dry-run")
    assert (dry.code, dry.err) == (
        0,
        "would change: 1 drawn box, 3 new people, 7 named faces, 3 named clusters, 1 moved face\n",
    )
    assert "half.png (26 26 49 49): is drawn\n" in dry.out
    assert dump(index) == before
    assert call("-v", "labels", "import", drawn).err.startswith(dry.out)


def test_nobody_waits_while_a_box_is_encoded_and_what_they_do_meanwhile_counts(drawn, index, folder, monkeypatch):
    encode, said = FakeBackend.encode, []

    def meanwhile(self, *arguments):
        if not said:
            said.append("Ben")
            assert call("face", "add", folder / "half.png", BOX, *said).code == 0
        return encode(self, *arguments)

    monkeypatch.setattr("fakes.FakeBackend.encode", meanwhile)
    done = call("labels", "import", drawn)
    assert "half.png (26 26 49 49): is Ben, and the file says Zoë; the index's word stays\n" in done.err
    assert rows(index, NAMES_OF_DRAWN) == [("Ben",)]


@pytest.mark.parametrize("trouble", ["deleted", "forbidden", "another picture"])
def test_a_photo_that_cannot_be_read_costs_nothing_but_its_own_boxes(drawn, index, folder, trouble):
    photo = folder / "half.png"
    kept = photo.read_bytes()
    photo.unlink()
    if trouble == "forbidden":
        photo.mkdir()
    elif trouble == "another picture":
        paint(photo, BLUE, side=100)
    dry = call("labels", "import", drawn, "--dry-run")
    done = call("labels", "import", drawn)
    says = {
        "deleted": f"cannot read {photo}: No such file or directory; it may be on a disk that is away",
        "forbidden": f"cannot read {photo}: Is a directory; check its permissions",
        "another picture": f"{photo} holds another picture by now; run 'faceindex scan' and try again",
    }[trouble]
    assert (done.code, f"  half.png (26 26 49 49): {says}\n" in done.err) == (0, True), done.err
    assert dry.err == done.err.replace("changed", "would change")
    assert done.err.startswith("changed: 2 new people, 6 named faces")
    if photo.is_dir():
        photo.rmdir()
    photo.write_bytes(kept)
    assert call("labels", "import", drawn).err.startswith("changed: 1 drawn box, 1 new person, 1 named face")
    assert call("labels", "export", "-").raw == drawn.read_bytes()


def test_a_copy_that_is_still_there_is_read_where_another_is_not(drawn, folder, index):
    (folder / "a copy.png").write_bytes((folder / "half.png").read_bytes())
    call("-q", "scan")
    (folder / "a copy.png").unlink()
    assert call("labels", "import", drawn).code == 0
    assert rows(index, NAMES_OF_DRAWN) == [("Zoë",)]


def test_a_photo_of_which_no_copy_is_left_is_told(drawn, folder, index):
    (folder / "half.png").rename(folder.parent / "half.png")
    call("-q", "scan")
    done = call("labels", "import", drawn)
    assert "boxes not drawn: 1 (import again when that is put right)\n" in done.err
    assert "half.png (26 26 49 49): no copy of its photo is there now, so it cannot be drawn\n" in done.err
    assert rows(index, NAMES_OF_DRAWN) == []


def test_who_was_forgotten_is_not_drawn_again(folder, index, tmp_path):
    photo = paint(folder / "half.png", GREEN, side=100)
    call("-q", "scan")
    call("face", "add", photo, BOX, "Zoë")
    file = tmp_path / "drawn.jsonl"
    call("labels", "export", file)
    assert call("forget", "Zoë", "--yes").code == 0
    before = without_journal(index)
    done = call("labels", "import", file)
    assert "half.png (26 26 49 49): the face there is of somebody who was forgotten\n" in done.err
    assert without_journal(index) == before


def test_a_box_is_not_drawn_where_a_face_is_or_where_none_can_be(drawn, folder, index):
    (digest,) = {face["photo"] for face in lines(drawn) if face.get("hint") == "half.png"}
    ((box,),) = rows(
        index,
        'SELECT json_array("left", top, "right", bottom) FROM face JOIN files USING (photo_id) WHERE path = ?',
        str(folder / "half.png"),
    )
    left, top, right, bottom = json.loads(box)
    near = json.dumps([left, top, right, bottom - 0.05])
    drawn.write_text(
        '{"faceindex_labels": 1}\n'
        f'{{"photo": "{digest}", "box": {box}, "name": "Ben"}}\n'
        f'{{"photo": "{digest}", "box": {near}, "name": "Carl", "drawn": true}}\n'
        f'{{"photo": "{digest}", "box": [0, 0, 0.05, 0.05], "name": "Dora", "drawn": true}}\n'
    )
    for arguments in ((), ("--dry-run",)):
        done = call("labels", "import", drawn, *arguments)
        assert "the face there is another one of the file\n" in done.err
        assert "(00 00 05 05): that box is smaller than 20 pixels; no face can be told in it\n" in done.err
    assert rows(index, NAMES_OF_DRAWN) == []


# --------------------------------------------------------------------------------------- who is left


def test_nobody_is_left_of_whom_nothing_is_said_any_more(file, index, folder):
    assert call("person", "rename", "Anna", "Hanna").code == 0
    assert call("person", "born", "Ben", "1990").code == 0
    before = without_journal(index)
    done = call("labels", "import", file, "--prefer", "file")
    assert "1 name that nobody bears any more" in done.err
    assert rows(index, "SELECT person, photos, born FROM people ORDER BY 1") == [("Anna", 4, None), ("Ben", 2, "1990")]
    call("undo")
    assert without_journal(index) == before
