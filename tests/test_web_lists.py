"""Duplicates, problems, journal, runs and eval as pages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cli_fakes import call, done, rows
from hypothesis import given
from hypothesis import strategies as st
from library import FAMILY, add_photo, begin, family, found, name, new_index, say
from pages import Site, site, site_of

from faceindex.db import open_index
from faceindex.store import doubles, listings
from faceindex.store.nights import nights
from faceindex.web import evaluating, plots
from faceindex.web.plots import Series


@pytest.fixture
def painted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site(tmp_path, monkeypatch)


@pytest.fixture
def home_pages(tmp_path: Path) -> Site:
    family(tmp_path).close()
    return site_of(tmp_path / "faces.db")


# ------------------------------------------------------------------------------------------ duplicates


def test_duplicates_are_groups_with_all_paths_and_what_they_waste(home_pages: Site) -> None:
    page = home_pages.client.page("/duplicates")
    assert "2 files lie there several times; 184 MB wasted" in page
    assert page.index("dance.mov") < page.index("beach-1.jpg")  # most wasted first
    assert "<strong>3 copies</strong> of 90.0 MB, 180 MB wasted" in page
    for path in ("dance (copy).mov", "dance (link).mov", "/mnt/nas/scans/from phone/beach-1.jpg", FAMILY[0][0]):
        assert path in page


def test_a_duplicate_that_is_a_photo_shows_it_and_leads_to_it(home_pages: Site) -> None:
    page = home_pages.client.page("/duplicates")
    assert len(re.findall(r'<a class="small" href="/photo/\d+"><img src="/thumb/\d+.jpg"', page)) == 1
    assert 'class="small none"' in page


def test_the_page_knows_the_same_duplicates_as_the_view(home_pages: Site) -> None:
    db = open_index(home_pages.index)
    told = listings.rows(db, listings.DUPLICATES)
    groups = doubles.doubles(db, offset=0, limit=1000).groups
    shown = {(g.copies, g.size, g.wasted, path) for g in groups for path in g.paths}
    assert shown == {(row["copies"], row["size"], row["wasted"], row["path"]) for row in told}
    db.close()


def test_duplicates_come_a_page_at_a_time(home_pages: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceindex.web.pages.lists.GROUPS", 1)
    assert 'rel="next" href="?from=1"' in home_pages.client.page("/duplicates")
    assert "beach-1.jpg" in home_pages.client.page("/duplicates?from=1")
    assert 'rel="next"' not in home_pages.client.page("/duplicates?from=1")


def test_no_page_ever_offers_to_delete_a_file(painted: Site) -> None:
    assert "<form" not in painted.client.page("/duplicates").partition("<main")[2]


# -------------------------------------------------------------------------------------------- problems


def test_a_problem_says_what_and_why_and_can_be_tried_again(painted: Site) -> None:
    (row,) = rows("problem", "list")
    page = painted.client.page("/problems")
    assert row["path"] in page
    assert "given up until the file changes" in page
    answer = painted.client.post_act("retry-problems", problems=row["problem"])
    assert (answer.code, answer.told, answer.json["entry"]) == (200, "the next scan will try 1 again", None)
    assert rows("problem", "list")[0]["next"] == "next run"
    assert "the next scan tries again" in painted.client.page("/problems")


def test_all_problems_can_be_tried_again_without_script(painted: Site) -> None:
    answer = painted.client.post_form("retry-problems", "/problems", problems="all")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/problems")
    assert rows("problem", "list")[0]["next"] == "next run"


def test_a_problem_that_is_not_there_is_told(painted: Site) -> None:
    answer = painted.client.post_act("retry-problems", problems="1,4711")
    assert answer.code == 409
    assert "not all of these problems are there" in answer.told
    assert rows("problem", "list")[0]["next"] == "given up"


def test_without_problems_the_page_says_so(home_pages: Site) -> None:
    with open_index(home_pages.index) as db:
        db.execute("DELETE FROM problem")
    db.close()
    assert "No problems" in home_pages.client.page("/problems")


# --------------------------------------------------------------------------------------------- journal


def test_an_entry_is_taken_back_and_brought_back_on_the_journal_page(painted: Site) -> None:
    done("cluster", "label", "1", "Anna")
    assert ">Take back</button>" in painted.client.page("/journal")
    number = rows("journal")[0]["journal_id"]
    back = painted.client.post_form("undo", "/journal", entry=number)
    shown = painted.client.page(back.headers["Location"])
    assert "taken back: cluster 1 named Anna" in shown
    assert [row["person"] for row in rows("cluster", "list") if row["person"]] == []
    again = re.search(r'name="entry" value="(\d+)"><button aria-label="Bring back', painted.client.page("/journal"))
    assert again
    painted.client.post_form("undo", "/journal", entry=again[1])
    assert [row["person"] for row in rows("cluster", "list") if row["person"]] == ["Anna"]


def test_the_journal_comes_a_page_at_a_time(painted: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceindex.web.pages.lists.ENTRIES", 2)
    for who in ("Anna", "Ben", "Cleo"):
        done("cluster", "label", "1", who)
    entries = [row["journal_id"] for row in rows("journal")]
    first = painted.client.page("/journal")
    assert [f'id="entry-{number}"' in first for number in entries] == [True, True, False, False]
    assert f'rel="next" href="?before={entries[1]}"' in first
    assert f'id="entry-{entries[2]}"' in painted.client.page(f"/journal?before={entries[1]}")


def test_who_may_only_look_finds_nothing_to_take_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = site(tmp_path, monkeypatch, read_only=True)
    done("cluster", "label", "1", "Anna")
    for page in ("/journal", "/problems"):
        assert "<form" not in looking.client.page(page), page


# ------------------------------------------------------------------------------------------------ runs


def test_runs_are_plots_with_their_numbers_in_a_table(home_pages: Site) -> None:
    page = home_pages.client.page("/runs")
    assert page.count("<figure") == 4
    for words in ("New photos a night", "Minutes of work a night, by stage", "decode 0.5", ">10.5</td>"):
        assert words in page


def test_runs_that_read_nothing_have_no_plot_of_stages(painted: Site) -> None:
    open_index(painted.index).execute("UPDATE run SET profile = NULL").connection.close()
    assert painted.client.page("/runs").count("<figure") == 3


def test_earlier_nights_are_on_the_next_page(home_pages: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceindex.web.pages.nights.NIGHTS", 1)
    first = home_pages.client.page("/runs")
    before = re.search(r'href="\?before=(\d+)"', first)
    assert before
    second = home_pages.client.page(f"/runs?before={before[1]}")
    assert "2026-01-31" in first
    assert "2026-01-30" in second
    assert "Earlier nights" not in second


def test_a_run_that_is_still_running_is_shown(painted: Site) -> None:
    with open_index(painted.index) as db:
        db.execute("INSERT INTO run (started_at, version, options) VALUES ('2026-02-01T02:00:00Z', '1', '{}')")
        assert nights(db, before=None, limit=1)[0].counts["seconds"] is None
    db.close()
    assert "running, or killed" in painted.client.page("/runs")


# ------------------------------------------------------------------------------------------------ eval


def well_known(folder: Path) -> Site:
    """Three people with enough faces that a human named to be tested."""
    db = new_index(folder)
    run = begin(db)
    for who in ("Anna", "Ben", "Cleo"):
        faces = [add_photo(db, run, f"/photos/{who}{n}.jpg", who)[0] for n in range(12)]
        name(db, found(db, run, faces), who)
        for face in faces:
            say(db, face, who)
    db.close()
    return site_of(folder / "faces.db")


def counted(site: Site) -> None:
    """Have it counted, and wait for it."""
    thread = evaluating.begin(evaluating.of_app(site.app), site.index)
    assert thread
    thread.join()


def test_eval_is_counted_beside_the_page_and_shown_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = well_known(tmp_path)
    began = []
    monkeypatch.setattr(evaluating, "begin", lambda state, path: began.append(path))
    known.client.page("/eval")
    assert began == [known.index]
    monkeypatch.undo()
    counted(known)
    page = known.client.page("/eval")
    assert known.client.page("/eval/ready") == "yes"
    assert "3 people with 36 faces that humans named" in page
    for who in ("Anna", "Ben", "Cleo"):
        assert f"<bdi>{who}</bdi>" in page
    assert page.count("<figure") == 2


def test_eval_is_not_counted_again_until_somebody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = well_known(tmp_path)
    counted(known)
    began = []
    monkeypatch.setattr(evaluating, "begin", lambda state, path: began.append(path))
    known.client.page("/eval")
    known.client.page("/eval?again=1")  # nothing changed
    assert not began
    assert known.client.post_act("rename-person", person="Anna", name="Anne").code == 200
    assert "Count again" in known.client.page("/eval")
    assert not began
    known.client.page("/eval?again=1")
    assert began == [known.index]


def test_eval_says_why_it_cannot_be_counted(painted: Site) -> None:
    counted(painted)
    page = painted.client.page("/eval")
    assert "<figure" not in page
    assert "faces of two people or more" in page


def test_only_one_evaluation_runs_at_a_time(painted: Site) -> None:
    state = evaluating.Evaluating(running=True)
    assert evaluating.begin(state, painted.index) is None


# ----------------------------------------------------------------------------------------------- plots


def test_a_plot_has_a_name_and_tells_who_cannot_see_it(home_pages: Site) -> None:
    page = home_pages.client.page("/runs")
    assert page.count('role="img" aria-label="') == 4


@given(
    st.lists(st.floats(0, 1e12) | st.none(), max_size=80),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1),
)
def test_any_numbers_and_names_make_a_sound_drawing_within_its_frame(values: list[float | None], called: str) -> None:
    drawn = plots.bars(called, called, [called] * len(values), [Series(called, values), Series("b", values)])
    drawn += plots.lines(called, called, [float(n) for n in range(len(values))], [Series(called, values)], 1.0)
    root = ET.fromstring(f"<p>{drawn}</p>")
    for rect in (each for each in root.iter("rect") if each.get("y")):
        top, high = float(rect.attrib["y"]), float(rect.attrib["height"])
        assert top >= plots.TOP - 1
        assert top + high <= plots.HIGH - plots.BOTTOM + 1
    assert all("style" not in each.attrib for each in root.iter())


@given(st.floats(1e-6, 1e15))
def test_a_scale_ends_a_little_above_the_largest_value(value: float) -> None:
    assert value * (1 - 1e-6) <= plots.nice(value) <= value * 2.5


def test_the_commands_say_the_same(painted: Site) -> None:
    assert call("problem", "retry", "4711").code == 2
    assert "will try 1 again" in done("problem", "retry")
