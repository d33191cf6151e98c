"""Tags of other programs become Labels: of the right face, once, and the later word wins."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from cli_fakes import BLUE, call, done, indexed, paint, refused, rows, who_is_on

from faceindex import db as index_file
from faceindex.models import Box, Tag
from faceindex.pipeline import importing
from faceindex.pipeline.sources import Missed, Tagged
from faceindex.store import journal, tagging


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A scanned library of coloured squares; its index is open to bring()."""
    return indexed(tmp_path, monkeypatch)


@pytest.fixture
def index(tmp_path, folder):
    with closing(index_file.open_index(tmp_path / "faces.db")) as db:
        yield db


def faces_on(db, path):
    """(photo_id, boxes from left to right) of the photo at a path."""
    found = db.execute(
        'SELECT photo_id, "left", top, "right", bottom FROM faces WHERE photo_id = ? ORDER BY "left"',
        (photo_of(db, path),),
    ).fetchall()
    return found[0][0], [Box(*row[1:]) for row in found]


def photo_of(db, path):
    return db.execute("SELECT photo_id FROM files WHERE path = ?", (str(path),)).fetchone()[0]


def larger(box, by=0.02):
    return Box(max(0, box.left - by), max(0, box.top - by), min(1, box.right + by), min(1, box.bottom + by))


def tagged(db, path, *names, modified=0.0, word="said"):
    """A tag on each face of a photo, from left to right; None for a face nobody tagged."""
    photo_id, boxes = faces_on(db, path)
    tags = [Tag(name, larger(box), word) for name, box in zip(names, boxes, strict=True) if name is not None]
    return Tagged(photo_id, str(path), tuple(tags), modified)


def bring(db, *found, source="picasa", **options):
    return importing.run(db, "fake", source, "a test", found, **options)


def label_of(db, path):
    photo_id, _ = faces_on(db, path)
    return db.execute(
        """SELECT name, source FROM face LEFT JOIN label USING (face_id) LEFT JOIN person USING (person_id)
           WHERE photo_id = ? ORDER BY "left" """,
        (photo_id,),
    ).fetchall()


def tables(db):
    """Everything that humans and matching wrote, tags too."""
    names = ("person", "cluster", "average", "face", "encoding", "label", "rejection", "ignored", "different", "tag")
    return {name: sorted(map(tuple, db.execute(f"SELECT * FROM {name}")), key=repr) for name in names}


def test_a_tag_gives_the_face_it_means_its_name_and_says_who_said_so(index, folder):
    report = bring(index, tagged(index, folder / "both.png", "Anna", "Ben"))
    assert who_is_on(folder / "both.png") == [("Anna", "tag"), ("Ben", "tag")]
    assert (report.photos, report.tags, report.said.counts["name"]) == (1, 2, 2)


def test_names_reach_the_faces_that_the_machine_had_grouped_with_the_tagged_ones(index, folder):
    bring(index, tagged(index, folder / "red" / "0.png", "Anna"), tagged(index, folder / "red" / "1.png", "Anna"))
    assert who_is_on(folder / "red" / "2.png") == [("Anna", "match")]
    assert who_is_on(folder / "green.png") == [("", None)]


def test_the_next_scan_recognises_by_imported_names(index, folder, tmp_path):
    bring(index, tagged(index, folder / "blue.png", "Carl"))
    paint(folder / "new.png", BLUE, side=66)
    assert call("-q", "scan").code == 0
    assert who_is_on(folder / "new.png") == [("Carl", "match")]


def test_an_import_run_again_changes_nothing(index, folder):
    found = [tagged(index, folder / "both.png", "Anna", "Ben"), tagged(index, folder / "red" / "1.png", "Anna")]
    bring(index, *found)
    before, entries = tables(index), len(journal.entries(index, -1))
    report = bring(index, *found)
    assert tables(index) == before
    assert len(journal.entries(index, -1)) == entries
    assert not report.said.changes


def test_more_tagging_is_taken_up_and_nothing_doubles(index, folder):
    bring(index, tagged(index, folder / "both.png", "Anna", None))
    bring(index, tagged(index, folder / "both.png", "Anna", "Ben"))
    assert who_is_on(folder / "both.png") == [("Anna", "tag"), ("Ben", "tag")]
    assert index.execute("SELECT count(*) FROM tag").fetchone()[0] == 2
    assert index.execute("SELECT count(*) FROM person").fetchone()[0] == 2


