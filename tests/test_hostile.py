"""Pictures that crash, hang or exhaust whoever looks at them cost no other picture its result."""

from __future__ import annotations

import shutil
import tracemalloc

import numpy as np
import pytest
from nights import (
    BLUE,
    GREEN,
    HANG,
    NO_MEMORY,
    NOT_A_NUMBER,
    QUIT,
    RAISE,
    RED,
    SEGFAULT,
)
from PIL import Image

from faceindex import backends
from faceindex.errors import ModelsMissing
from faceindex.models import DetectionSettings, Photo, ReadLimits, Task
from faceindex.nets import devices
from faceindex.pipeline import examine
from faceindex.store import problems, runs

NASTY = {"backend": "nasty", "engine": "processes:2", "photo_time": 4.0}
TOLD = {  # what a picture does: kind of the Problem, how many nights try
    SEGFAULT: ("crash", 2), HANG: ("timeout", 2), RAISE: ("unexpected", 3), NO_MEMORY: ("memory", 2),
    QUIT: ("crash", 2), NOT_A_NUMBER: ("unexpected", 3),
}  # fmt: skip


@pytest.mark.parametrize("does", TOLD)
def test_a_hostile_picture_and_its_copy_cost_no_other_its_result(home, does):
    kind, nights = TOLD[does]
    for number in range(12):
        home.photo(f"{number:02}.png", RED, GREEN)
    path = home.photo("03bad.png", BLUE, does=does)
    shutil.copy(path, home.library / "07copy.png")
    night = home.scan(**NASTY)
    assert night.news["photos_new"] == 12
    assert night.result.outcome == "done"
    assert home.problems() == {"03bad.png": (kind, 1, True), "07copy.png": (kind, 1, True)}
    # Its digest is known: it can be found as a duplicate, and is known when it was moved.
    assert home.rows("SELECT count(*) FROM file WHERE digest IS NULL") == [(0,)]
    for tries in range(2, nights + 1):
        assert "photos_new" not in home.scan(**NASTY).news
        assert home.problems()["03bad.png"] == (kind, tries, tries < nights)
    assert "files_read" not in home.scan(**NASTY).counts


def test_a_picture_given_up_is_tried_again_when_asked_with_its_copy(home):
    path = home.photo("bad.png", BLUE, does=RAISE)
    shutil.copy(path, home.library / "copy.png")
    for _ in range(3):
        home.scan(backend="nasty")
    assert {again for *_, again in home.problems().values()} == {False}
    ((chosen,),) = home.rows("SELECT problem_id FROM problems WHERE path LIKE '%bad.png'")
    with home.open() as db:
        assert problems.retry(db, [chosen]) == 2
    assert home.scan(backend="nasty").counts["files_read"] == 2
    assert {tries for _, tries, _ in home.problems().values()} == {1}


def test_a_problem_solved_on_one_copy_is_solved_on_all(home, monkeypatch):
    path = home.photo("bad.png", BLUE, does=RAISE)
    shutil.copy(path, home.library / "copy.png")
    for _ in range(3):
        home.scan(backend="nasty")
    monkeypatch.setattr("nights.RAISE", -1)  # the program was mended
    shutil.copy(path, home.library / "third.png")
    with home.open() as db:
        problems.retry(db)
    assert home.scan(backend="nasty").news["photos_new"] == 1
    assert home.problems() == {}
    home.scan(backend="nasty")
    assert home.rows("SELECT count(*) FROM file WHERE stale") == [(0,)]


def test_a_problem_is_solved_when_the_file_changes(home):
    home.photo("bad.png", BLUE, does=RAISE)
    home.photo("b.png", RED)
    for _ in range(3):
        home.scan(backend="nasty")
    home.photo("bad.png", BLUE)
    assert home.scan(backend="nasty").news["photos_new"] == 1
    assert home.problems() == {}


def test_a_copy_of_a_picture_given_up_is_not_tried(home):
    path = home.photo("bad.png", BLUE, does=SEGFAULT)
    for _ in range(2):
        home.scan(**NASTY)
    shutil.copy(path, home.library / "copy.png")
    home.scan(backend="nasty")  # in this process, which it would kill
    assert home.problems()["copy.png"][0] == "crash"


