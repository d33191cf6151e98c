"""The whole story in a real browser: scanned, labelled by keyboard, undone, drawn; the command line sees the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import CHROMIUM, DESKTOP, PHONE, at, browser, serving, visitor
from cli_fakes import BLUE, GREEN, RED, call, fake_scans, isolate, paint, rows, who_is_on

from faceindex.db import open_index

pytest.importorskip("playwright", reason="drives the browser")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")

DIM = (90, 90, 10)  # so dark that the fake backend does not see a face
YELLOW = (240, 240, 20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three people on several pictures each; one picture with a face that nobody found."""
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    folder = tmp_path / "library"
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        for number in range(4):
            paint(folder / name / f"{number}.png", colour, side=60 + 2 * number)
    paint(folder / "missed.png", RED, DIM)
    assert call("-q", "scan", folder).code == 0
    return folder


@pytest.fixture
def address(library: Path, tmp_path: Path) -> Iterator[str]:
    tests = Path(__file__).parent
    with serving(PYTHONPATH=os.pathsep.join(map(str, (tmp_path / "site", tests)))) as started:
        yield started


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A tab that was let in; whatever it complains of fails the test."""
    with visitor(chromium) as context:
        tab = context.new_page()
        complaints: list[str] = []
        tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(address)
        yield tab
        assert complaints == []


def names() -> set[str]:
    """Who is known to the command line."""
    return {row["person"] for row in rows("person", "list")}


def answer(page: Page, key: str) -> None:
    """Press a key and wait until the server knows of it."""
    with page.expect_response(lambda response: "/review/" in response.url and response.request.method == "POST"):
        page.keyboard.press(key)
    expect(page.locator("#asked")).not_to_have_attribute("aria-busy", "true")


def test_a_library_is_labelled_by_keyboard_and_the_command_line_sees_the_same(
    page: Page, address: str, library: Path
) -> None:
    page.goto(at(address, "/review"))
    expect(page.locator("#asked h1")).to_contain_text("Who is this?")
    for name in ("Anna", "Ben"):
        page.keyboard.press("o")
        page.keyboard.type(name)
        answer(page, "Enter")
        expect(page.locator("#sitting .told")).to_contain_text(name)
    assert names() == {"Anna", "Ben"}
    named = {row["person"]: row["faces"] for row in rows("cluster", "list") if row["person"]}
    assert set(named) == {"Anna", "Ben"}
    # A wrong answer: it was not Ben. Undo brings the question back.
    answer(page, "u")
    assert {row["person"] for row in rows("cluster", "list") if row["person"]} == {"Anna"}
    expect(page.locator("#asked h1")).to_contain_text("Who is this?")
    page.keyboard.press("o")
    page.keyboard.type("Carl")
    answer(page, "Enter")
    assert {row["person"] for row in rows("cluster", "list") if row["person"]} == {"Anna", "Carl"}
    # The third is a stranger.
    answer(page, "i")
    expect(page.locator("#asked h1")).not_to_contain_text("Who is this?")
    assert len(rows("cluster", "list", "--ignored")) == 1
    told = [row["summary"] for row in rows("journal")]
    assert any("Carl" in each for each in told)
    page.goto(at(address, "/"))
    expect(page.locator(".tile .name").filter(has_text="Anna")).to_be_visible()


def test_enter_and_ok_take_who_is_called_exactly_that_and_others_only_when_chosen(page: Page, address: str) -> None:
    assert call("cluster", "label", "1", "Annabel").code == 0
    assert call("cluster", "label", "2", "André").code == 0
    page.goto(at(address, "/review"))
    expect(page.locator("#asked h1")).to_contain_text("Who is this?")
    first, told = page.locator("#whom li").first, page.locator("#sitting .told")
    for typed, offered, keys, taken in (
        ("Anna", "Somebody new: Anna", (), "Anna:"),
        ("ANDRE", "André", (), "André:"),
        ("annabel", "Annabel", (), "Annabel:"),
        ("Anna", "Somebody new: Anna", ("ArrowDown",), "Annabel:"),
        ("Andre", "André", ("ArrowUp",), "Andre:"),
    ):
        for ends in ("Enter", "OK"):
            page.keyboard.press("o")
            page.keyboard.type(typed)
            expect(first).to_have_text(offered)
            for key in keys:
                page.keyboard.press(key)
            with page.expect_response("**/review/answer"):
                if ends == "OK":
                    page.locator("form.other button").click()
                else:
                    page.keyboard.press("Enter")
            expect(told).to_contain_text(taken)
            answer(page, "u")
            expect(page.locator("#asked h1")).to_contain_text("Who is this?")


def test_undo_waits_for_the_answer_that_it_takes_back(page: Page, address: str) -> None:
    held = hold(page, address)
    page.keyboard.press("i")
    page.keyboard.press("u")
    with page.expect_response("**/review/undo"):
        held[0].continue_()
    expect(page.locator("#sitting .told")).to_have_text("taken back; once more")
    expect(page.locator("#sitting .sum")).to_be_empty()
    assert rows("cluster", "list", "--ignored") == []


def test_keys_pressed_meanwhile_answer_what_was_on_screen_and_one_too_many_is_told(page: Page, address: str) -> None:
    held = hold(page, address)
    for _ in range(3):  # the first question; the second, which is on screen at once; and that once more
        page.keyboard.press("i")
    held[0].continue_()
    expect(page.locator("#asked")).to_have_attribute("aria-busy", "true")
    page.unroute("**/review/answer")
    for late in held[1:]:
        late.continue_()
    expect(page.locator("#wrong")).to_have_text("one key was too quick and was not taken")
    expect(page.locator("#sitting .left")).to_contain_text("1 question")
    assert len(rows("cluster", "list", "--ignored")) == 2


def hold(page: Page, address: str) -> list[Route]:
    """Begin a review whose answers stay on their way until they are let go."""
    held: list[Route] = []
    page.goto(at(address, "/review"))
    expect(page.locator("#sitting .left")).to_contain_text("3 questions")
    page.wait_for_function("then !== null")
    page.route("**/review/answer", lambda route: held.append(route))
    return held


def test_on_other_pages_too_a_name_is_who_is_called_exactly_that(page: Page, address: str, library: Path) -> None:
    assert call("cluster", "label", "1", "Annabel").code == 0
    assert call("cluster", "label", "2", "André").code == 0
    for typed, taken in (("andre", "André"), ("Anna", "Anna")):
        page.goto(at(address, "/cluster/3"))
        field = page.locator("form[action='/do/label-cluster'] [name=name]").first
        if not field.is_visible():
            page.locator("#manage summary").click()
        field.press_sequentially(typed)
        with page.expect_navigation():
            field.press("Enter")
        expect(page.locator("#told")).to_contain_text(taken)
        assert {row["cluster"]: row["person"] for row in rows("cluster", "list")}[3] == taken


def test_a_missed_face_is_drawn_with_the_mouse(page: Page, address: str, library: Path) -> None:
    page.goto(at(address, f"/photo/{photo(library / 'missed.png')}"))
    page.keyboard.press("d")
    frame = page.locator("#frame svg").bounding_box()
    assert frame
    page.mouse.move(frame["x"] + 0.62 * frame["width"], frame["y"] + 0.2 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.7 * frame["width"], frame["y"] + 0.5 * frame["height"])
    page.mouse.move(frame["x"] + 0.9 * frame["width"], frame["y"] + 0.8 * frame["height"])
    page.mouse.up()
    expect(page.locator("#missed [name=name]")).to_be_focused()
    page.keyboard.type("Dora")
    page.keyboard.press("Enter")
    expect(page.locator("#faces").get_by_text("Dora").first).to_be_visible()
    assert ("Dora", "human") in who_is_on(library / "missed.png")
    # and back again, from the same page
    page.locator("#told button", has_text="Undo").click()
    expect(page.locator("#faces").get_by_text("Dora")).to_have_count(0)
    assert "Dora" not in dict(who_is_on(library / "missed.png"))


def test_a_missed_face_is_drawn_with_the_keyboard_alone(page: Page, address: str, library: Path) -> None:
    page.goto(at(address, f"/photo/{photo(library / 'missed.png')}"))
    page.keyboard.press("d")
    for key in ("ArrowRight",) * 15 + ("Shift+ArrowDown",) * 3:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.keyboard.type("Dora")
    page.keyboard.press("Enter")
    expect(page.locator("#faces").get_by_text("Dora").first).to_be_visible()
    assert ("Dora", "human") in who_is_on(library / "missed.png")


def photo(path: Path) -> int:
    """The number of the photo at a path."""
    with closing(open_index(Path(os.environ["FACEINDEX_DB"]))) as db:
        row = db.execute("SELECT photo_id FROM files WHERE path = ?", (str(path),)).fetchone()
    return int(row[0])


def test_what_is_on_screen_changes_only_when_asked(page: Page, address: str, library: Path) -> None:
    page.clock.install()
    page.goto(at(address, "/"))
    before = page.locator("main").inner_text()
    page.clock.fast_forward(21_000)
    expect(page.locator("#news")).to_be_hidden()
    assert call("cluster", "label", "1", "Anna").code == 0
    page.clock.fast_forward(21_000)
    expect(page.locator("#news")).to_be_visible()
    assert page.locator("main").inner_text() == before
    page.locator("#news a").click()
    expect(page.locator(".tile .name").filter(has_text="Anna")).to_be_visible()


def test_everything_can_be_undone_from_anywhere_with_u(page: Page, address: str, library: Path) -> None:
    assert call("cluster", "label", "1", "Anna").code == 0
    for where in ("/runs", "/duplicates"):
        page.goto(at(address, where))
        page.keyboard.press("u")
        expect(page.locator("#told")).to_contain_text(re.compile("taken back|brought back"))
    assert "Anna" not in {row["person"] for row in rows("cluster", "list")}


def test_without_script_a_cluster_is_named_and_the_name_taken_back(
    chromium: Browser, address: str, library: Path
) -> None:
    with visitor(chromium, script=False) as context:
        tab = context.new_page()
        tab.goto(address)
        tab.goto(at(address, "/cluster/1"))
        form = tab.locator("form[action='/do/label-cluster']").first
        form.locator("[name=name]").fill("Anna")
        form.locator("button").first.click()
        expect(tab.locator("#told")).to_contain_text("named Anna")
        assert "Anna" in names()
        tab.locator("#told button", has_text="Undo").click()
        expect(tab.locator("#told")).to_contain_text("taken back")
    assert "Anna" not in {row["person"] for row in rows("cluster", "list")}


def test_without_script_a_review_goes_question_by_question(chromium: Browser, address: str, library: Path) -> None:
    with visitor(chromium, script=False) as context:
        tab = context.new_page()
        tab.goto(address)
        tab.goto(at(address, "/review"))
        for _ in range(10):
            if tab.locator("#name").count():
                break
            tab.goto(at(address, "/review"))  # it is looked for
        tab.locator("#name").fill("Anna")
        tab.locator("form.other button").click()
        expect(tab.locator("#sitting")).to_contain_text("Anna")
    assert names() == {"Anna"}


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_no_page_is_wider_than_the_screen(
    chromium: Browser, address: str, library: Path, size: tuple[int, int]
) -> None:
    assert call("cluster", "label", "1", "Maximiliana Wolkenstein-Trostburg-Rodenegg von und zu " + "x" * 120).code == 0
    with visitor(chromium, size) as context:
        tab = context.new_page()
        tab.goto(address)
        for where in ("/", "/unknown", "/review", "/search", "/together", "/duplicates", "/problems", "/runs", "/eval",
                      "/journal", "/person/1", "/cluster/1", "/photo/1"):  # fmt: skip
            tab.goto(at(address, where))
            wide = tab.evaluate("document.documentElement.scrollWidth")
            assert wide <= size[0], where
