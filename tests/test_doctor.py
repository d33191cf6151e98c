"""The doctor finds what is wrong, says what to do, and goes on looking."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cli_fakes import call, fake_scans, indexed, isolate
from PIL import Image

from faceindex import doctor
from faceindex.backends import compare, dlib_models
from faceindex.errors import BadWeights
from faceindex.nets import devices

if TYPE_CHECKING:
    from faceindex.models import Pixels


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A healthy index."""
    indexed(tmp_path, monkeypatch)
    return tmp_path / "faces.db"


def findings(level: str) -> dict[str, str]:
    """What `doctor --json` says of this level: about to text."""
    looked = call("doctor", "--json")
    found = json.loads(looked.out)
    assert looked.code == any(finding["level"] == "bad" for finding in found)
    return {finding["about"]: finding["text"] for finding in found if finding["level"] == level}


def test_a_healthy_index_has_no_bad_finding(index: Path) -> None:
    looked = call("doctor")
    assert (looked.code, looked.err) == (0, "")
    assert {line.split()[0] for line in looked.out.splitlines()} <= {"ok", "note"}
    assert set(findings("ok")) >= {"python", "packages", "cores", "dlib", "models", "index", "averages", "root", "disk"}


def test_without_an_index_the_set_up_is_checked_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)
    assert call("doctor").code == 0
    assert "faceindex scan FOLDER" in findings("note")["index"]
    assert "models" in findings("ok")


