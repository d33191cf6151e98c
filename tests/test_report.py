"""The morning's report: silent without news, else a short page; as plain data for programs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceindex import report

RUN = dict.fromkeys((*report.FILES, "files_seen", "photos_new", "faces_found", "faces_named", "clusters_new"), 0)
QUIET: dict[str, Any] = {
    "outcome": "done", "offline": [], "left_photos": 0, "left_bytes": 0, "seconds": 12.3, "seconds_left": None,
    "run": {**RUN, "run_id": 7, "started_at": "2026-01-31T01:00:00Z", "files_seen": 1234},
    "recognised": [], "worth_a_name": [], "problems": [], "notes": [], "profile": None, "left_faces": 0,
    "examined_otherwise": 0, "settings_changed": False,
}  # fmt: skip


def told(**news: Any) -> dict[str, Any]:
    run = news.pop("run", {})
    return {**copy.deepcopy(QUIET), **news, "run": {**QUIET["run"], **run}}


def test_no_news_is_no_report() -> None:
    assert report.text(QUIET) == []


@pytest.mark.parametrize(
    ("news", "line"),
    [
        ({"run": {"files_new": 1200}}, "Files    1,200 new (of 1,234)"),
        ({"run": {"files_moved": 3, "files_vanished": 2}}, "Files    3 moved, 2 vanished (of 1,234)"),
        ({"run": {"photos_new": 5, "faces_found": 7}}, "Photos   5 examined, 7 faces found"),
        ({"outcome": "stopped", "left_faces": 593}, "Left     593 faces to be matched by the next scan"),
        ({"settings_changed": True, "examined_otherwise": 1957},
         "Settings 1,957 photos were examined with other settings and not again now"),
        ({"run": {"files_new": 1}, "examined_otherwise": 1}, "Settings 1 photo was examined with other settings"),
        ({"outcome": "deadline"}, "stopped at the deadline after 12 s"),
        ({"outcome": "stopped"}, "stopped when asked to after 12 s"),
        ({"offline": ["/mnt is not there"]}, "WARNING  /mnt is not there"),
        ({"notes": ["cuda failed; the CPU goes on"]}, "Note     cuda failed; the CPU goes on"),
        ({"recognised": [{"person": "Anna", "photos": 3}, {"person": "Ben", "photos": 1}]},
         "Known    Anna on 3 photos, Ben on 1 photo"),
        ({"worth_a_name": [{"cluster": 4, "photos": 9, "new": 2}]}, "         cluster 4: on 9 photos, 2 new faces"),
        ({"problems": [{"path": "/a\n.jpg", "kind": "corrupt", "message": "is empty"}]},
         r"         /a\n.jpg: is empty"),
    ],
)  # fmt: skip
def test_each_kind_of_news_has_its_line(news: dict[str, Any], line: str) -> None:
    if "worth_a_name" in news:
        news = {**news, "run": {"clusters_new": 1}}
    assert any(line in said for said in report.text(told(**news))), report.text(told(**news))


def test_a_report_begins_with_when_and_how_it_ended() -> None:
    first = report.text(told(run={"files_new": 1}))[0]
    assert first == f"Run 7 of {report.moment('2026-01-31T01:00:00Z')}: done after 12 s"


def test_what_is_left_comes_with_an_estimate_where_there_is_one() -> None:
    left = told(outcome="deadline", left_photos=1500, left_bytes=6 * 10**9, seconds_left=4000.0)
    assert report.text(left)[-1] == "Left     1,500 photos, 6.0 GB, about 1 h 07 min more; the next scan goes on"
    assert report.text({**left, "seconds_left": None})[-1] == "Left     1,500 photos, 6.0 GB; the next scan goes on"


def test_of_many_problems_some_are_shown_and_all_are_counted() -> None:
    many = [{"path": f"/{n}.jpg", "kind": "corrupt", "message": "is empty"} for n in range(200)]
    lines = report.text(told(problems=many))
    assert lines[1] == "Problems 200 new (see 'faceindex problem list')"
    assert len(lines) == 3 + report.MOST_PROBLEMS
    assert lines[-1] == "         and 190 more"
    assert not any("more" in line for line in report.text(told(problems=many[:10])))


def test_photos_examined_otherwise_are_news_only_on_the_night_that_changes_the_settings() -> None:
    assert report.text(told(examined_otherwise=5)) == []
    assert report.text(told(settings_changed=True)) == []


def test_an_estimate_goes_by_photos_rather_than_by_bytes() -> None:
    done, left = report.work(763, 40_000_000), report.work(1194, 700_000_000)
    assert report.seconds_left(done, left, 25.0) == pytest.approx(40, abs=2)


@pytest.mark.parametrize(("done", "seconds"), [(0, 60), (19, 60), (763, 4.9), (0, 0)])
def test_nothing_is_estimated_from_little(done: float, seconds: float) -> None:
    assert report.seconds_left(done, 1000, seconds) is None


PROFILE: dict[str, Any] = {
    "photos": 1200, "workers": 2, "seconds": 96.0, "photos_per_second": 12.5, "work": 0.9512,
    "stages": [
        {"stage": "decode", "seconds": 60.0, "ms_per_photo": 50.0, "share": 0.3125},
        {"stage": "idle", "seconds": 0.04, "ms_per_photo": 0.033, "share": 0.0002},
    ],
}  # fmt: skip


def test_a_profile_is_a_table_with_a_sentence_below() -> None:
    assert report.profile_text(PROFILE) == [
        "Profile  stage         seconds  ms a photo  % of the cores' time",
        "         decode           60.0        50.0                  31.2",
        "         idle              0.0         0.0                   0.0",
        "         95.1 % of the time the cores decoded, detected or encoded; 1,200 photos in 2 min, 12.5 a second",
    ]


def test_a_profile_without_photos_or_without_anything_says_so() -> None:
    stages = [{"stage": "hash", "seconds": 3.0, "ms_per_photo": None, "share": None}]
    lines = report.profile_text({**PROFILE, "photos": 0, "photos_per_second": None, "work": 0.0, "stages": stages})
    assert lines[1].split() == ["hash", "3.0", "–", "0.0"]
    assert lines[-1].endswith("0 photos in 2 min, – a second")
    assert report.profile_text(None) == ["Profile  nothing was read"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (3599, "1 h 00 min"), (3600, "1 h 00 min"), (26_400, "7 h 20 min")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (4_500_000, "4.5 MB"), (123e9, "123 GB"), (2e12, "2.0 TB")],
)
def test_sizes_read_as_people_say_them(count: float, text: str) -> None:
    assert report.size(count) == text


@given(st.integers(0, 10**15))
def test_sizes_stay_short(count: int) -> None:
    assert len(report.size(count)) <= 10


@given(st.datetimes())
def test_moments_are_told_to_the_minute(when: Any) -> None:
    if 1971 < when.year < 9990:
        assert len(report.moment(when.strftime("%Y-%m-%dT%H:%M:%SZ"))) == len("2026-01-31 02:00")