def test_an_import_is_one_entry_and_undo_takes_it_back_and_brings_it_again(index, folder):
    before = {name: rows for name, rows in tables(index).items() if name not in ("tag", "average")}
    found = [tagged(index, folder / "both.png", "Anna", "Ben"), tagged(index, folder / "red" / "1.png", "Anna")]
    bring(index, *found)
    after = who_is_on(folder / "both.png")
    assert [entry.command for entry in journal.entries(index)] == ["import picasa", "root add"]
    done("undo")
    assert {name: rows for name, rows in tables(index).items() if name not in ("tag", "average")} == before
    assert tagging.known(index, found[0].photo_id, "picasa") == {}
    done("undo", "3")
    assert who_is_on(folder / "both.png") == after
    assert len(tagging.known(index, found[0].photo_id, "picasa")) == 2


def test_after_undo_the_same_import_does_it_all_again(index, folder):
    found = tagged(index, folder / "both.png", "Anna", "Ben")
    bring(index, found)
    done("undo")
    bring(index, found)
    assert who_is_on(folder / "both.png") == [("Anna", "tag"), ("Ben", "tag")]
    assert index.execute("SELECT count(*) FROM tag").fetchone()[0] == 2


def test_a_rehearsal_says_all_and_changes_nothing(index, folder):
    before = list(index.iterdump())
    report = bring(index, tagged(index, folder / "both.png", "Anna", "Ben"), dry_run=True)
    assert list(index.iterdump()) == before
    assert report.said.counts["name"] == 2


def test_a_human_who_said_otherwise_here_keeps_the_word_and_hears_of_it(index, folder):
    face = rows("photo", "show", folder / "blue.png")[0]["face"]
    done("face", "label", str(face), "Dora")
    report = bring(index, tagged(index, folder / "blue.png", "Carl"))
    assert who_is_on(folder / "blue.png") == [("Dora", "human")]
    assert len(report.said.contradictions) == 1


def test_the_other_program_is_believed_where_that_is_asked_for(index, folder):
    face = rows("photo", "show", folder / "blue.png")[0]["face"]
    done("face", "label", str(face), "Dora")
    bring(index, tagged(index, folder / "blue.png", "Carl"), prefer="import")
    assert who_is_on(folder / "blue.png") == [("Carl", "tag")]


def test_what_a_human_put_right_after_an_import_is_not_put_wrong_by_the_next(index, folder):
    found = tagged(index, folder / "blue.png", "Carl")
    bring(index, found)
    face = rows("photo", "show", folder / "blue.png")[0]["face"]
    done("face", "label", str(face), "Dora")
    report = bring(index, found)
    assert who_is_on(folder / "blue.png") == [("Dora", "human")]
    assert (report.older, report.said.contradictions) == (1, [])


def test_a_tag_that_a_human_rejected_does_not_come_back(index, folder):
    found = tagged(index, folder / "blue.png", "Carl")
    bring(index, found)
    done("face", "reject", str(rows("photo", "show", folder / "blue.png")[0]["face"]))
    bring(index, found)
    assert who_is_on(folder / "blue.png") == [("", None)]


def test_a_name_put_right_in_the_other_program_is_put_right_here(index, folder):
    bring(index, tagged(index, folder / "blue.png", "Karl"))
    report = bring(index, tagged(index, folder / "blue.png", "Carl"))
    assert who_is_on(folder / "blue.png") == [("Carl", "tag")]
    assert (len(report.renamed), report.said.contradictions) == (1, [])
    done("undo")
    assert who_is_on(folder / "blue.png") == [("Karl", "tag")]


def test_a_tag_taken_away_in_the_other_program_is_told_and_its_name_stays(index, folder):
    bring(index, tagged(index, folder / "both.png", "Anna", "Ben"))
    report = bring(index, tagged(index, folder / "both.png", "Anna", None))
    assert report.gone == 1
    assert who_is_on(folder / "both.png") == [("Anna", "tag"), ("Ben", "tag")]
    assert bring(index, tagged(index, folder / "both.png", "Anna", None)).gone == 0


