"""The night through the command line: exit codes, the report, signals, and people who are recognised."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli_fakes import BLUE, RED, call, fake_scans, indexed, isolate, paint
from PIL import Image, ImageEnhance, ImageOps

from faceindex.models import DetectionSettings, Examination, Task
from faceindex.pipeline import examine
from faceindex.presets import PRESETS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return indexed(tmp_path, monkeypatch)


def report(*arguments: str | Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call("scan", *arguments, "--report", "json").out)
    return told


def test_a_night_without_news_says_nothing_and_is_code_0(library: Path) -> None:
    quiet = call("scan")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert report()["outcome"] == "done"  # but a program always gets its answer


def test_quiet_says_nothing_at_all(library: Path) -> None:
    paint(library / "new.png", BLUE, side=70)
    quiet = call("-q", "scan")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_verbose_says_on_stderr_what_is_read(library: Path) -> None:
    paint(library / "new.png", BLUE, side=70)
    loud = call("-v", "scan")
    assert "1 photo to read" in loud.err
    assert f"scanned {library}" in loud.err


def test_problems_are_code_5_and_in_the_report(library: Path) -> None:
    (library / "also damaged.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    found = call("scan")
    assert found.code == 5
    assert "Problems 1 new" in found.out
    assert "also damaged.jpg: " in found.out


def test_the_deadline_is_code_4_and_says_what_is_left(library: Path) -> None:
    paint(library / "new.png", BLUE, side=70)
    stopped = call("scan", "--max-time", "0s")
    assert stopped.code == 4
    assert "stopped at the deadline" in stopped.out
    assert call("scan").code == 0


def test_of_two_limits_the_earlier_counts(library: Path) -> None:
    assert call("scan", "--until", "06:30", "--max-time", "0s", "--verify").code == 4


def test_a_report_names_who_was_recognised_and_what_is_worth_a_name(library: Path) -> None:
    call("cluster", "label", "1", "Anna")
    for number in range(3):
        paint(library / "new" / f"{number}.png", RED, (20, 250, 250), side=80 + number)
    lines = call("scan").out.splitlines()
    assert "Files    3 new (of 13)" in lines
    assert "Photos   3 examined, 6 faces found" in lines
    assert "Known    Anna on 3 photos" in lines
    assert any(line.endswith("on 3 photos, 3 new faces") for line in lines)


def test_the_keys_of_a_json_report_are_stable(library: Path) -> None:
    call("cluster", "label", "1", "Anna")
    paint(library / "new.png", RED, side=90)
    (library / "bad.png").write_bytes(b"bad")
    told = report()
    assert set(told) == {"outcome", "offline", "left_photos", "left_bytes", "left_faces", "seconds", "seconds_left",
                         "run", "examined_otherwise", "settings_changed", "recognised", "worth_a_name", "problems",
                         "notes", "profile"}  # fmt: skip
    assert told["recognised"] == [{"person": "Anna", "photos": 1}]
    assert [set(problem) for problem in told["problems"]] == [{"path", "kind", "message"}]
    assert set(told["run"]) >= {"run_id", "started_at", "files_seen", "files_new", "files_changed", "files_moved",
                                "files_copied", "files_returned", "files_vanished", "files_read", "bytes_read",
                                "photos_new", "faces_found", "faces_named", "clusters_new", "problems",
                                "offline"}  # fmt: skip
    assert (told["run"]["photos_new"], told["run"]["faces_named"]) == (1, 1)
    assert set(told["profile"]) == {"photos", "workers", "seconds", "photos_per_second", "work", "stages"}
    for row in told["profile"]["stages"]:
        assert set(row) == {"stage", "seconds", "ms_per_photo", "share"}


def test_a_profile_is_shown_when_asked_for_even_without_news(library: Path) -> None:
    assert call("scan", "--profile").out == "Profile  nothing was read\n"
    paint(library / "new.png", RED, side=90)
    lines = call("scan", "--profile").out.splitlines()
    table = lines[lines.index("Profile  stage         seconds  ms a photo  % of the cores' time") + 1 :]
    assert [line.split()[0] for line in table[:-1]] == ["read", "hash", "decode", "thumbnails", "other", "idle"]
    assert "1 photo in 0 s" in table[-1]
    assert call("-q", "scan", "--profile", "--verify").out == ""


def test_what_a_worker_remarks_is_reported_once_however_many_photos_say_it(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = examine.examine

    def remarking(task: Task) -> Examination:
        return replace(looked(task), notes=("cuda failed (no\nmemory); the CPU goes on",))

    monkeypatch.setattr("faceindex.pipeline.reading.examine", remarking)
    lines = call("scan", "--verify").out.splitlines()
    assert [line for line in lines if line.startswith("Note")] == [
        r"Note     cuda failed (no\nmemory); the CPU goes on"
    ]
    paint(library / "new.png", RED, side=90)
    assert report()["notes"] == [r"cuda failed (no\nmemory); the CPU goes on"]


def _detection() -> dict[str, Any]:
    with contextlib.closing(sqlite3.connect(os.environ["FACEINDEX_DB"])) as db:
        (options,) = db.execute("SELECT options FROM run ORDER BY run_id DESC LIMIT 1").fetchone()
    found: dict[str, Any] = json.loads(options)["detection"]
    return found


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        ("", PRESETS["hog-then-cnn"]),
        ("--preset fast", PRESETS["fast"]),
        ("--preset both --size 1234 --min-score 0.5", replace(PRESETS["both"], size=1234, min_score=0.5)),
        ("--preset cnn --cnn-size 900 --cnn-pixels 500000", replace(PRESETS["cnn"], cnn_size=900, cnn_pixels=500_000)),
        ("--min-face 0 --no-turns --runtime dlib --device cpu",
         replace(PRESETS["hog-then-cnn"], min_face=0, turns=False, runtime="dlib", device="cpu")),
        ("--faces 40", replace(PRESETS["hog-then-cnn"], faces=40)),
    ],
)  # fmt: skip
def test_options_become_settings_and_win_over_the_preset(
    library: Path, asked: str, settings: DetectionSettings
) -> None:
    call("-q", "scan", *asked.split())
    assert _detection() == asdict(settings)


def test_photos_examined_with_other_settings_are_told_once_without_other_news_and_always_with_it(
    library: Path,
) -> None:
    changed = call("scan", "--preset", "both")
    assert "Settings 7 photos were examined with other settings" in changed.out
    assert changed.code == 0
    assert call("scan", "--preset", "both").out == ""  # no mail every night
    assert call("scan", "--preset", "both", "--runtime", "dlib").out == ""  # finds the same
    assert report("--preset", "both")["examined_otherwise"] == 7
    paint(library / "new.png", RED, side=90)
    assert "Settings 7 photos" in call("scan", "--preset", "both").out
    assert "Settings 1 photo was" in call("scan").out


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("--threshold nan", "'nan' is no number"),
        ("--margin nan", "'nan' is no number"),
        ("--min-score nan", "'nan' is no number"),
        ("--min-score inf", "inf is not in the range"),
        ("--min-score 99", "99.0 is not in the range"),
        ("--photo-time 999999999999999h", "'999999999999999h' is no duration"),
        ("--photo-time 99999h", "'99999h' is out of range"),
        ("--photo-time 0s", "'0s' is out of range; write 1s or more"),
        ("--max-time 99999h", "'99999h' is out of range"),
        ("--faces 99999", "'99999' is no size of faces"),
        ("--size 100000", "100000 is not in the range"),
        ("--cnn-size 100000", "100000 is not in the range"),
        ("--engine processes:4000", "'processes:4000' are more workers than help here"),
        (f"--engine processes:{'9' * 5000}", "more workers than help here"),
        ("--runtime dlib --device cuda", "the runtime dlib knows no device 'cuda'; leave out"),
        ("--detector hog", "--detector is now --preset: fast, hog-then-cnn, both or cnn"),
        ("--upsample 1", "--upsample is now --faces: small, normal, large, or pixels"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused(library: Path, asked: str, told: str) -> None:
    wrong = call("scan", *asked.split())
    assert (wrong.code, wrong.out) == (2, "")
    assert told in wrong.err
    assert wrong.err.count("\n") == 1


def test_a_device_without_a_name_is_refused(library: Path) -> None:
    wrong = call("scan", "--device", "")
    assert (wrong.code, wrong.err.count("leave out --device")) == (2, 1)


def test_a_photo_that_could_not_be_handled_is_shown_with_its_trouble(library: Path) -> None:
    wrong = call("photo", "show", library / "damaged.jpg")
    assert wrong.code == 2
    assert "damaged.jpg could not be examined (The file is no picture of a known format" in wrong.err


def test_a_limit_that_kept_a_photo_out_is_named(library: Path) -> None:
    paint(library / "new.png", RED, side=90)
    assert "raise --max-bytes" in call("scan", "--max-bytes", "10").out
    paint(library / "another.png", RED, side=92)
    assert "raise --max-pixels" in call("scan", "--max-pixels", "10").out


def test_what_is_no_copy_of_an_index_is_not_restored(library: Path) -> None:
    wrong = call("restore", library / "video.mp4")
    assert wrong.code == 6
    assert "video.mp4 is no index; name a copy made by 'faceindex backup'" in wrong.err


def test_a_moved_a_copied_and_a_vanished_file_are_told_apart(library: Path) -> None:
    (library / "blue.png").rename(library / "azure.png")
    (library / "green.png").unlink()
    assert "Files    1 moved, 1 vanished (of 9)" in call("scan").out


def test_options_reach_the_scan(library: Path) -> None:
    call("-q", "scan", "--exclude", "*.mp4", "--exclude", "red", "--photos-only", "--low-priority")
    assert json.loads(call("status", "--json").out)["files"] == 6


def program(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "faceindex", *map(str, arguments)]


def test_progress_shows_on_a_terminal_only_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: NDArray[np.uint8]
) -> None:
    isolate(tmp_path, monkeypatch)
    (tmp_path / "library").mkdir()
    Image.fromarray(astronaut).save(tmp_path / "library" / "a.png")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with subprocess.Popen(
        program("scan", tmp_path / "library", "--engine", "serial"), stderr=theirs, stdout=subprocess.PIPE
    ) as scan:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        assert scan.stdout is not None
        assert scan.stdout.read().startswith(b"Run 1 of ")
    assert scan.returncode == 0
    assert b"Reading" in shown
    assert shown.rpartition(b"\r")[2] == b""
    assert shown.split(b"\r")[-2].strip() == b""  # blanked at last


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other side has closed
        return b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_cleanly_with_code_4(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: NDArray[np.uint8]
) -> None:
    isolate(tmp_path, monkeypatch)
    (tmp_path / "library").mkdir()
    for each in range(40):
        Image.fromarray(astronaut[each:]).save(tmp_path / "library" / f"{each}.png", compress_level=1)
    with subprocess.Popen(
        program("-v", "scan", tmp_path / "library", "--engine", "serial"),
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as scan:  # fmt: skip
        assert scan.stderr is not None
        assert "40 photos to read" in scan.stderr.readline()
        scan.send_signal(number)
        out, _ = scan.communicate(timeout=120)
    assert scan.returncode == 4
    assert "stopped when asked to" in out
    assert "the next scan goes on" in out
    last = json.loads(call("status", "--json").out)["last_run"]
    assert last["outcome"] == "stopped"


def test_a_real_face_is_named_once_and_known_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: NDArray[np.uint8]
) -> None:
    isolate(tmp_path, monkeypatch)
    monkeypatch.setenv("FACEINDEX_SCAN_ENGINE", "serial")
    folder = tmp_path / "Pictures"
    folder.mkdir()
    picture = Image.fromarray(astronaut)
    picture.save(folder / "first.jpg", quality=92)
    assert call("scan", folder).code == 0
    (cluster,) = json.loads(call("cluster", "list", "--json").out)
    assert call("cluster", "label", str(cluster["cluster"]), "Eileen").code == 0
    ImageOps.mirror(picture).save(folder / "mirrored.jpg", quality=80)
    ImageEnhance.Brightness(picture).enhance(1.3).resize((700, 700)).save(folder / "brighter.png")
    told = call("scan")
    assert told.code == 0
    assert "Known    Eileen on 2 photos" in told.out
    (person,) = csv.DictReader(io.StringIO(call("person", "list", "--csv").out))
    assert (person["person"], person["photos"], person["clusters"]) == ("Eileen", "3", "1")
    for name, by in (("first.jpg", "human"), ("mirrored.jpg", "match"), ("brighter.png", "match")):
        (face,) = json.loads(call("photo", "show", folder / name, "--json").out)
        assert (face["person"], face["named_by"]) == ("Eileen", by)
    assert call("cluster", "show", str(cluster["cluster"]), "--sheet", tmp_path / "sheet.jpg").code == 0
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.width > sheet.height


def test_fake_scans_stay_out_of_the_way_of_real_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    paint(tmp_path / "library" / "red.png", RED)
    assert report(tmp_path / "library")["run"]["faces_found"] == 1