def test_a_cache_that_cannot_be_written_is_told(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACEINDEX_CACHE", str(tmp_path / "file" / "cache"))
    assert "name another folder with the variable FACEINDEX_CACHE" in findings("note")["cache"]
    monkeypatch.setenv("FACEINDEX_CACHE", str(tmp_path / "new" / "cache"))
    assert str(tmp_path / "new" / "cache") in findings("ok")["cache"]


def test_what_an_upgrade_left_is_told(index: Path) -> None:
    assert "index" not in findings("note")
    index.with_name("faces.db.v1.bak").touch()
    assert "faces.db.v1.bak is as it was" in findings("note")["index"]


def test_a_file_that_is_not_ours_is_bad_and_the_rest_is_still_looked_at(index: Path) -> None:
    index.write_bytes(b"nothing of ours")
    assert "not a faceindex index" in findings("bad")["index"]
    assert "disk" in findings("ok")


def test_damage_is_bad(index: Path) -> None:
    with sqlite3.connect(index) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray(index.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 60] = os.urandom(60)
    index.write_bytes(content)
    assert "faceindex restore" in findings("bad")["index"]
    assert call("doctor").code == 1


def test_a_dangling_row_is_bad(index: Path) -> None:
    with sqlite3.connect(index) as db:
        db.execute("UPDATE face SET photo_id = 4711 WHERE face_id = 1")
    db.close()
    assert "faceindex restore" in findings("bad")["index"]


def test_a_drifted_average_is_bad_and_can_be_repaired(index: Path) -> None:
    with sqlite3.connect(index) as db:
        db.execute("UPDATE average SET faces = faces + 1 WHERE cluster_id = 1")
    db.close()
    assert "faceindex doctor --repair" in findings("bad")["averages"]
    repaired = call("doctor", "--repair")
    assert (repaired.code, repaired.err) == (0, "1 average computed afresh\n")
    assert "averages" in findings("ok")


def test_an_index_that_others_may_read_gets_a_note(index: Path) -> None:
    index.chmod(0o644)
    assert f"chmod 600 {index}" in findings("note")["index"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_bad(index: Path) -> None:
    index.parent.chmod(0o500)
    try:
        assert "--db" in findings("bad")["disk"]
    finally:
        index.parent.chmod(0o700)


def test_a_missing_root_gets_a_note(index: Path) -> None:
    shutil.rmtree(index.parent / "library")
    assert "check the disk or mount" in findings("note")["root"]


def test_a_damaged_model_is_bad(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / dlib_models.FILES["encoder"][0]).write_bytes(b"half a download")
    monkeypatch.setattr(dlib_models, "models_folder", lambda: tmp_path / "models")
    looked = call("doctor")
    assert looked.code == 1
    assert looked.out.count("BAD   models") == 3
    assert looked.out.count("reinstall the package face_recognition_models") == 3


def test_little_disk_gets_a_note(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**6, 10**6))
    assert findings("note")["disk"].startswith("only 1.0 MB free")


def test_dlib_without_avx_gets_a_note(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlib_models, "dlib_facts", lambda: {"version": "19.24", "CUDA": False, "AVX": False})
    assert "dlib-bin" in findings("note")["dlib"]


def test_a_dlib_that_cannot_be_loaded_is_bad(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "faceindex.backends.dlib_models", None)
    monkeypatch.delattr("faceindex.backends.dlib_models", raising=False)
    assert "install dlib, or dlib-bin" in findings("bad")["dlib"]


def break_comparison(monkeypatch: pytest.MonkeyPatch, result: Exception | compare.Comparison) -> None:
    """Have the comparison of the runtimes fail, or give this result."""

    def stub(pixels: Pixels) -> compare.Comparison:
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(compare, "compare", stub)


@pytest.mark.parametrize(
    "error",
    [ImportError("DLL load\nfailed"), RuntimeError("onnxruntime found no such device"), AttributeError("no session")],
)
def test_an_onnxruntime_that_does_not_run_is_bad_and_the_rest_is_still_looked_at(
    index: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_comparison(monkeypatch, error)
    told = findings("bad")["runtimes"]
    assert " ".join(str(error).split()) in told
    assert told.endswith("reinstall onnxruntime, or scan with --runtime dlib")
    assert findings("ok").keys() >= {"dlib", "index", "disk"}


def test_an_error_that_says_what_to_do_is_told_as_it_is(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_comparison(monkeypatch, BadWeights("the weights are not ours; reinstall what they came with"))
    assert findings("bad")["runtimes"] == "the weights are not ours; reinstall what they came with"


def test_an_onnxruntime_half_removed_is_bad(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> list[str]:
        raise AttributeError("module 'onnxruntime' has no attribute 'get_available_providers'")

    monkeypatch.setattr(devices, "available", missing)
    break_comparison(monkeypatch, compare.Comparison(1, 0, 0.0, 9.0))
    assert findings("bad").keys() == {"devices"}


@pytest.mark.parametrize(
    ("differing", "encoding", "told"),
    [
        (2, 0.0, "in 2 faces ("),
        (0, 0.1, "in the encodings ("),
        (0, float("nan"), "in the encodings ("),
        (1, 0.1, "in 1 face and the encodings ("),
    ],
)
def test_runtimes_that_differ_are_bad(
    index: Path, monkeypatch: pytest.MonkeyPatch, differing: int, encoding: float, told: str
) -> None:
    break_comparison(monkeypatch, compare.Comparison(3, differing, encoding, 9.0))
    assert f"differs from dlib {told}" in findings("bad")["runtimes"]


def test_both_runtimes_are_compared_on_a_photo_of_the_index(index: Path) -> None:
    name, pixels = doctor._sample(index, 640)
    assert name.startswith(str(index.parent / "library"))
    assert np.array_equal(pixels, np.asarray(Image.open(name).convert("RGB")))


def test_without_a_photo_that_can_be_read_they_are_compared_on_a_drawing(index: Path) -> None:
    shutil.rmtree(index.parent / "library")
    name, pixels = doctor._sample(index, 640)
    assert (name, pixels.shape, pixels.dtype) == ("a drawing", (360, 480, 3), np.uint8)
    assert np.array_equal(pixels, doctor._sample(index.parent / "none.db", 640)[1])


def test_a_long_strip_is_not_compared(index: Path) -> None:
    for photo in (index.parent / "library").rglob("*.png"):
        Image.new("RGB", (2000, 20)).save(photo)
    assert doctor._sample(index, 640)[0] == "a drawing"


def test_the_doctor_looks_without_changing(index: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_scans(tmp_path / "again", monkeypatch)
    before = call("status", "--json").out
    call("doctor")
    assert call("status", "--json").out == before