def test_a_face_that_no_detector_found_becomes_a_face_of_its_own(index, folder):
    box = Box(0.2, 0.3, 0.8, 0.7)
    report = bring(
        index, Tagged(photo_of(index, folder / "nobody.png"), str(folder / "nobody.png"), (Tag("Eva", box),))
    )
    assert report.said.counts["box"] == 1
    assert who_is_on(folder / "nobody.png") == [("Eva", "tag")]
    done("undo")
    assert who_is_on(folder / "nobody.png") == []


def test_a_drawn_face_is_not_drawn_again_by_the_next_import_or_another_source(index, folder):
    found = Tagged(photo_of(index, folder / "nobody.png"), "nobody", (Tag("Eva", Box(0.2, 0.3, 0.8, 0.7)),))
    bring(index, found)
    bring(index, found)
    bring(index, Tagged(found.photo_id, "nobody", (Tag("Eva", Box(0.18, 0.31, 0.82, 0.7)),)), source="xmp")
    assert who_is_on(folder / "nobody.png") == [("Eva", "tag")]


def test_a_box_nobody_named_draws_nothing_and_names_nobody(index, folder):
    photo_id = photo_of(index, folder / "nobody.png")
    report = bring(index, Tagged(photo_id, "nobody", (Tag(None, Box(0.2, 0.3, 0.8, 0.7)),)))
    assert report.unnamed == 1
    assert who_is_on(folder / "nobody.png") == []
    assert index.execute("SELECT count(*) FROM person").fetchone()[0] == 0


def test_boxes_of_a_picture_taken_for_turned_are_turned_and_that_is_said(index, folder):
    photo_id, boxes = faces_on(index, folder / "both.png")
    upside_down = tuple(
        Tag(name, Box(1 - box.right, 1 - box.bottom, 1 - box.left, 1 - box.top + 0.02))
        for name, box in zip(("Anna", "Ben"), boxes, strict=True)
    )
    moved = tuple(Tag(tag.name, Box(tag.box.left, tag.box.top, tag.box.right, tag.box.bottom)) for tag in upside_down)
    index.execute("UPDATE photo SET orientation = 3 WHERE photo_id = ?", (photo_id,))
    report = bring(index, Tagged(photo_id, "both", moved))
    assert who_is_on(folder / "both.png") in ([("Anna", "tag"), ("Ben", "tag")], [("Ben", "tag"), ("Anna", "tag")])
    assert report.said.counts["box"] == 0


def test_one_person_with_several_ids_keeps_a_cluster_for_each(index, folder):
    one, other = tagged(index, folder / "red" / "0.png", "Anna"), tagged(index, folder / "blue.png", "Anna")
    tags = [
        (each, tuple(Tag(t.name, t.box, group=group) for t in each.tags)) for each, group in ((one, "a"), (other, "b"))
    ]
    bring(index, *(Tagged(each.photo_id, each.path, tags) for each, tags in tags))
    (person,) = rows("person", "list")
    assert (person["person"], person["photos"] >= 2, person["clusters"]) == ("Anna", True, 2)


def test_faces_of_one_name_that_are_not_alike_keep_an_average_each(index, folder):
    bring(index, tagged(index, folder / "blue.png", "Anna"), tagged(index, folder / "green.png", "Anna"))
    assert rows("person", "list")[0]["clusters"] == 2


def test_what_a_program_only_guessed_names_nobody_and_is_kept_to_be_asked(index, folder):
    report = bring(index, tagged(index, folder / "blue.png", "Carl", word="guessed"))
    assert who_is_on(folder / "blue.png") == [("", None)]
    assert index.execute("SELECT count(*) FROM person").fetchone()[0] == 0
    assert [tuple(row) for row in index.execute("SELECT name, word, face_id IS NOT NULL FROM tag")] == [
        ("Carl", "guessed", 1)
    ]
    assert report.guessed == 1


def test_a_face_that_is_to_be_left_alone_there_is_left_alone_here(index, folder):
    bring(index, tagged(index, folder / "blue.png", "nobody", word="ignored"))
    assert who_is_on(folder / "blue.png")[0][1] == "ignored"


