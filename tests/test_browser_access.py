"""Every page in a real browser: accessible by axe-core, by keyboard alone, safe from other sites' pages."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import CHROMIUM, DESKTOP, PHONE, at, browser, serving, visitor
from cli_fakes import done, indexed, rows

pytest.importorskip("playwright", reason="drives the browser")
axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="carries axe-core")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")

PAGES = ("/", "/unknown", "/ignored", "/review", "/search", "/search?all=Anna", "/together", "/duplicates", "/problems",
         "/runs", "/eval", "/journal", "/person/1", "/cluster/1", "/cluster/2", "/photo/1", "/timeline/1", "/why/1",
         "/nowhere")  # fmt: skip
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}  # all that is other in the dark
CHANGING = ("/review", "/eval")  # once they were loaded
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A library with a bit of everything: names, strangers, duplicates, a problem, something taken back."""
    with pytest.MonkeyPatch.context() as patch:
        indexed(tmp_path_factory.mktemp("access"), patch)
        done("cluster", "label", "1", "Anna")
        done("cluster", "label", "2", HOSTILE)
        done("cluster", "label", "3", "Cleo")
        done("undo")
        with serving() as started:
            yield started


@contextmanager
def let_in(chromium: Browser, address: str, *how: Any) -> Iterator[BrowserContext]:
    with visitor(chromium, *how) as context:
        tab = context.new_page()
        tab.goto(address)
        tab.close()
        yield context


# ------------------------------------------------------------------------------------------------- axe


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_on_any_page(chromium: Browser, address: str, size: tuple[int, int], scheme: str) -> None:
    found = []
    with let_in(chromium, address, size, scheme) as context:
        for where in PAGES:
            page = context.new_page()
            page.goto(at(address, where), wait_until="networkidle" if where in CHANGING else "load")
            found += [f"{where}: {each}" for each in violations(page, COLOURS if scheme == "dark" else RULES)]
            page.close()
    assert found == []


