"""What hands do to the pages in a real browser: press twice, go back, click without dragging; and no server answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import CHROMIUM, PHONE, browser, serving, visitor
from cli_fakes import done, indexed, rows
from library import add_photo, begin, found, name, new_index

from faceindex.db import open_index

pytest.importorskip("playwright", reason="drives the browser")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")

LONG = "Maximiliana Wolkenstein-Trostburg-Rodenegg " + "x" * 157
RED, GREEN, ANNA = ".tile[data-faces='4']", ".tile[data-faces='2']", ".tile[data-person=Anna]"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return indexed(tmp_path, monkeypatch)


@pytest.fixture
def page(chromium: Browser, folder: Path) -> Iterator[Page]:
    """A tab that was let in to a painted library; red, green and blue are nobody yet."""
    with serving() as address, visitor(chromium) as context:
        tab = context.new_page()
        tab.goto(address)
        yield tab


def there(page: Page, where: str) -> str:
    return "/".join(page.url.split("/")[:3]) + where


def photo(path: Path) -> int:
    """The number of the photo at a path."""
    with closing(open_index(Path(os.environ["FACEINDEX_DB"]))) as db:
        return int(db.execute("SELECT photo_id FROM files WHERE path = ?", (str(path),)).fetchone()[0])


def people() -> set[str]:
    return {row["person"] for row in rows("person", "list")}


def drag(page: Page, one: str, other: str) -> None:
    page.locator(one).drag_to(page.locator(other))


@pytest.mark.parametrize("how", ["choosing", "dragging", "photo", "undoing"])
def test_a_server_that_is_gone_is_told_of_whatever_one_does(page: Page, folder: Path, how: str) -> None:
    where = {"choosing": "/cluster/1", "photo": f"/photo/{photo(folder / 'both.png')}"}.get(how, "/")
    page.goto(there(page, where))
    if how == "undoing":
        page.evaluate("tell({ told: 'done', entry: 1 })")
    page.route("**/do/**", lambda route: route.abort("connectionrefused"))
    if how == "choosing":
        page.locator(".pick").first.click()
        page.keyboard.press("x")
    elif how == "dragging":
        drag(page, RED, GREEN)
        page.locator("#merge [value=yes]").click()
    elif how == "photo":
        page.locator("#faces button", has_text="Ignore").first.click()
    else:
        page.locator("#told button").click()
    expect(page.locator("#told .wrong")).to_have_text(
        "the server does not answer; is 'faceindex serve' still running? nothing was changed"
    )


def test_pressing_undo_twice_takes_back_one_change(page: Page) -> None:
    done("cluster", "label", "1", "Anna")
    done("cluster", "label", "2", "Ben")
    page.goto(there(page, "/"))
    with page.expect_navigation():
        page.evaluate(
            "const undo = document.querySelector('header .undo button'); undo.click(); undo.click(); keys.u()"
        )
    expect(page.locator("#told")).to_contain_text("taken back")
    assert {row["person"] for row in rows("cluster", "list") if row["person"]} == {"Anna"}


def test_undo_on_top_takes_back_what_was_done_on_this_page_since_it_came(page: Page) -> None:
    done("cluster", "label", "1", "Anna")
    page.goto(there(page, "/cluster/2"))
    page.evaluate("act('label-cluster', { cluster: 2, name: 'Ben' })")
    expect(page.locator("#told")).to_contain_text("Ben")
    with page.expect_navigation():
        page.keyboard.press("u")
    assert {row["person"] for row in rows("cluster", "list") if row["person"]} == {"Anna"}


def test_a_photo_that_cannot_be_read_shows_its_small_picture_and_is_not_drawn_on(page: Page, folder: Path) -> None:
    here, other = photo(folder / "both.png"), photo(folder / "nobody.png")
    assert page.goto(there(page, f"/thumb/{here}.jpg"))
    small = Path(os.environ["FACEINDEX_DB"] + ".thumbnails")
    for path in folder.rglob("*.png"):
        path.unlink()
    page.goto(there(page, f"/photo/{here}"))
    expect(page.locator("#unread")).to_have_text("the photo cannot be read now; this is the small picture of it")
    expect(page.locator(".picture image")).to_have_attribute("href", f"/thumb/{here}.jpg")
    assert page.locator("#draw, #missed").count() == 0
    page.keyboard.press("d")
    expect(page.locator("#drawn")).to_be_hidden()
    for path in small.parent.glob(small.name + "*"):
        path.unlink()
    page.goto(there(page, f"/photo/{other}"))
    expect(page.locator("#unread")).to_contain_text("cannot be read now")


def test_a_click_without_dragging_waits_for_a_box(page: Page, folder: Path) -> None:
    page.goto(there(page, f"/photo/{photo(folder / 'nobody.png')}"))
    page.keyboard.press("d")
    before = page.locator("#missed [name=box]").input_value()
    page.locator("#frame svg").click(position={"x": 20, "y": 20})
    expect(page.locator("#drawn")).to_be_focused()
    assert page.locator("#missed [name=box]").input_value() == before
    page.keyboard.press("Enter")
    expect(page.locator("#missed [name=name]")).to_be_focused()


def test_a_merge_shows_both_faces_and_names_and_no_number(page: Page) -> None:
    done("cluster", "label", "1", "Anna")
    page.goto(there(page, "/"))
    drag(page, ANNA, GREEN)
    expect(page.locator("#merge-asked")).to_have_text("Merge the cluster without a name into Anna?")
    assert page.locator("#merge-both img").count() == 2
    expect(page.locator("#merge-both")).to_contain_text("Anna, ")
    page.locator("#merge [value=yes]").click()
    expect(page.locator("#told")).to_contain_text("Anna")


def test_a_menu_makes_two_people_one_only_when_asked_and_told_so(page: Page) -> None:
    done("cluster", "label", "1", "Anna")
    done("cluster", "label", "2", "Ben")
    page.goto(there(page, "/"))
    for answer, left in (("", {"Anna", "Ben"}), ("yes", {"Anna"})):
        page.locator("[data-person=Ben] .menu").click()
        page.locator("#menu-name").fill("anna")
        page.keyboard.press("Enter")
        expect(page.locator("#merge-asked")).to_have_text("Merge Ben into Anna?")
        page.locator(f"#merge [value='{answer}']").click()
        expect(page.locator("#merge")).to_be_hidden()
        if answer:
            expect(page.locator(".tile.gone")).to_contain_text("now with Anna")
        assert people() == left


def test_whoever_comes_back_is_where_they_were(chromium: Browser, tmp_path: Path) -> None:
    with closing(new_index(tmp_path)) as db:
        run = begin(db)
        for number in range(150):
            face = add_photo(db, run, f"/p/{number}.jpg", f"Person {number}")
            name(db, found(db, run, face), f"Person {number}")
    with serving(FACEINDEX_DB=str(tmp_path / "faces.db")) as address, visitor(chromium) as context:
        page = context.new_page()
        page.goto(address)
        while page.locator("a[rel=next]").count():
            page.mouse.wheel(0, 4000)
            page.wait_for_timeout(50)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        down = page.evaluate("Math.round(scrollY)")
        last = page.locator(".tile > a:first-child").last
        last.click()
        page.wait_for_url("**/person/*")
        page.go_back()
        expect(page.locator("[data-more] > .tile")).to_have_count(150)
        page.wait_for_function("wanted => Math.abs(scrollY - wanted) < 5", arg=down)
        page.locator("nav .brand").click()
        page.wait_for_load_state()
        assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("where", ["/", "/person/1", "/cluster/1", "/photo"])
def test_a_very_long_name_stretches_nothing(page: Page, folder: Path, where: str) -> None:
    done("cluster", "label", "1", LONG)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.goto(there(page, where if where != "/photo" else f"/photo/{photo(folder / 'both.png')}"))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    for each in page.locator(".tile .name, h1, button:not(dialog button), .picture text").all():
        box = each.bounding_box()
        assert box is None or box["height"] < 100, each.inner_text()
    assert page.locator(f"[title*='{LONG}'], title:text('{LONG}')").count()


def test_on_a_phone_a_sample_of_the_legend_stays_with_its_word(page: Page, folder: Path) -> None:
    page.set_viewport_size({"width": 320, "height": PHONE[1]})
    page.goto(there(page, f"/photo/{photo(folder / 'both.png')}"))
    for pair in page.locator(".legend .pair").all():
        box = pair.bounding_box()
        assert box
        assert box["height"] < 30