def test_a_name_without_a_box_on_a_photo_of_one_face_is_a_question_not_an_answer(index, folder):
    bring(index, Tagged(photo_of(index, folder / "blue.png"), "blue", (Tag("Carl", None),)))
    assert who_is_on(folder / "blue.png") == [("", None)]
    assert [tuple(row) for row in index.execute("SELECT word, face_id IS NOT NULL FROM tag")] == [("guessed", 1)]


def test_of_two_words_for_one_face_the_later_counts_and_both_are_told(index, folder):
    photo_id, (box,) = faces_on(index, folder / "blue.png")
    older = Tagged(photo_id, "blue", (Tag("Karl", larger(box)),), modified=1.0)
    newer = Tagged(photo_id, "blue", (Tag("Carl", larger(box, 0.01)),), modified=2.0)
    report = bring(index, older, newer)
    assert who_is_on(folder / "blue.png") == [("Carl", "tag")]
    assert len(report.doubled) == 1


def test_a_name_that_is_none_costs_only_itself(index, folder):
    report = bring(index, tagged(index, folder / "both.png", "\x07", "Ben"))
    assert [name for name, _ in who_is_on(folder / "both.png")] == ["", "Ben"]
    assert len(report.refused) == 1


def test_names_are_composed_and_trimmed_so_that_one_person_is_one(index, folder):
    bring(index, tagged(index, folder / "both.png", " Zoe\u0308 ", "Ben"))
    bring(index, tagged(index, folder / "both.png", "Zo\u00eb", "Ben"), source="xmp")
    assert who_is_on(folder / "both.png")[0] == ("Zo\u00eb", "tag")


def test_a_face_of_somebody_forgotten_is_not_named_again(index, folder):
    bring(index, tagged(index, folder / "blue.png", "Carl"))
    done("forget", "Carl", "--yes")
    photo_id, (box,) = faces_on(index, folder / "blue.png")
    report = bring(index, Tagged(photo_id, "blue", (Tag("Carl", box),)))
    assert len(report.refused) == 1
    assert index.execute("SELECT count(*) FROM label").fetchone()[0] == 0
    assert index.execute("SELECT count(*) FROM person").fetchone()[0] == 0


def test_what_a_source_could_not_take_is_told(index, folder):
    report = bring(index, Missed("absent", "/gone.jpg"), Missed("refused", "/x.jpg", "its box is none"))
    assert report.missed == {"absent": ["/gone.jpg"], "refused": ["/x.jpg: its box is none"]}
    assert [entry.command for entry in journal.entries(index)] == ["root add"]


def test_two_sources_that_agree_give_one_face_one_name(index, folder):
    for source in ("picasa", "xmp", "digikam"):
        bring(index, tagged(index, folder / "both.png", "Anna", "Ben"), source=source)
    assert who_is_on(folder / "both.png") == [("Anna", "tag"), ("Ben", "tag")]
    assert index.execute("SELECT count(*) FROM tag").fetchone()[0] == 6


def test_sources_that_disagree_are_told_and_the_first_word_stays(index, folder):
    bring(index, tagged(index, folder / "blue.png", "Carl"))
    report = bring(index, tagged(index, folder / "blue.png", "Dora"), source="xmp")
    assert who_is_on(folder / "blue.png") == [("Carl", "tag")]
    assert len(report.said.contradictions) == 1


def test_an_import_of_names_only_can_be_taken_back_too(index, folder):
    bring(index, Tagged(photo_of(index, folder / "nobody.png"), "nobody", (Tag("Eva", None),)))
    assert [entry.command for entry in journal.entries(index)] == ["import picasa", "root add"]
    done("undo")
    assert tagging.known(index, photo_of(index, folder / "nobody.png"), "picasa") == {}


def test_a_photo_that_this_backend_has_not_seen_is_told(index, folder, tmp_path):
    index.execute("DELETE FROM examination WHERE photo_id = ?", (photo_of(index, folder / "blue.png"),))
    report = bring(index, tagged(index, folder / "blue.png", "Carl"))
    assert len(report.missed["unindexed"]) == 1