def test_missing_models_end_the_night_with_a_sentence_and_the_next_goes_on(home, monkeypatch):
    for number in range(6):
        home.photo(f"{number}.png", RED)
    models = home.folder / "models"
    monkeypatch.setenv("BARE_MODELS", str(models))
    for engine in ("processes:2", "serial"):
        with pytest.raises(ModelsMissing, match="install it"):
            home.scan(backend="bare", engine=engine)
    assert home.problems() == {}
    assert [row[0] for row in home.rows("SELECT outcome FROM run ORDER BY run_id")] == ["failed", "failed"]
    models.touch()
    backends._build.cache_clear()
    assert home.scan(backend="bare", engine="processes:2").news["photos_new"] == 6


def test_a_device_that_kills_its_workers_costs_no_photo(home, monkeypatch):
    monkeypatch.setattr(devices, "_providers", lambda: frozenset({"CUDAExecutionProvider", "CPUExecutionProvider"}))
    for number in range(9):
        home.photo(f"{number}.png", RED)
    night = home.scan(backend="driver", engine="processes:2", detection=DetectionSettings(device="cuda"))
    assert night.news["photos_new"] == 9
    assert home.problems() == {}
    assert night.result.outcome == "done"
    with home.open() as db:
        assert runs.notes(db, night.result.run_id) == ["cuda killed a worker; the CPU took over"]


def test_without_a_device_to_blame_a_death_is_the_photos(home):
    home.photo("bad.png", BLUE, does=SEGFAULT)
    night = home.scan(**NASTY, detection=DetectionSettings(device="auto"))
    assert home.problems() == {"bad.png": ("crash", 1, True)}
    with home.open() as db:
        assert runs.notes(db, night.result.run_id) == []


def test_a_file_too_large_for_memory_is_a_problem_with_a_digest(home, monkeypatch):
    home.photo("a.png", RED)
    original = examine._read

    def read(task):
        if not task.hash_only:
            raise MemoryError
        return original(task)

    monkeypatch.setattr(examine, "_read", read)
    home.scan()
    assert home.problems() == {"a.png": ("memory", 1, True)}
    assert home.rows("SELECT count(*) FROM file WHERE digest IS NOT NULL") == [(1,)]


@pytest.mark.parametrize("most", [2**26, 10])
def test_a_file_is_in_memory_once_at_most(tmp_path, most):
    path = tmp_path / "large.bmp"
    path.write_bytes(bytes(2**24))
    tracemalloc.start()
    examine._read(Task(1, str(path), "photo", 2**24, limits=ReadLimits(max_bytes=most)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < min(most, 2**24) + 2**22


def test_a_picture_with_absurd_metadata_is_kept(home, monkeypatch):
    home.photo("a.png", RED)
    original = examine.open_picture

    class Absurd:
        def __init__(self, picture):
            self.picture = picture

        def __getattr__(self, name):
            return getattr(self.picture, name)

        def photo(self, digest, size):
            return Photo(digest, size, "PNG", 80, 80, camera="\udcff\x00", latitude=float("nan"), longitude=1e999)

    monkeypatch.setattr(examine, "open_picture", lambda *args: Absurd(original(*args)))
    assert home.scan().news["photos_new"] == 1


@pytest.mark.parametrize("folder", ["broken", "heif"])
def test_every_broken_picture_is_a_photo_or_a_problem(home, test_data, folder):
    wanted = DetectionSettings(policy="hog", size=320)
    night = home.scan(test_data / folder, backend="dlib", engine="processes:2", detection=wanted, photo_time=20)
    assert night.result.outcome == "done"
    unknown = home.rows(
        """SELECT path FROM files WHERE kind = 'photo' AND photo_id IS NULL
           AND path NOT IN (SELECT path FROM problems)"""
    )
    assert unknown == []
    assert home.rows("SELECT path, message FROM problems WHERE kind IN ('unexpected', 'crash')") == []
    assert home.rows("SELECT count(*) FROM files WHERE digest IS NULL AND kind <> 'special'") == [(0,)]
    assert night.run["photos_new"] > 0


def test_a_real_face_is_found_by_the_real_backend_in_a_scan(home, astronaut):
    Image.fromarray(astronaut).save(home.library / "astronaut.jpg")
    Image.fromarray(np.ascontiguousarray(astronaut[:, ::-1])).save(home.library / "mirrored.png")
    night = home.scan(backend="dlib", engine="processes:2", detection=DetectionSettings(policy="hog"))
    assert night.news["photos_new"] == 2
    clusters = [{cluster for _, cluster, *_ in home.faces(home.library / name)}
                for name in ("astronaut.jpg", "mirrored.png")]  # fmt: skip
    assert len(clusters[0] & clusters[1]) == 1  # one person
