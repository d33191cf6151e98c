"""`faceindex face`, `cluster split …` and `person merge …`, seen through the command line only."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from cli_fakes import BLUE, GREEN, RED, call, done, dump, indexed, paint, refused, rows, who_is_on


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return indexed(tmp_path, monkeypatch)


def reds() -> list[str]:
    """Faces of cluster 1, by number."""
    return sorted((str(row["face"]) for row in rows("cluster", "show", "1")), key=int)


def test_a_rejected_face_leaves_and_never_comes_back(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    face = reds()[0]
    assert done("face", "reject", face) == f"face {face}: rejected; the next scan places it anew\n"
    assert face not in reds()
    paint(library / "new.png", RED, side=70)
    assert call("scan").code == 0
    assert face not in reds()
    assert len(reds()) == 4  # the new one is Anna all the same


def test_faces_are_moved_by_number_and_take_the_name(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    one, two, *_ = reds()
    assert done("face", "move", one, two, "new").endswith(": no name, 2 faces\n")
    assert len(reds()) == 2
    assert done("face", "move", one, "1") == "cluster 1: Anna, 3 faces\n"
    assert "there is no cluster 99" in refused("face", "move", one, "99")
    assert "there is no face 99" in refused("face", "move", "99", "1")
    assert "give its number, or new" in refused("face", "move", one, "Anna")


@pytest.mark.parametrize("form", ["lines", "json lines", "json list", "objects in lines"])
def test_numbers_of_faces_are_read_from_stdin(library: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    numbers = [int(face) for face in reds()]
    text = {
        "lines": "\n".join(map(str, numbers)) + "\n\n",
        "json lines": "\n".join(json.dumps({"face_id": n, "path": "x"}) for n in numbers),
        "json list": call("cluster", "show", "1", "--json").out,
        "objects in lines": "\n".join(json.dumps({"face": n}) for n in numbers),
    }[form]
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert done("face", "ignore", "-") == "4 faces ignored\n"
    spoken = numbers if form != "json list" else [row["face"] for row in json.loads(text)]
    assert rows("journal")[0]["summary"] == f"faces {', '.join(map(str, spoken))} ignored"


@pytest.mark.parametrize("form", ["blanks", "commas", "both", "pretty objects", "arguments"])
def test_several_numbers_stand_on_one_line(library: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    numbers = reds()
    text = {
        "blanks": " ".join(numbers),
        "commas": ",".join(numbers),
        "both": ", ".join(numbers[:2]) + " ,\n" + "\t".join(numbers[2:]) + "\r\n",
        "pretty objects": "\n".join(json.dumps({"face": int(n)}, indent=2) for n in numbers),
        "arguments": "",
    }[form]
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    given = ("-",) if text else (",".join(numbers[:2]), " ".join(numbers[2:]))
    assert done("face", "ignore", *given) == "4 faces ignored\n"


@pytest.mark.parametrize(
    "text", ["", " ,\n", "anna", '{"photo": 3}', "[1, true]", "1.5", "1;2", "1-2", "007", "1 2 x", "[[1]]", "[" * 9999]
)
def test_what_is_no_number_of_a_face_is_refused(library: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    refused("face", "ignore", "-")


def test_numbers_of_clusters_are_read_from_stdin(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(library / "cyan.png", (20, 250, 250))
    call("scan")
    done("cluster", "label", "1", "Anna")
    unnamed = call("cluster", "list", "--unnamed", "--json").out
    numbers = [row["cluster"] for row in json.loads(unnamed)]
    assert len(numbers) == 3
    monkeypatch.setattr(sys, "stdin", io.StringIO(unnamed))
    assert done("cluster", "ignore", "-") == "3 clusters ignored\n"
    assert rows("journal")[0]["summary"] == f"clusters {', '.join(map(str, numbers))} ignored"
    monkeypatch.setattr(sys, "stdin", io.StringIO(" ".join(map(str, numbers))))
    assert done("cluster", "unignore", "-") == "3 clusters no longer ignored\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(",".join(map(str, numbers[1:]))))
    assert done("cluster", "merge", str(numbers[0]), "-").startswith(f"cluster {numbers[0]}: no name, ")
    told = f"clusters {', '.join(map(str, numbers[1:]))} merged into {numbers[0]}"
    assert rows("journal")[0]["summary"] == told
    monkeypatch.setattr(sys, "stdin", io.StringIO('[{"face": 1}]'))
    assert 'objects with a key "cluster"' in refused("cluster", "ignore", "-")
    assert "'anna' is no number of a cluster" in refused("cluster", "unignore", "anna")


def test_ignored_faces_are_out_of_the_way_until_they_are_not(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    face = reds()[0]
    assert done("face", "ignore", face) == "1 face ignored\n"
    assert done("face", "ignore", face) == f"face {face}: ignored already; nothing changed\n"
    assert call("scan").code == 0
    assert face not in reds()
    assert done("face", "unignore", face) == "1 face no longer ignored\n"
    assert call("scan").code == 0
    assert face in reds()


def test_a_single_face_is_named_and_the_next_scan_knows_the_person(library: Path) -> None:
    face = str(rows("photo", "show", library / "blue.png")[0]["face"])
    assert done("face", "label", face, " Ben ") == f"face {face}: Ben\n"
    assert who_is_on(library / "blue.png") == [("Ben", "human")]
    paint(library / "later.png", BLUE, side=70)
    call("scan")
    assert who_is_on(library / "later.png") == [("Ben", "match")]


def test_strangers_are_ignored_in_bulk(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    assert "cluster 1 is Anna" in refused("cluster", "ignore", "1")
    assert done("cluster", "ignore", "--photo", library / "both.png") == "1 cluster ignored\n"
    assert who_is_on(library / "both.png") == [("Anna", "human"), ("", "ignored")]
    assert done("cluster", "ignore", "--smaller", "2") == "1 cluster ignored\n"
    assert [row["person"] for row in rows("cluster", "list")] == ["Anna"]
    assert [row["photos"] for row in rows("cluster", "list", "--ignored")] == [2, 1]
    assert json.loads(call("status", "--json").out)["unnamed_clusters"] == 0
    paint(library / "later.png", GREEN, side=70)
    assert "worth" not in call("scan").out
    assert [row["photos"] for row in rows("cluster", "list", "--ignored")] == [3, 1]
    assert done("cluster", "unignore", "--all") == "2 clusters no longer ignored\n"
    assert len(rows("cluster", "list")) == 3
    assert "name clusters, or --photo, or --smaller" in refused("cluster", "ignore")


def test_different_people_are_not_named_alike_until_that_is_taken_back(library: Path) -> None:
    done("cluster", "different", "1", "2")
    done("cluster", "label", "1", "Anna")
    (entry,) = [row["journal_id"] for row in rows("journal") if row["command"] == "cluster different"]
    assert f"'faceindex undo {entry}' takes that back" in refused("cluster", "merge", "1", "2")
    assert f"'faceindex undo {entry}' takes that back" in refused("cluster", "label", "2", "Anna")
    assert done("undo", str(entry)) == "taken back: clusters 1 and 2 are different people\n"
    done("cluster", "merge", "1", "2")
    assert "different" not in call("journal", "--csv").out.splitlines()[1]


def test_a_cluster_is_split_by_list_or_by_likeness(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    green = str(rows("photo", "show", library / "green.png")[0]["cluster"])
    done("cluster", "merge", "1", green)
    told = done("cluster", "split", "1", "--into", "2").splitlines()
    assert [line.split(": ")[1] for line in told] == ["Anna, 4 faces", "no name, 2 faces"]
    told = done("cluster", "split", "1", *reds()[:2]).splitlines()
    assert [line.split(": ")[1] for line in told] == ["Anna, 2 faces", "no name, 2 faces"]
    assert "say either which faces leave" in refused("cluster", "split", "1")
    assert "one has to stay" in refused("cluster", "split", "1", *reds())


def test_people_are_merged_and_split_and_have_a_birthday(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    done("cluster", "label", "2", "Ana")
    assert done("person", "merge", "Anna", "Ana") == "Ana and Anna are one person, Anna; 1 cluster more\n"
    assert [(row["person"], row["clusters"]) for row in rows("person", "list")] == [("Anna", 2)]
    assert done("person", "split", "Anna", "2", "Annabel") == "cluster 2 is Annabel\n"
    assert {row["person"] for row in rows("person", "list")} == {"Anna", "Annabel"}
    assert "these are all clusters of Anna" in refused("person", "split", "Anna", "1", "Bea")
    assert done("person", "born", "Anna", "2014-05-30") == "Anna was born 2014-05-30\n"
    assert {row["person"]: row["born"] for row in rows("person", "list")}["Anna"] == "2014-05-30"
    assert "write it like 2014" in refused("person", "born", "Anna", "30.5.2014")
    assert "write it like 2014" in refused("person", "born", "Anna", "2014-13")
    assert "still to come" in refused("person", "born", "Anna", "9999-05")
    assert done("person", "born", "Anna", "2014-05") == "Anna was born 2014-05\n"
    entries = len(rows("journal"))
    assert done("person", "born", "Anna", "2014-05").endswith("known already; nothing changed\n")
    assert done("person", "rename", "Anna", "Anna").endswith("nothing changed\n")
    assert len(rows("journal")) == entries
    assert done("person", "born", "Anna", "unknown") == "it is not known when Anna was born\n"


def test_any_entry_is_taken_back_and_brought_back(library: Path, tmp_path: Path) -> None:
    index = tmp_path / "faces.db"
    green = rows("photo", "show", library / "green.png")[0]["cluster"]
    done("cluster", "merge", "1", str(green))
    done("cluster", "label", "1", "Anna")
    merged = dump(index)
    assert done("undo", "2") == f"taken back: cluster {green} merged into 1\n"
    assert who_is_on(library / "both.png") == [("Anna", "human"), ("", None)]
    assert "by entry 4)" in call("journal").out
    assert "was taken back by entry 4" in refused("undo", "2")
    assert done("undo", "4") == f"brought back: cluster {green} merged into 1\n"
    assert dump(index) == merged
    assert "there is no entry 99" in refused("undo", "99")


def test_a_face_that_was_missed_is_added_with_its_encoding(library: Path, tmp_path: Path) -> None:
    index, path = tmp_path / "faces.db", library / "nobody.png"
    paint(library / "half.png", RED, side=100)
    call("scan")
    before = dump(index)
    added = done("face", "add", library / "half.png", "26,26,49,49", "Anna")
    assert added.endswith(": Anna\n")
    assert ("Anna", "human") in who_is_on(library / "half.png")
    assert done("undo").startswith("taken back: a face of Anna added to ")
    assert dump(index) == before
    done("undo", str(rows("journal")[0]["journal_id"]))
    assert ("Anna", "human") in who_is_on(library / "half.png")
    told = done("face", "add", library / "half.png", "51,51,149,149px", "Ben")
    assert told.endswith(": Ben; it was there already\n")
    assert len(who_is_on(library / "half.png")) == 2
    assert "write it like 40,20,55,45" in refused("face", "add", path, "40,20,55", "Anna")
    assert "within the picture" in refused("face", "add", path, "40,20,30,45", "Anna")
    assert "smaller than" in refused("face", "add", path, "40,20,41,21", "Anna")


@pytest.mark.parametrize(
    "command",
    [
        ("explain",), ("cluster", "show"), ("cluster", "unlabel"), ("cluster", "merge", "1"), ("face", "ignore"),
        ("cluster", "list", "--limit"), ("cluster", "ignore"), ("journal", "--limit"), ("undo",),
    ],
)  # fmt: skip
def test_a_number_that_no_index_can_hold_is_a_sentence(library: Path, command: tuple[str, ...]) -> None:
    refused(*command, "9" * 20)


def test_a_command_that_changes_nothing_says_so_and_makes_no_entry(library: Path) -> None:
    face, other = (str(rows("photo", "show", library / name)[0]["face"]) for name in ("blue.png", "green.png"))
    mine = str(rows("photo", "show", library / "green.png")[0]["cluster"])
    again = [
        (("cluster", "different", "1", mine), f"clusters 1 and {mine} are known to be different people already"),
        (("cluster", "different", mine, "1"), f"clusters {mine} and 1 are known to be different people already"),
        (("cluster", "label", "1", "Anna"), "cluster 1 is Anna already (4 faces)"),
        (("cluster", "ignore", mine), f"cluster {mine}: ignored already"),
        (("cluster", "ignore", "--photo", library / "both.png"), "there is no such cluster without a name"),
        (("cluster", "unignore", mine), f"cluster {mine}: not ignored"),
        (("cluster", "unignore", "--all"), "no cluster is ignored"),
        (("face", "label", face, "Ben"), f"face {face}: named Ben already"),
        (("face", "move", other, "1"), f"face {other}: in cluster 1 already"),
        (("face", "ignore", face), f"face {face}: ignored already"),
        (("face", "unignore", face), f"face {face}: not ignored"),
    ]
    named_with_its_cluster = ("face", "move", reds()[0], "1"), f"face {reds()[0]}: in cluster 1 already"
    for command, told in [*again[:3], named_with_its_cluster, *again[3:]]:
        first = call(*command)
        assert first.code == 0, first.err
        entries = len(rows("journal", "--limit", "99"))
        assert done(*command) == f"{told}; nothing changed\n"
        assert len(rows("journal", "--limit", "99")) == entries, command


def test_the_same_face_added_twice_is_one_entry(library: Path) -> None:
    paint(library / "half.png", RED, side=100)
    call("scan")
    command = ("face", "add", library / "half.png", "26,26,49,49", "Zoe")
    number = done(*command).split(":")[0].split()[1]
    assert done(*command) == f"face {number}: there already, and named Zoe; nothing changed\n"
    assert [row["command"] for row in rows("journal")][:2] == ["face add", "root add"]


def test_a_name_of_the_cluster_said_of_the_very_face_is_a_word_of_its_own(library: Path) -> None:
    done("cluster", "label", "1", "Anna")
    face = reds()[0]
    assert done("face", "label", face, "Anna") == f"face {face}: Anna\n"
    done("face", "move", face, "new")
    assert {row["person"] for row in rows("photo", "show", library / "red" / "0.png")} == {"Anna"}


def test_the_journal_tells_the_number_of_a_new_cluster(library: Path) -> None:
    one, two, *_ = reds()
    cluster = done("face", "move", one, two, "new").split(":")[0].removeprefix("cluster ")
    assert rows("journal")[0]["summary"] == f"faces {one}, {two} moved to the new cluster {cluster}"
    assert call("cluster", "show", cluster).code == 0


def test_a_cluster_of_one_face_cannot_be_split_and_says_so(library: Path) -> None:
    blue = str(rows("photo", "show", library / "blue.png")[0]["cluster"])
    assert f"cluster {blue} has one face, so it cannot be split" in refused("cluster", "split", blue, "--into", "2")


@pytest.mark.parametrize(
    ("name", "typed"),
    [("Bea", "Bea"), ("Bea Lee", '"Bea Lee"'), ("O'Neill", '"O\'Neill"'), ("a $b", "'a $b'"), ('"B"', "'\"B\"'")],
)
def test_a_name_that_is_taken_is_told_with_a_command_that_can_be_typed(library: Path, name: str, typed: str) -> None:
    done("cluster", "label", "1", "Anna")
    done("cluster", "label", "2", name)
    told = refused("person", "rename", "Anna", name)
    assert f"somebody is called {name} already; to make them one person, use " in told
    assert f"'faceindex person merge {typed} Anna'" in told


def test_a_program_started_without_stdin_says_so(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    refused("face", "ignore", "-")
    monkeypatch.setattr(sys, "stdin", None)
    assert call("review").code == 0
