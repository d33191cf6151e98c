"""Every option by command line, variable and settings file, in this order of strength."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_fakes import call, indexed, isolate

LIBRARY_ROWS = 3  # clusters of the painted library


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of a scanned library, empty as yet."""
    indexed(tmp_path, monkeypatch)
    file = tmp_path / "config.toml"
    file.touch()
    monkeypatch.setenv("FACEINDEX_CONFIG", str(file))
    return file


def rows(*arguments: str) -> int:
    return len(json.loads(call("cluster", "list", *arguments, "--json").out))


def test_the_command_line_wins_over_a_variable_which_wins_over_the_file(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rows() == LIBRARY_ROWS
    settings.write_text("[cluster.list]\nlimit = 1\n")
    assert rows() == 1
    monkeypatch.setenv("FACEINDEX_CLUSTER_LIST_LIMIT", "2")
    assert rows() == 2
    assert rows("--limit", "3") == 3


def test_a_switch_in_the_file_is_taken_back_by_variable_or_command_line(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text("[cluster.list]\njson = true\n[status]\njson = true\n")
    assert json.loads(call("cluster", "list").out)
    assert call("cluster", "list", "--no-json").out.startswith("  cluster")
    assert call("cluster", "list", "--csv").out.startswith("cluster,")
    assert json.loads(call("status").out)
    monkeypatch.setenv("FACEINDEX_STATUS_JSON", "0")
    assert call("status").out.startswith("Index")
    monkeypatch.setenv("FACEINDEX_CLUSTER_LIST_CSV", "1")
    assert call("cluster", "list").out.startswith("cluster,")


def test_global_options_come_from_the_file_too(settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEINDEX_DB")
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "faces.db").rename(tmp_path / "home" / "other.db")
    settings.write_text('db = "~/other.db"\nquiet = true\n')
    assert call("status").out.splitlines()[0].startswith(f"Index    {tmp_path}/home/other.db")
    assert call("duplicates").err == ""
    assert call("--no-quiet", "duplicates").err != ""


def test_names_may_be_written_with_hyphen_or_underscore(settings: Path) -> None:
    settings.write_text('[scan]\nmax-time = "1h"\nphotos_only = true\n')
    assert call("scan").code == 0


def test_a_time_of_day_may_be_written_as_toml_knows_it(settings: Path) -> None:
    settings.write_text("[scan]\nuntil = 06:30:00\n")
    assert call("scan").code == 0


def test_how_small_a_face_may_be_is_a_word_or_a_number(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write_text('[scan]\npreset = "fast"\nfaces = 48\nturns = false\n')
    assert call("scan").code == 0
    settings.write_text('[scan]\nfaces = "large"\n')
    assert call("scan").code == 0
    monkeypatch.setenv("FACEINDEX_SCAN_FACES", "36")
    assert call("scan").code == 0


def test_a_list_is_written_as_a_list(settings: Path, tmp_path: Path) -> None:
    settings.write_text('[scan]\nexclude = ["*.mp4", "copy of *"]\n')
    assert call("scan").code == 0
    assert json.loads(call("status", "--json").out)["files"] == 8


@pytest.mark.parametrize(
    ("text", "command", "told"),
    [
        ('xyzzy = "red"', "status", "'xyzzy' is no setting; there are: db, quiet, verbose, scan, status"),
        ("[scna]", "status", "'scna' is no setting; did you mean 'scan'?"),
        ('[scan]\nmax-tme = "6h"', "scan", "'max-tme' is no setting of 'scan'; did you mean 'max-time'?"),
        ("[cluster]\nlimit = 5", "cluster list", "'limit' is no setting of 'cluster'; did you mean 'list'?"),
        ("[cluster.list]\nlimits = 5", "cluster list", "'limits' is no setting of 'list'; did you mean 'limit'?"),
        ("[cluster.list]\nzebra = 5", "cluster list", "'zebra' is no setting of 'list'; there are: unnamed, named"),
        ('config = "x"', "status", "'config' is no setting"),
        ("[scan]\nhelp = true", "scan", "'help' is no setting"),
        ("scan = 5", "status", "'scan' must be a table"),
        ("quiet = 1", "status", "'quiet' must be true or false"),
        ("db = 5", "status", "'db' must be a string"),
        ("[cluster.list]\nlimit = 3.7", "cluster list", "'limit' must be a whole number"),
        ("[cluster.list]\nlimit = true", "cluster list", "'limit' must be a whole number"),
        ('[cluster.list]\nlimit = "5"', "cluster list", "'limit' must be a whole number"),
        ("[scan]\nmax-time = 3600", "scan", "'max-time' must be a string"),
        ("[scan]\nfaces = true", "scan", "'faces' must be a string"),
        ("[scan]\nfaces = 35", "scan", "35 is no size of faces"),
        ('[scan]\npreset = "hog"', "scan", "'hog' is not one of"),
        ('[scan]\ndetector = "hog"', "scan", "'detector' is no setting of 'scan'; 'detector' is now 'preset'"),
        ("[scan]\nupsample = 1", "scan", "'upsample' is no setting of 'scan'; 'upsample' is now 'faces'"),
        ("[status]\ndetector = 1", "status", "'detector' is no setting of 'status'; there are: json"),
        ('[scan]\nexclude = "*.mp4"', "scan", "'exclude' must be a list of strings"),
        ('[scan]\nthreshold = "0.4"', "scan", "'threshold' must be a number"),
        ("[cluster.list]\nlimit = 0", "cluster list", "0 is not in the range"),
        ('[scan]\nuntil = "6 am"', "scan", "'6 am' is no time of day"),
        ("limit = = 5", "status", "is no valid TOML"),
    ],
)
def test_a_setting_that_means_nothing_is_an_error_which_says_where(
    settings: Path, text: str, command: str, told: str
) -> None:
    settings.write_text(text)
    wrong = call(*command.split())
    assert (wrong.code, wrong.out) == (2, "")
    assert told in wrong.err
    assert str(settings) in wrong.err
    assert wrong.err.count("\n") == 1


def test_a_bad_variable_is_named(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEINDEX_CLUSTER_LIST_LIMIT", "many")
    wrong = call("cluster", "list")
    assert wrong.code == 2
    assert "(from FACEINDEX_CLUSTER_LIST_LIMIT)" in wrong.err


@pytest.mark.parametrize(
    ("variable", "command", "told"),
    [
        ("FACEINDEX_SCAN_DETECTOR", "scan",
         "FACEINDEX_SCAN_DETECTOR is now FACEINDEX_SCAN_PRESET (fast, hog-then-cnn, both or cnn)"),
        ("FACEINDEX_SCAN_UPSAMPLE", "scan", "FACEINDEX_SCAN_UPSAMPLE is now FACEINDEX_SCAN_FACES"),
        ("FACEINDEX_SCAN_PRESETT", "scan", "did you mean FACEINDEX_SCAN_PRESET?"),
        ("FACEINDEX_SCNA_PRESET", "status", "did you mean FACEINDEX_SCAN_PRESET?"),
        ("FACEINDEX_INDEX_FILE", "status", "the variable FACEINDEX_INDEX_FILE means nothing"),
        ("FACEINDEX_CLUSTER_LIMIT", "cluster list", "the variable FACEINDEX_CLUSTER_LIMIT means nothing"),
        ("FACEINDEX_CLUSTER_LIST_LIMITS", "cluster list", "did you mean FACEINDEX_CLUSTER_LIST_LIMIT?"),
    ],
)  # fmt: skip
def test_a_variable_that_means_nothing_is_an_error(
    settings: Path, monkeypatch: pytest.MonkeyPatch, variable: str, command: str, told: str
) -> None:
    monkeypatch.setenv(variable, "1")
    wrong = call(*command.split())
    assert (wrong.code, wrong.out, wrong.err.count("\n")) == (2, "", 1)
    assert told in wrong.err


def test_variables_that_mean_something_or_are_empty_or_not_ours_are_no_errors(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("FACEINDEX_CACHE", "FACEINDEX_QUIET", "FACEINDEX_SCAN_DEFAULT_EXCLUDES", "OTHER_FACEINDEX_X"):
        monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("FACEINDEX_SCAN_PRESETT", "")
    monkeypatch.setenv("FACEINDEX_CLUSTER_LIST_ZEBRA", "1")  # told when that command runs
    assert call("scan").code == 0
    monkeypatch.setenv("FACEINDEX_SCAN_DETECTOR", "hog")
    assert call("scan", "--help").code == 2
    assert call("status").code == 0


@pytest.mark.parametrize("name", ["threshold", "margin", "min-score"])
def test_what_is_no_number_is_refused_from_file_and_variable_too(
    settings: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings.write_text(f"[scan]\n{name} = nan\n")
    wrong = call("scan")
    assert (wrong.code, "nan is no number" in wrong.err, str(settings) in wrong.err) == (2, True, True)
    settings.write_text("")
    monkeypatch.setenv(f"FACEINDEX_SCAN_{name.upper().replace('-', '_')}", "nan")
    assert call("scan").code == 2


def test_a_settings_file_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)
    wrong = call("--config", tmp_path / "none.toml", "status")
    assert wrong.code == 2
    assert wrong.err == f"faceindex: cannot read the settings file {tmp_path}/none.toml: No such file or directory\n"


def test_a_settings_file_of_other_bytes_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)
    (tmp_path / "s.toml").write_bytes(b"db = '\xff'")
    assert call("--config", tmp_path / "s.toml", "status").code == 2


def test_the_default_settings_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(tmp_path, monkeypatch)
    folder = tmp_path / "conf" / "faceindex"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[cluster.list]\nlimit = 1\n")
    monkeypatch.setattr("faceindex.cli.settings.user_config_path", lambda name, appauthor: tmp_path / "conf" / name)
    assert rows() == 1