def test_two_boxes_of_one_name_for_one_face_are_one_tag(index, folder):
    photo_id, (box,) = faces_on(index, folder / "blue.png")
    embedded = Tagged(photo_id, "blue", (Tag("Carl", box),), modified=1.0)
    wide = Box(max(0, box.left - 0.2), max(0, box.top - 0.2), min(1, box.right + 0.2), min(1, box.bottom + 0.2))
    report = bring(index, embedded, Tagged(photo_id, "blue", (Tag("Carl", wide),), modified=2.0))
    assert report.said.counts["box"] == 0
    assert who_is_on(folder / "blue.png") == [("Carl", "tag")]


def test_a_box_that_holds_the_face_of_that_name_off_its_middle_draws_no_second_one(index, folder):
    photo_id, (box,) = faces_on(index, folder / "blue.png")
    bring(index, Tagged(photo_id, "blue", (Tag("Carl", box),)))
    beside = Box(box.left - 0.02, max(0, box.top - 0.02), 1.0, 1.0)
    report = bring(index, Tagged(photo_id, "blue", (Tag("Carl", beside),)), source="xmp")
    assert report.said.counts["box"] == 0


def test_an_import_that_says_only_what_is_known_is_no_entry_that_undo_would_take_back(index, folder):
    found = tagged(index, folder / "both.png", "Anna", "Ben")
    bring(index, found)
    bring(index, found, source="xmp")
    assert [entry.command for entry in journal.entries(index)] == ["import picasa", "root add"]
    assert len(tagging.known(index, found.photo_id, "xmp")) == 2
    done("undo")
    assert who_is_on(folder / "both.png") == [("", None), ("", None)]


def test_a_rejected_face_stays_rejected_when_its_person_is_renamed_there(index, folder):
    bring(index, tagged(index, folder / "blue.png", "Karl"))
    done("face", "reject", str(rows("photo", "show", folder / "blue.png")[0]["face"]))
    report = bring(index, tagged(index, folder / "blue.png", "Carl"))
    assert who_is_on(folder / "blue.png") == [("", None)]
    assert report.older == 1


def test_of_somebody_forgotten_neither_name_nor_tag_comes_back(index, folder, tmp_path):
    found = tagged(index, folder / "blue.png", "Carlotta")
    bring(index, found)
    done("undo")
    bring(index, found)
    done("forget", "Carlotta", "--yes")
    photo_id, (box,) = faces_on(index, folder / "blue.png")
    bring(index, Tagged(photo_id, "blue", (Tag("Carlotta", box),)))
    with closing(sqlite3.connect(tmp_path / "faces.db")) as db:
        assert "Carlotta" not in "".join(db.iterdump())


def test_an_offline_root_is_no_success_and_its_tags_are_not_called_deleted(folder, tmp_path):
    (folder / ".picasa.ini").write_text("[blue.png]\nfaces=rect64(1000100020002000),1234567890abcdef\n")
    folder.rename(tmp_path / "away")
    for command in ("picasa", "xmp"):
        told = call("import", command)
        assert told.code == 5
        assert f"offline: {folder}" in told.err
        assert "deleted" not in told.err
    assert "there is no folder" in refused("import", "picasa", folder / "nowhere")


def test_a_night_after_an_export_has_no_news(folder):
    done("cluster", "label", str(rows("photo", "show", folder / "blue.png")[0]["cluster"]), "Carl")
    done("export", "xmp")
    done("export", "picasa")
    scanned = call("scan")
    assert (scanned.code, scanned.out, scanned.err) == (0, "", "")
    assert "up to date" in done("export", "xmp")


def test_names_that_differ_in_capitals_only_are_told(index, folder):
    report = bring(index, tagged(index, folder / "both.png", "Anna", "anna"))
    assert report.alike == ["Anna, anna"]


def test_a_face_that_a_human_wants_back_is_not_ignored_again_by_the_next_import(index, folder):
    found = tagged(index, folder / "blue.png", "nobody", word="ignored")
    bring(index, found)
    done("face", "unignore", str(rows("photo", "show", folder / "blue.png")[0]["face"]))
    bring(index, found)
    assert who_is_on(folder / "blue.png") == [("", None)]