def violations(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """What axe-core says against a page. It is given to the page by the debugger, which the page's policy allows."""
    results = axe_playwright.Axe().run(page, options=rules).response
    return [f"{each['id']} {node['html'][:160]} ({node['failureSummary']})"
            for each in results["violations"] for node in each["nodes"]]  # fmt: skip


def test_axe_is_asked_indeed(chromium: Browser) -> None:
    with visitor(chromium) as context:
        page = context.new_page()
        page.set_content("<main><h1>Faces</h1><img src='data:,'><p style='color: #ccc'>faint</p></main>")
        assert {"image-alt", "color-contrast"} <= {each.split()[0] for each in violations(page)}


def test_axe_finds_nothing_where_a_password_is_asked_for(chromium: Browser, address: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a good password\n")
    (tmp_path / "password").chmod(0o600)
    with serving("--password-file", str(tmp_path / "password")) as locked, visitor(chromium) as context:
        page = context.new_page()
        page.goto(locked)
        assert page.url.endswith("/login")
        assert violations(page) == []
        page.keyboard.type("wrong password")
        page.keyboard.press("Enter")
        page.get_by_text("that is not the password").wait_for()
        assert violations(page) == []
        page.keyboard.type("a good password")
        page.keyboard.press("Enter")
        page.get_by_role("navigation").first.wait_for()


# -------------------------------------------------------------------------------------------- keyboard

FOCUSED = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return null;
  const looks = () => [here, ...here.querySelectorAll("*")].map((each) => {
    const look = getComputedStyle(each);
    return [look.outlineStyle, look.outlineWidth, look.boxShadow, look.stroke, look.strokeWidth, look.fill,
            look.backgroundColor, look.borderColor, look.textDecoration].join();
  }).join();
  const style = getComputedStyle(here), box = here.getBoundingClientRect();
  let drawn = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || here.type === "date";
  if (!drawn) {  // otherwise marked: looks another way without the focus
    const focused = looks();
    here.blur();
    drawn = looks() !== focused;
    here.focus();
  }
  return {
    what: here.outerHTML.slice(0, 120), drawn,
    hidden: box.width < 1 || box.height < 1 || style.visibility === "hidden" || style.opacity === "0",
    inside: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
  };
}"""
COUNT = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((each) => !each.disabled && each.tabIndex >= 0 && each.type !== "hidden" && each.checkVisibility()).length"""


@pytest.mark.parametrize("where", PAGES)
def test_a_page_is_walked_with_the_keyboard_alone_and_the_focus_is_seen(
    chromium: Browser, address: str, where: str
) -> None:
    with let_in(chromium, address) as context:
        page = context.new_page()
        page.goto(at(address, where), wait_until="networkidle")
        page.evaluate("document.activeElement.blur()")
        reached: dict[str, int] = {}
        for _ in range(page.evaluate(COUNT) + 5):
            page.keyboard.press("Tab")
            seen = page.evaluate(FOCUSED)
            if seen is None:
                continue  # once around
            assert seen["drawn"], seen
            assert not seen["hidden"], seen
            assert seen["inside"], seen
            reached[seen["what"]] = reached.get(seen["what"], 0) + 1
        assert len(reached) >= 10


def test_the_first_key_leads_past_the_links_to_the_content(chromium: Browser, address: str) -> None:
    with let_in(chromium, address) as context:
        page = context.new_page()
        page.goto(at(address, "/runs"))
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


SMALL = """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, summary, nav a, .tile > a")]
  .filter((each) => each.checkVisibility())
  .map((each) => [each.closest("label") ?? each, each])
  .map(([area, each]) => [area.getBoundingClientRect(), each.outerHTML.slice(0, 100)])
  .filter(([box]) => box.width && box.height && box.right > 0 && (box.height < 43.5 || box.width < 43.5))
  .map(([box, html]) => `${box.width.toFixed()}x${box.height.toFixed()} ${html}`)"""


@pytest.mark.parametrize("where", PAGES)
def test_on_a_phone_what_is_touched_is_large_enough(chromium: Browser, address: str, where: str) -> None:
    with let_in(chromium, address, PHONE) as context:
        page = context.new_page()
        page.goto(at(address, where), wait_until="networkidle")
        assert page.evaluate(SMALL) == []


# ---------------------------------------------------------------------------------------- other sites


@contextmanager
def another_site(text: str) -> Iterator[str]:
    """A page of somebody else's, on another port of this machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_another_sites_page_can_embed_nothing(chromium: Browser, address: str) -> None:
    home = at(address, "")
    text = f"""<img id=i src="{home}/face/1.jpg"><iframe src="{home}/"></iframe>
        <script src="{home}/static/page.js"></script><link rel=stylesheet href="{home}/static/style.css">"""
    with let_in(chromium, address) as context, another_site(text) as elsewhere:
        page = context.new_page()
        page.goto(elsewhere, wait_until="networkidle")
        assert page.evaluate("document.getElementById('i').naturalWidth") == 0
        assert page.evaluate("typeof act") == "undefined"
        (frame,) = page.frames[1:]
        assert "Anna" not in frame.content()
        told = page.evaluate(f"fetch('{home}/', {{credentials: 'include'}}).then((r) => r.text(), () => 'refused')")
        assert told == "refused"


def test_another_sites_form_changes_nothing(chromium: Browser, address: str) -> None:
    before = rows("journal")
    text = f"""<form method=post action="{at(address, "/do/ignore-clusters")}"><input name=clusters value=1>
        <input name=word value=x></form><script>document.forms[0].submit()</script>"""
    with let_in(chromium, address) as context, another_site(text) as elsewhere:
        page = context.new_page()
        with page.expect_navigation(url="**/do/**"):
            page.goto(elsewhere)
        page.get_by_text("that was not asked from this page").wait_for()
    assert rows("journal") == before


def test_a_link_elsewhere_with_the_token_leads_in(chromium: Browser, address: str) -> None:
    with visitor(chromium) as context, another_site(f'<a href="{address}">the faces</a>') as elsewhere:
        page = context.new_page()
        page.goto(elsewhere)
        page.get_by_text("the faces").click()
        page.get_by_role("link", name="Journal").wait_for()
        assert "token" not in page.url


def test_the_browser_asks_nobody_but_this_server_and_runs_no_name(chromium: Browser, address: str) -> None:
    asked: set[str] = set()
    complaints: list[str] = []
    with let_in(chromium, address) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.add(request.url.split("/")[2]) if "//" in request.url else None)
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on(
            "console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for where in PAGES:
            page.goto(at(address, where), wait_until="networkidle" if where in CHANGING else "load")
    assert asked == {address.split("/")[2]}
    assert complaints == []


def test_a_script_reads_no_cookie(chromium: Browser, address: str) -> None:
    with let_in(chromium, address) as context:
        page = context.new_page()
        page.goto(at(address, "/"))
        assert page.evaluate("document.cookie") == ""
        (cookie,) = context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
