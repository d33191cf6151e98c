"""`faceindex eval`: what it says, on stdout and for programs, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_fakes import Called, call, isolate
from crowd import crowd
from PIL import Image

from faceindex.cli import folder
from faceindex.errors import UnreadablePicture
from faceindex.models import Box, Face
from faceindex.store import journal, people

PEOPLE = 60
needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 people with three photos each, all of them named; two of them ignored strangers."""
    path = isolate(tmp_path, monkeypatch)
    with crowd(tmp_path, PEOPLE) as many:
        faces = many.everybody(3)
        many.recognise()
        clusters = many.clusters(faces)[::3]
        with journal.entry(many.db, "cluster label", "named") as entry:
            for number, cluster in enumerate(clusters[2:]):
                people.label(many.db, entry, cluster, f"person {number}")
        with journal.entry(many.db, "cluster ignore", "ignored"):
            many.db.execute("UPDATE cluster SET ignored = 1 WHERE person_id IS NULL")
    return path


def asked(*more: str | Path) -> dict[str, object]:
    done = call("eval", "--json", *more)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def refused(done: Called) -> str:
    assert (done.out, done.err.count("\n")) == ("", 1)
    assert done.code in (1, 2)
    return done.err


def test_the_table_says_recall_precision_and_wrong_names_and_who_is_confused(index: Path) -> None:
    done = call("eval", "--limit", "5")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "People     58 with 174 labelled faces"
    assert lines[1] == "Tested     174 as known, 180 as strangers"  # six faces of ignored clusters among them
    assert "cohort of" in lines[2]
    assert lines[3].startswith("In force   threshold 0.")
    assert "3,838 strangers show" in lines[5]
    headings = ("recall", "precision", "strangers named", "misnamed", "taken for", "all in force", "without cohort")
    for heading in headings:
        assert heading in done.out, heading
    assert "… and 53 more; --limit shows them" in done.out
    assert max(map(len, lines)) <= 120


def test_programs_get_everything_with_intervals(index: Path) -> None:
    found = asked("--limit", "1")
    assert (found["people"], found["faces"], found["known"], found["strangers"]) == (58, 174, 174, 180)
    force = found["in_force"]
    assert force["recall"]["value"] > 0.9
    assert force["recall"]["low"] < force["recall"]["value"] <= force["recall"]["high"] <= 1
    assert (force["strangers_named"]["part"], force["strangers_named"]["whole"]) == (0, 180)
    assert len(found["persons"]) == 58
    assert {"person", "recall", "misnamed", "others_named_so"} == set(found["persons"][0])
    assert {"person", "taken_for", "misnamed", "if_unknown", "nearest"} == set(found["pairs"][0])
    assert [c["what"] for c in found["contributions"]] == ["all in force", "without margin", "without cohort"]
    assert [at["threshold"] for at in found["at"]] == sorted(at["threshold"] for at in found["at"])
    assert found["recommended"] is None


def test_what_dates_contribute_is_told_where_a_birth_is_known(tmp_path: Path, index: Path) -> None:
    def without() -> list[str]:
        return [c["what"] for c in asked()["contributions"] if c["what"] == "without dates"]

    with crowd(tmp_path, 0) as many:
        many.db.execute("UPDATE person SET born = '2010' WHERE name = 'person 0'")
        assert without() == []  # none of the photos is dated
        many.db.execute("UPDATE photo SET taken_at = '2008-01-01T10:00:00'")
        assert without() == ["without dates"]
        found = asked()
        (barred,) = [person for person in found["persons"] if person["person"] == "person 0"]
        assert barred["recall"]["part"] == 0  # all are from before that birth
        assert found["in_force"]["recall"]["part"] >= 165
        many.db.execute("UPDATE photo SET taken_at = '2012-01-01T10:00:00'")
        assert without() == []
        many.db.execute("UPDATE photo SET taken_at = '2030-01-01T10:00:00' WHERE photo_id > 30")
        assert without() == ["without dates"]


def test_a_target_that_can_be_shown_gives_a_threshold(index: Path) -> None:
    found = asked("--target", "0.05")
    assert found["recommended"] > 0.3
    assert "the largest that names at most 5 % of strangers" in call("eval", "--target", "0.05").out


def test_a_threshold_and_a_margin_can_be_tried(index: Path) -> None:
    found = asked("--threshold", "1.9", "--margin", "0")
    assert found["in_force"]["threshold"] == 1.9
    assert found["margin"] == 0
    assert found["in_force"]["strangers_named"]["value"] == 1


def test_the_index_is_not_changed(index: Path) -> None:
    before = index.read_bytes()
    assert call("eval").code == 0
    assert index.read_bytes() == before


