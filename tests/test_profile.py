"""Where a photo's milliseconds go is measured by the worker, summed up by the parent and kept with the run."""

from __future__ import annotations

import json
import threading
from collections import deque
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nights import BLUE, GREEN, RED, SEGFAULT
from test_kill import wait_for

from faceindex import report, stopwatch
from faceindex.models import Examination, Photo, Task
from faceindex.pipeline import Stop
from faceindex.pipeline.examine import examine
from faceindex.pipeline.saving import profile_of
from faceindex.stopwatch import STAGES, Profile, drain, stage, whole
from faceindex.store import runs


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows what it is told, one after the other."""
    times = deque()
    monkeypatch.setattr(stopwatch, "perf_counter", times.popleft)
    drain()
    return times


def test_stages_are_summed_up_and_begin_anew_when_drained(clock):
    clock.extend([0, 2, 10, 13, 20, 24])
    for name in ("read", "hash", "read"):
        with stage(name):
            pass
    assert drain() == (("read", 6), ("hash", 3))
    assert drain() == ()


def test_inner_time_counts_for_the_inner_stage_only(clock):
    clock.extend([0, 1, 4, 5, 6, 7, 17, 100])  # read until 100; in it hash 1 to 4, cnn 5 to 17; in that resize 6 to 7
    with stage("read"):
        with stage("hash"):
            pass
        with stage("cnn"), stage("resize"):
            pass
    assert dict(drain()) == {"hash": 3, "resize": 1, "cnn": 12 - 1, "read": 100 - 3 - 12}


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=12))
def test_however_stages_are_nested_every_moment_counts_once(shape):
    ticks = count()
    drain()

    def run(inner, depth):
        with stage(str(depth)):
            for each in inner:
                run(each, depth + 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopwatch, "perf_counter", lambda: next(ticks))
        run(shape, 0)
    assert sum(seconds for _, seconds in drain()) == next(ticks) - 1


def test_a_stage_that_fails_counts_and_leaves_the_nesting_as_it_was(clock):
    clock.extend([0, 1, 3, 4])
    with stage("decode"), pytest.raises(ValueError, match="bad"), stage("cnn"):
        raise ValueError("bad")
    assert dict(drain()) == {"cnn": 2, "decode": 2}


def test_threads_nest_on_their_own_and_add_to_the_same_sums(clock):
    clock.extend([0, 1, 4, 10])

    def beside():
        with stage("cnn"):
            pass

    with stage("decode"):
        other = threading.Thread(target=beside)
        other.start()
        other.join()
    assert dict(drain()) == {"decode": 10, "cnn": 3}


def test_what_no_stage_took_is_other():
    assert whole((("read", 1.0), ("cnn", 2.0)), 5.0) == (("read", 1.0), ("cnn", 2.0), ("other", 2.0))
    assert whole((("cnn", 2.0),), 1.0)[-1] == ("other", 0.0)  # two threads at once


def test_an_examination_says_where_its_time_went(home):
    with stage("left over"):
        pass
    path = home.photo("a.png", RED)
    found = examine(Task(1, str(path), "photo", path.stat().st_size, backend="fake"))
    stages = dict(found.profile)
    assert list(stages)[-1] == "other"
    assert {"read", "hash", "decode"} <= set(stages) <= set(STAGES)
    assert sum(stages.values()) == pytest.approx(found.seconds)


@pytest.mark.parametrize("name", ["gone.png", "."])
def test_an_examination_that_fails_says_so_too(home, name):
    found = examine(Task(1, str(home.library / name), "photo", 1, backend="fake"))
    assert [stage for stage, _ in found.profile] == ["read", "other"]
    assert found.seconds > 0


def photo(**profile):
    return Examination(1, photo=Photo(bytes(32), 1, "PNG", 1, 1), profile=tuple(profile.items()))


def test_a_profile_is_the_sum_of_what_workers_found_out():
    results = [photo(read=1.0, cnn=2.0), Examination(2, profile=(("read", 0.5),)), photo(cnn=1.0)]
    assert profile_of(results, 2, 3.0) == Profile(2, 2, 3.0, {"read": 1.5, "cnn": 3.0})


STAGED = st.dictionaries(st.sampled_from([*STAGES, "beyond"]), st.integers(0, 10**6), max_size=5)
PROFILES = st.builds(Profile, st.integers(0, 100), st.integers(1, 8), st.integers(0, 1000), STAGED)


@given(PROFILES, PROFILES, PROFILES)
def test_profiles_add_up_in_any_order(a, b, c):
    assert a.plus(b).plus(c) == c.plus(b.plus(a))
    assert Profile().plus(a) == a
    known = [name for name in a.plus(b).stages if name in STAGES]
    assert known == sorted(known, key=STAGES.index)


def profile(home, run_id):
    with home.open() as db:
        return runs.profile(db, run_id)


def shares(home, run_id):
    return dict(home.rows("SELECT stage, share FROM profiles WHERE run_id = ?", run_id))


def test_a_run_keeps_its_profile_and_its_shares_make_up_the_whole(home):
    for number, colour in enumerate((RED, GREEN, BLUE)):
        home.photo(f"{number}.png", colour)
    (home.library / "film.mp4").write_bytes(b"moving")
    night = home.scan()
    kept = profile(home, night.result.run_id)
    assert (kept.photos, kept.workers) == (3, 1)
    assert 0 < sum(kept.stages.values()) <= kept.seconds <= night.result.seconds
    assert sum(shares(home, night.result.run_id).values()) == pytest.approx(1, abs=0.001)


def test_a_run_that_reads_nothing_has_no_profile(home):
    home.photo("a.png", RED)
    home.scan()
    quiet = home.scan().result.run_id
    assert profile(home, quiet) is None
    assert shares(home, quiet) == {}


def test_a_run_that_is_stopped_keeps_its_profile_so_far(home):
    for number in range(6):
        home.photo(f"{number}.png", RED)

    class Impatient(Stop):
        asked = 0

        def reading_over(self):
            self.asked += 1
            return "stopped" if self.asked > 4 else None

    run_id = home.scan(stop=Impatient()).result.run_id
    done = profile(home, run_id).photos
    assert 0 < done < 6
    assert done == home.examinations()
    assert profile(home, home.scan().result.run_id).photos == 6 - done


def test_a_run_that_fails_keeps_its_profile_so_far(home, monkeypatch):
    for number in range(3):
        home.photo(f"{number}.png", RED)
    monkeypatch.setattr("faceindex.pipeline.recognising.recognise", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        home.scan()
    assert home.rows("SELECT outcome, json_extract(profile, '$.photos') FROM run") == [("failed", 3)]


def test_a_run_that_is_killed_keeps_the_profile_of_what_it_saved(home):
    for number in range(150):
        home.photo(f"{number}.png", RED)
    process = home.command("scan", home.library, "--backend", "slow", "--engine", "serial")
    wait_for(home, "SELECT count(*) > 0 FROM examination", process)
    process.kill()
    process.communicate()
    done = home.examinations()
    assert 0 < done < 150
    assert profile(home, 1).photos == done
    assert home.scan(backend="slow").run["photos_new"] == 150 - done
    assert profile(home, 2).photos == 150 - done


def test_work_that_killed_its_worker_is_idle_time_and_loses_no_other(home):
    home.photo("deadly.png", RED, does=SEGFAULT)
    home.photo("sound.png", GREEN)
    night = home.scan(engine="processes:2", backend="nasty")
    kept = profile(home, night.result.run_id)
    assert (kept.photos, kept.workers) == (1, 2)
    assert shares(home, night.result.run_id)["idle"] > 0


def test_the_view_shows_more_work_than_time_as_no_idleness(home):
    home.photo("a.png", RED)
    run_id = home.scan().result.run_id
    with home.open() as db:
        runs.add_profile(db, run_id, Profile(1, 1, 0.0, {"cnn": 1000.0}))
    assert shares(home, run_id)["idle"] == 0


def test_the_report_adds_up_the_work_and_lists_stages_as_a_photo_meets_them(home):
    home.photo("a.png", RED)
    run_id = home.scan().result.run_id
    with home.open() as db:
        db.execute("UPDATE run SET profile = NULL")
        runs.add_profile(db, run_id, Profile(0, 2, 1.0, {"beyond": 0.1, "hash": 0.1}))
        runs.add_profile(db, run_id, Profile(8, 2, 3.0, {"encode": 1.0, "cnn": 2.0, "hog": 2.0, "decode": 1.0}))
        told = report.profile(db, run_id)
    assert [row["stage"] for row in told["stages"]] == ["hash", "decode", "hog", "cnn", "encode", "beyond", "idle"]
    assert (told["photos"], told["seconds"], told["photos_per_second"]) == (8, 4.0, 2.0)
    assert told["work"] == 6 / 8
    assert told["stages"][-1] == {"stage": "idle", "seconds": 1.8, "ms_per_photo": 225.0, "share": 0.225}
    json.dumps(told)


def test_a_profile_of_no_time_and_no_photo_divides_by_nothing(home):
    home.photo("a.png", RED)
    run_id = home.scan().result.run_id
    with home.open() as db:
        db.execute("UPDATE run SET profile = NULL")
        runs.add_profile(db, run_id, Profile(0, 1, 0.0, {"hash": 0.0}))
        told = report.profile(db, run_id)
    assert (told["photos_per_second"], told["work"]) == (None, 0)
    assert report.profile_text(told)


def test_remarks_of_workers_are_kept_once_each_a_line(home):
    home.photo("a.png", RED)
    run_id = home.scan().result.run_id
    with home.open() as db:
        assert runs.notes(db, run_id) == []
        runs.add_notes(db, run_id, ["cuda failed", "two\nlines", "cuda failed"])
        runs.add_notes(db, run_id, ["broken \udcff", "cuda failed"])
        assert runs.notes(db, run_id) == ["cuda failed", r"two\nlines", r"broken \xff"]
    assert home.rows("SELECT notes FROM runs")[0][0].count("\n") == 2


def test_the_view_lists_each_runs_stages_together_and_idle_last(home):
    for number in range(2):
        home.photo(f"{number}.png", RED)
        home.scan()
    rows = home.rows("SELECT run_id, stage FROM profiles")
    runs_seen = [run for run, _ in rows]
    assert runs_seen == sorted(runs_seen)
    for run in (1, 2):
        stages = [stage for number, stage in rows if number == run]
        assert stages[-1] == "idle"
        assert stages[:-1] == [name for name in STAGES if name in stages]