def test_ignored_faces_and_faces_that_move_no_average_are_heeded(tmp_path: Path, index: Path) -> None:
    with crowd(tmp_path, 0) as many:
        first, second = (row[0] for row in many.db.execute("SELECT face_id FROM label ORDER BY face_id LIMIT 2"))
        with journal.entry(many.db, "face ignore", "ignored") as entry:
            many.db.execute("INSERT INTO ignored (face_id, journal_id) VALUES (?, ?)", (first, entry))
        many.db.execute("UPDATE face SET counts = 0 WHERE face_id = ?", (second,))
    assert asked()["faces"] == 173


@pytest.mark.parametrize("labels", [0, 1])
def test_too_few_labels_are_a_sentence(labels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)
    with crowd(tmp_path, 4) as many:
        faces = many.everybody(3)
        many.recognise()
        with journal.entry(many.db, "cluster label", "named") as entry:
            for cluster in many.clusters(faces)[:labels]:
                people.label(many.db, entry, cluster, "Anna")
    assert "name more faces first" in refused(call("eval"))


def test_an_index_in_which_nothing_was_compared_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)
    with crowd(tmp_path, 4):
        pass
    assert "run 'faceindex scan'" in refused(call("eval"))


# a folder of people


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Person_Name/*.jpg, twelve people with three photos each; faces as a network would encode them."""
    isolate(tmp_path, monkeypatch)
    rng = np.random.default_rng(0)
    centres, album = rng.normal(0, 0.052, (12, 128)), tmp_path / "album"
    for person in range(12):
        (album / f"Person_{person:02}").mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8)).save(album / f"Person_{person:02}" / f"{number}.jpg")

    def found(path: Path) -> list[Face]:
        person = int(path.parent.name[-2:])
        encoding = (centres[person] + rng.normal(0, 0.021, 128)).astype(np.float32)
        aside = Face(Box(0, 0, 0.1, 0.1), 1.0, "hog", -encoding)
        return [aside, Face(Box(0.3, 0.3, 0.7, 0.7), 1.0, "hog", encoding)]

    monkeypatch.setattr("faceindex.cli.folder.find_faces", found)
    return album


def test_a_folder_of_people_is_tested_without_an_index(album: Path, tmp_path: Path) -> None:
    done = call("eval", album, "--json")
    assert done.err == "36 photos, a face found on 36\n"
    found = json.loads(done.out)
    assert (done.code, found["people"], found["known"], found["strangers"]) == (0, 12, 36, 36)
    assert found["cohort"] == 0  # too few people for one
    assert found["in_force"]["recall"]["value"] > 0.9
    assert {person["person"] for person in found["persons"]} == {f"Person_{n:02}" for n in range(12)}
    assert not (tmp_path / "faces.db").exists()


def test_a_folder_without_people_is_a_sentence(tmp_path: Path, album: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no Person_Name/*.jpg" in refused(call("eval", tmp_path / "empty"))
    assert "holds no Person_Name/*.jpg" in refused(call("eval", tmp_path / "not there"))


def test_photos_that_cannot_be_read_are_left_out_and_named(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = folder.find_faces

    def found(path: Path) -> list[Face]:
        if path.name == "0.jpg" and path.parent.name == "Person_03":
            raise UnreadablePicture(f"{path}: is cut short")
        return healthy(path)

    monkeypatch.setattr(folder, "find_faces", found)
    done = call("eval", album, "--json")
    assert "left out: " in done.err
    assert json.loads(done.out)["faces"] == 35


# the plot


@needs_matplotlib
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_plot_is_drawn(suffix: str, index: Path, tmp_path: Path) -> None:
    target = tmp_path / f"plot{suffix}"
    done = call("eval", "--plot", target)
    assert (done.code, done.err) == (0, f"{target}: recall and wrong names at each threshold\n")
    assert target.stat().st_size > 5000


def test_without_matplotlib_a_sentence_says_how_to_get_it(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'faceindex[plot]'" in refused(call("eval", "--plot", tmp_path / "plot.png"))


def test_nothing_is_drawn_over_a_file_into_the_library_or_in_another_format(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceindex.cli.plot.MISSING", "")
    monkeypatch.setitem(sys.modules, "matplotlib", type(sys)("matplotlib"))
    library = tmp_path / "library"
    library.mkdir()
    assert call("root", "add", library).code == 0
    (tmp_path / "there.png").write_bytes(b"mine")
    assert "exists; name another file" in refused(call("eval", "--plot", tmp_path / "there.png"))
    assert "lies in the library" in refused(call("eval", "--plot", library / "plot.png"))
    assert ".png or .svg" in refused(call("eval", "--plot", tmp_path / "plot.jpg"))
    assert (tmp_path / "there.png").read_bytes() == b"mine"
