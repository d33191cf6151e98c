"""Everything the page promises of its safety, attacked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from cli_fakes import RED, done, paint, rows
from library import add_photo, begin, found, name, new_index, say
from pages import HOST, TOKEN, Site, site, site_of, visitor

from faceindex.db import open_index
from faceindex.store import acts
from faceindex.web import Guard, create_app, hosts_of, safety
from faceindex.web.changing import ACTS

PASSWORD = "a good password"
PAGES = ("/", "/?by=name", "/unknown", "/ignored", "/review", "/search", "/together", "/duplicates", "/problems",
         "/runs", "/eval", "/journal", "/person/1", "/cluster/2", "/photo/1", "/timeline/1", "/news")  # fmt: skip
A_BROWSER = {"Accept": "text/html,*/*"}


@pytest.fixture
def painted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = site(tmp_path, monkeypatch)
    done("cluster", "label", "1", "Anna")
    return made


def app_of(site: Site, **options: Any) -> Any:
    """Another server on the same index."""
    app = create_app(site.index, Guard(frozenset({HOST}), **options))
    app.testing = True
    return app


def dump(site: Site) -> list[Any]:
    """What humans said, and the journal of it."""
    with open_index(site.index) as db:
        told = [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("journal", "person", "label", "cluster")]
    db.close()
    return [list(map(tuple, rows)) for rows in told]


# --------------------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize("page", [*PAGES, "/face/1.jpg", "/thumb/1.jpg", "/picture/1.jpg", "/no-such-page", "/do/undo"])
def test_nothing_is_shown_to_who_does_not_know_the_token(painted: Site, page: str) -> None:
    stranger = painted.app.test_client()
    for asked in (page, f"{page}?token=", f"{page}?token=wrong", f"{page}?token={TOKEN[:-1]}"):
        response = stranger.get(asked)
        assert response.status_code == 401, asked
        assert "Anna" not in response.text
        assert "Set-Cookie" not in response.headers


def test_the_token_opens_the_page_that_was_asked_for_and_does_not_stay_in_the_address(painted: Site) -> None:
    browser = painted.app.test_client()
    response = browser.get(f"/runs?before=3&token={TOKEN}")
    assert (response.status_code, response.headers["Location"]) == (303, "/runs?before=3")
    assert browser.get("/runs?before=3").status_code == 200
    again = browser.get(f"/runs?token={TOKEN}")
    assert (again.status_code, again.headers["Location"]) == (303, "/runs")


def test_the_cookie_is_for_this_server_alone_and_no_script_reads_it(painted: Site) -> None:
    cookie = painted.app.test_client().get(f"/?token={TOKEN}").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert TOKEN not in cookie


def test_two_servers_on_one_machine_have_cookies_of_different_names(painted: Site) -> None:
    one, two = (app_of(painted, token=TOKEN, cookie=f"faceindex-{port}") for port in (8470, 8471))
    names = [app.test_client().get(f"/?token={TOKEN}").headers["Set-Cookie"].partition("=")[0] for app in (one, two)]
    assert names == ["faceindex-8470", "faceindex-8471"]


def test_a_session_of_another_server_opens_nothing(painted: Site) -> None:
    other = app_of(painted, token="another")
    cookie = painted.client.client.get_cookie("faceindex").value
    thief = other.test_client()
    thief.set_cookie("faceindex", cookie)
    assert thief.get("/").status_code == 401


def test_a_session_ends(painted: Site) -> None:
    clock = [0.0]
    app = app_of(painted, token=TOKEN, clock=lambda: clock[0])
    browser = visitor(app).client
    clock[0] += safety.LONGEST_SESSION - 1
    assert browser.get("/").status_code == 200
    clock[0] += 2
    assert browser.get("/").status_code == 401


def test_who_leaves_is_out_also_where_one_may_only_look(painted: Site) -> None:
    for read_only in (False, True):
        guest = visitor(app_of(painted, token=TOKEN, read_only=read_only))
        assert guest.client.post("/logout", data={"word": guest.word}).status_code == 302
        assert guest.client.get("/").status_code == 401


def test_sessions_are_bounded() -> None:
    keeper = Guard(frozenset({HOST}), token=TOKEN)
    cookies = [keeper.begin() for _ in range(safety.MOST_SESSIONS + 10)]
    assert keeper.word_of(cookies[0]) is None
    assert keeper.word_of(cookies[-1])
    assert sum(keeper.word_of(cookie) is not None for cookie in cookies) == safety.MOST_SESSIONS


def test_a_ticket_opens_once(painted: Site) -> None:
    ticket = painted.keeper.ticket()
    assert painted.app.test_client().get(f"/?token={ticket}").status_code == 303
    assert painted.app.test_client().get(f"/?token={ticket}").status_code == 401


def test_a_link_on_another_site_that_knows_the_token_leads_in(painted: Site) -> None:
    """A browser sends no strict cookie along such a way, so the way must begin anew on a page of ours."""
    browser = painted.app.test_client()
    there = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    response = browser.get(f"/runs?token={TOKEN}", headers=there)
    assert response.status_code == 200
    assert 'content="0; url=/runs"' in response.text
    assert "Anna" not in response.text
    assert browser.get("/runs").status_code == 200


# ------------------------------------------------------------------------------------------- passwords


def test_without_the_password_nothing_is_shown_and_the_token_of_nobody_opens(painted: Site) -> None:
    app = app_of(painted, password=PASSWORD)
    for given in ("", "?token=", f"?token={PASSWORD}"):
        response = app.test_client().get("/" + given, headers=A_BROWSER)
        assert (response.status_code, response.headers["Location"]) == (302, "/login")
    assert app.test_client().get("/face/1.jpg", headers={"Accept": "image/*"}).status_code == 401


def test_the_password_opens(painted: Site) -> None:
    browser = app_of(painted, password=PASSWORD).test_client()
    assert browser.post("/login", data={"password": PASSWORD + "x"}).status_code == 403
    assert browser.get("/", headers=A_BROWSER).status_code == 302
    assert browser.post("/login", data={"password": PASSWORD}).status_code == 303
    assert "Anna" in browser.get("/").text


def test_wrong_passwords_are_slowed_down_more_and_more(painted: Site) -> None:
    clock = [1000.0]
    app = app_of(painted, password=PASSWORD, clock=lambda: clock[0])

    def guess(password: str) -> int:
        return int(app.test_client().post("/login", data={"password": password}).status_code)

    assert [guess("wrong") for _ in range(7)] == [403] * 5 + [429] * 2
    assert guess(PASSWORD) == 429  # also the right one: a guesser learns nothing meanwhile
    tried = 5
    while clock[0] < 1000 + 7200:
        clock[0] += 5
        tried += guess("wrong") == 403
    assert tried < 40  # in two hours
    clock[0] += safety.LONGEST_PAUSE
    assert guess(PASSWORD) == 303


def test_who_is_in_stays_in_while_others_guess(painted: Site) -> None:
    app = app_of(painted, password=PASSWORD)
    browser = app.test_client()
    browser.post("/login", data={"password": PASSWORD})
    for _ in range(20):
        app.test_client().post("/login", data={"password": "wrong"})
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("password", ["", "\0", "ä" * 20_000, "\ud800", "' OR 1=1 --"])
def test_odd_passwords_are_wrong_ones(painted: Site, password: str) -> None:
    given = password.encode("utf-8", "surrogatepass")
    assert app_of(painted, password=PASSWORD).test_client().post("/login", data={"password": given}).status_code == 403


# ------------------------------------------------------------------------------------------------ Host


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8470", "localhost.evil.example", "localhost@evil.example", "127.0.0.1.nip.io",
     "localhost:8470:1", "[::1", "", "localhost ", "2130706433"],
)  # fmt: skip
def test_a_foreign_host_gets_nothing(painted: Site, host: str) -> None:
    """DNS rebinding: a foreign name is pointed at this machine, so a page there is of one origin with what it asks."""
    response = painted.client.client.get(f"/?token={TOKEN}", headers={"Host": host})
    assert response.status_code in (400, 421)
    assert "Anna" not in response.text
    assert "Set-Cookie" not in response.headers


def test_other_headers_do_not_stand_in_for_the_host(painted: Site) -> None:
    for header in ("X-Forwarded-Host", "X-Host", "Forwarded"):
        assert painted.client.get("/", **{"Host": "evil.example", header: HOST}).status_code == 421
        assert painted.client.get("/", **{"Host": HOST, header: "evil.example"}).status_code == 200


@pytest.mark.parametrize(
    ("listen", "names", "known", "foreign"),
    [
        ("127.0.0.1", (), ["127.0.0.1:8470", "localhost:8470", "[::1]:8470", "LOCALHOST:8470"],
         ["0.0.0.0:8470", "192.168.1.10:8470", "nas:8470", "localhost:8471"]),
        ("::1", (), ["[::1]:8470", "localhost:8470"], ["[::2]:8470"]),
        ("192.168.1.10", ("nas",), ["192.168.1.10:8470", "nas:8470", "nas"], ["localhost:8470", "192.168.1.11:8470"]),
        ("0.0.0.0", ("nas",), ["192.168.1.10:8470", "10.0.0.1:8470", "[fd00::1]:8470", "nas:8470", "localhost:8470"],
         ["evil.example:8470", "nas.evil.example:8470", "1.2.3.4.evil.example"]),
        ("0.0.0.0", ("photos.example.org", "photos.example.org:8443"),
         ["photos.example.org", "Photos.example.org:8443"], ["example.org"]),
    ],
)  # fmt: skip
def test_a_server_goes_by_the_names_that_it_was_told(
    painted: Site, listen: str, names: tuple[str, ...], known: list[str], foreign: list[str]
) -> None:
    app = create_app(painted.index, Guard(hosts_of(listen, 8470, names), token=TOKEN))
    for hosts, code in ((known, 401), (foreign, 421)):
        for host in hosts:
            assert app.test_client().get("/", headers={"Host": host}).status_code == code, host


# --------------------------------------------------------------------------------------- foreign posts


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:9999"},  # another server on this machine
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},  # a form that is sent there
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_a_post_from_another_site_changes_nothing_even_with_cookie_and_word(
    painted: Site, headers: dict[str, str]
) -> None:
    before = dump(painted)
    for path in ("/do/label-cluster", "/do/undo", "/logout", "/login"):
        data = {"word": painted.client.word, "cluster": "2", "name": "Mallory"}
        assert painted.client.client.post(path, data=data, headers=headers).status_code == 403, path
    assert dump(painted) == before


@pytest.mark.parametrize("word", [None, "", "wrong", "ä", "\0"])
def test_a_post_without_the_word_of_the_session_changes_nothing(painted: Site, word: str | None) -> None:
    before = dump(painted)
    for act in ACTS:
        data = {"cluster": "1", "name": "Mallory"} | ({} if word is None else {"word": word})
        assert painted.client.client.post(f"/do/{act}", data=data).status_code == 403, act
    assert dump(painted) == before


def test_the_word_of_one_session_is_worth_nothing_in_another(painted: Site) -> None:
    other = visitor(painted.app)
    assert other.word != painted.client.word
    refused = painted.client.client.post("/do/undo", data={"word": other.word})
    assert refused.status_code == 403


@pytest.mark.parametrize("site_of_asker", ["cross-site", "same-site"])
def test_pages_elsewhere_may_lead_here_but_embed_nothing(painted: Site, site_of_asker: str) -> None:
    for page in ("/", "/face/1.jpg", "/news", "/static/page.js"):
        for mode in ("no-cors", "cors", "websocket"):
            asked = painted.client.get(page, **{"Sec-Fetch-Site": site_of_asker, "Sec-Fetch-Mode": mode})
            assert asked.status_code == 403
    led = painted.client.get("/", **{"Sec-Fetch-Site": site_of_asker, "Sec-Fetch-Mode": "navigate"})
    assert led.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_no_other_methods(painted: Site, method: str) -> None:
    for page in ("/", "/do/undo", "/login", "/static/page.js", "/nowhere"):
        assert painted.client.client.open(page, method=method).status_code == 405


def test_an_act_is_posted_never_got(painted: Site) -> None:
    before = dump(painted)
    for act in ACTS:
        for asked in (painted.client.client.get, painted.client.client.head):
            assert asked(f"/do/{act}?cluster=1&name=M&word={painted.client.word}").status_code in (404, 405)
    assert dump(painted) == before


def test_head_tells_what_get_tells_without_the_page(painted: Site) -> None:
    response = painted.client.client.head("/")
    assert (response.status_code, response.data) == (200, b"")
    assert painted.app.test_client().head(f"/?token={TOKEN}").status_code == 401


@pytest.mark.parametrize(
    "back",
    ["http://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "///evil.example/x",
     "https:evil.example", "javascript:alert(1)",
     "/\t/evil.example", "/\n/evil.example", "//[", "", "\r\nX-Evil: 1", "/%0d%0aX-Evil:1"],
)  # fmt: skip
def test_after_a_form_one_stays_here(painted: Site, back: str) -> None:
    response = painted.client.post_form("ignore-clusters", back, clusters=2)
    assert response.status_code == 303
    there = urlsplit(urljoin("http://localhost/", response.headers["Location"]))
    assert (there.scheme, there.netloc) == ("http", "localhost")
    assert "X-Evil" not in response.headers


def test_a_token_on_a_foreign_looking_path_leads_nowhere_else(painted: Site) -> None:
    for path in ("//evil.example", "///evil.example", "/\\evil.example", "/%2f%2fevil.example"):
        response = painted.app.test_client().get(f"http://localhost{path}?token={TOKEN}")
        there = urlsplit(urljoin("http://localhost/", response.headers["Location"]))
        assert there.netloc == "localhost", path


# --------------------------------------------------------------------------------------------- headers


class Links(HTMLParser):
    """Where a page leads, and what a strict policy would forbid on it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.outside: list[str] = []
        self.forbidden: list[str] = []
        self.inside: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        for key, value in attrs:
            if key in ("href", "src", "action", "data-src") and value and not value.startswith("data:"):
                (self.outside if urlsplit(value).netloc else self.links).append(value)
                if value.lower().startswith("javascript:"):
                    self.forbidden.append(value)
            if key == "style" or key.startswith("on"):
                self.forbidden.append(f"<{tag} {key}={value}>")
        if tag in ("style", "iframe", "object", "embed", "base"):
            self.forbidden.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        if self.inside == "script" and data.strip():
            self.forbidden.append(f"<script>{data}")

    def handle_endtag(self, tag: str) -> None:
        self.inside = None


def crawl(site: Site, *starts: str, most: int = 400) -> Iterator[tuple[str, Any]]:
    """Every page that can be reached from these by links."""
    todo, seen = list(starts), set(starts)
    while todo and len(seen) < most:
        page = todo.pop(0)
        response = site.client.client.get(page)
        assert response.data is not None
        response.close()  # of what is streamed
        yield page, response
        if response.mimetype == "text/html":
            for link in Links(response.text).links:
                there = urljoin(page, link).partition("#")[0]
                if there not in seen and not there.startswith("/do/"):
                    seen.add(there)
                    todo.append(there)


def test_every_page_that_can_be_reached_is_sound_and_bears_the_headers(painted: Site) -> None:
    reached = dict(crawl(painted, *PAGES))
    assert len(reached) > 30
    for page, response in reached.items():
        assert response.status_code == 200, page
        for header, value in safety.HEADERS.items():
            assert response.headers[header] == value, page
        assert "Access-Control-Allow-Origin" not in response.headers
        if response.mimetype == "text/html":
            found = Links(response.text)
            assert (found.forbidden, found.outside) == ([], []), page
            assert response.headers["Cache-Control"] == "no-store", page


def test_the_policy_allows_nothing_inline_nothing_from_outside_and_no_frames() -> None:
    policy = dict(part.split(" ", 1) for part in safety.HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[each] for each in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert not re.search(r"unsafe|http|\*|blob:", safety.HEADERS["Content-Security-Policy"])


@pytest.mark.parametrize("page", ["/nowhere", "/do/undo", "/face/0.jpg", "/static/nothing.js", "/person/999999"])
def test_refusals_bear_the_headers_too(painted: Site, page: str) -> None:
    for client in (painted.client.client, painted.app.test_client()):
        response = client.get(page)
        assert response.status_code in (401, 404, 405)
        assert response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] in ("no-store", "no-cache")


def test_only_pictures_are_kept_by_the_browser_and_by_no_one_between(painted: Site) -> None:
    response = painted.client.get("/face/1.jpg")
    assert response.headers["Cache-Control"] == "private, max-age=86400"
    assert painted.client.get("/").headers["Cache-Control"] == "no-store"
    again = painted.client.get("/face/1.jpg", **{"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


# ---------------------------------------------------------------------------------- paths and numbers

TRAVERSALS = ("../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd",
              "....//etc/passwd", "..\\..\\etc\\passwd", "%00", "1.jpg%00.html", "file:///etc/passwd")  # fmt: skip
NUMBERS = ("0", "-1", "999999", "9" * 18, "9" * 19, "9223372036854775808", "9" * 5000, "1e3", "0x1", "1.5", "NaN", "٣",
           "²", " 1", "+1", "1 OR 1=1", "%00", "")  # fmt: skip
BY_NUMBER = (
    "/face/{}.jpg",
    "/thumb/{}.jpg",
    "/picture/{}.jpg",
    "/person/{}",
    "/cluster/{}",
    "/photo/{}",
    "/timeline/{}",
)


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out(painted: Site, path: str) -> None:
    for before in ("/static/", "/face/", "/thumb/", "/picture/", "/photo/", "/"):
        response = painted.client.get("http://localhost" + before + path)
        assert response.status_code in (301, 302, 303, 308, 400, 404), before + path
        assert b"root:" not in response.data


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_of_nothing_and_no_numbers_are_no_page(painted: Site, number: str) -> None:
    for page in BY_NUMBER:
        response = painted.client.get(page.format(number))
        assert response.status_code in (400, 404, 308), page.format(number[:30])


@pytest.mark.parametrize("value", [*NUMBERS, *TRAVERSALS, "<script>", "'", "\ud800", "a" * 10_000])
def test_odd_words_in_an_address_break_no_page(painted: Site, value: str) -> None:
    names = ("from", "before", "entry", "by", "of", "face", "q", "all", "any", "only", "to", "folder", "camera",
             "again", "after", "kind", "page", "people", "nobody")  # fmt: skip
    for page in (*(page for page in PAGES if "?" not in page), "/names"):
        given = {name: value.encode("utf-8", "surrogatepass") for name in names}
        response = painted.client.client.get(page, query_string=given)
        assert response.status_code in (200, 400, 404, 409), page
        assert "<script>" not in re.sub(r"<script defer src=[^>]*>", "", response.text), page


@pytest.mark.parametrize(
    "value",
    [
        *(n for n in NUMBERS if n not in ("", " 1", "٣")),
        *TRAVERSALS,
        "new",
        "1,2,x",
        ",".join(["1"] * 20_000),
        "nan,0,1,1",
        "\ud800",
    ],
)
def test_odd_words_in_a_form_are_told_and_change_nothing(painted: Site, value: str) -> None:
    before = dump(painted)
    fields = (
        "cluster",
        "clusters",
        "into",
        "others",
        "one",
        "other",
        "faces",
        "parts",
        "photo",
        "box",
        "entry",
        "problems",
    )
    data = dict.fromkeys(fields, value.encode("utf-8", "surrogatepass")) | {"name": "Mallory", "person": "Nobody"}
    for act in ACTS:
        headers = {"Accept": "application/json", "X-Word": painted.client.word}
        response = painted.client.client.post(f"/do/{act}", data=data, headers=headers)
        assert response.status_code in (409, 413), (act, response.text)
        assert set(response.json) == {"error"}
    assert dump(painted) == before


def test_pictures_come_by_number_and_only_of_what_the_index_knows(painted: Site) -> None:
    secret = paint(painted.folder / "new.png", RED, side=90)  # the index does not know it yet
    with open_index(painted.index) as db:
        (most,) = db.execute("SELECT max(photo_id) FROM photo").fetchone()
        (path,) = db.execute("SELECT path FROM photos WHERE photo_id = 1").fetchone()
    db.close()
    assert painted.client.get(f"/picture/{most + 1}.jpg").status_code == 404
    assert painted.client.get("/picture/1.jpg").data.startswith(b"\xff\xd8")
    shutil.copy(secret, path)  # another picture in a known one's place
    assert painted.client.get("/picture/1.jpg").status_code == 404
    Path(path).unlink()
    Path(path).symlink_to("/etc/passwd")
    assert painted.client.get("/picture/1.jpg").status_code == 404


def test_pictures_bear_nothing_that_the_camera_wrote(painted: Site) -> None:
    for page in ("/face/1.jpg", "/thumb/1.jpg", "/picture/1.jpg"):
        assert b"Exif" not in painted.client.get(page).data


# --------------------------------------------------------------------------------------- sizes and names


def test_a_body_that_is_too_large_is_refused_unread(painted: Site) -> None:
    before = dump(painted)
    for data in ({"name": "x" * (safety.MOST_BODY + 1)}, {f"f{n}": "1" for n in range(40_000)}):
        response = painted.client.client.post("/do/label-cluster", data=data, headers={"X-Word": painted.client.word})
        assert response.status_code == 413
        assert painted.app.test_client().post("/login", data=data).status_code in (404, 413)
    assert dump(painted) == before


HOSTILE = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)",
    "</title><script>alert(2)</script>", "{{ 7*7 }}", "{% raw %}", "&lt;b&gt;&amp;", "\u202egnp.exe", "a\u200bb",
    "%3Cscript%3E", "`${alert(1)}`", "N" * 200, "../../x", "javascript:alert(1)", "O'Brien \\ \"Bo\"", "ä😀字",
)  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path) -> Site:
    """People, folders, cameras and errors with names that would like to be more than names."""
    db = new_index(tmp_path)
    run = begin(db)
    for n, each in enumerate(HOSTILE):
        part = each.replace("/", "∕").replace("\0", "")[:100]
        shown = [add_photo(db, run, f"/photos/{part}/{part}{m}.jpg", f"who {n}", f"other {n}")[0] for m in range(3)]
        name(db, found(db, run, shown), f"person {n}")
        say(db, shown[0], f"person {n}")
        with db:  # some of them no command would take; another program's index may hold them
            db.execute("UPDATE person SET name = ? WHERE name = ?", (each, f"person {n}"))
    with db:
        db.execute("UPDATE photo SET camera = (SELECT name FROM person WHERE person_id = 1 + photo_id % 16)")
        db.execute("UPDATE photo SET format = '<b>', taken_at = '2020-01-01T00:00:00'")
        db.execute("UPDATE run SET notes = ?, version = ?", (HOSTILE[0], HOSTILE[0]))
        db.execute(
            """INSERT INTO problem (file_id, stage, kind, message, retry, first_at, last_at, run_id)
               SELECT file_id, 'read', 'unreadable', ?, 0, at, at, 1
               FROM file, (SELECT '2020-01-01T00:00:00Z' AS at)""",
            (HOSTILE[1],),
        )
        db.execute(
            """INSERT INTO file (folder_id, name, kind, size, mtime_ns, ctime_ns, device, inode, digest, stale)
               SELECT folder_id, name || ?, kind, size, 1, 1, 9, file_id, digest, 0 FROM file""",
            (HOSTILE[0],),
        )
    db.close()
    return site_of(tmp_path / "faces.db")


def test_names_are_only_ever_names_on_every_page_that_can_be_reached(hostile: Site) -> None:
    numbers = [f"/{kind}/{n}" for kind in ("person", "cluster", "photo", "timeline") for n in range(1, 17)]
    reached = dict(crawl(hostile, *PAGES, *numbers, "/names?q=a", "/names?q="))
    pages = {page: response for page, response in reached.items() if response.mimetype == "text/html"}
    assert len(pages) > 40
    for page, response in pages.items():
        assert response.status_code in (200, 404), page
        found = Links(response.text)
        assert (found.forbidden, found.outside) == ([], []), page
        for raw in HOSTILE[:4]:
            assert raw not in response.text, page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages["/"].text


def test_what_scripts_are_told_is_json_and_nothing_else(hostile: Site) -> None:
    answer = hostile.client.client.post(
        "/do/rename-person", data={"person": HOSTILE[0], "name": HOSTILE[0] + "!"},
        headers={"Accept": "application/json", "X-Word": hostile.client.word},
    )  # fmt: skip
    assert answer.mimetype == "application/json"
    assert HOSTILE[0] in answer.json["told"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# ------------------------------------------------------------------------------------------- read-only


def test_who_may_only_look_can_change_nothing(painted: Site) -> None:
    guest = visitor(app_of(painted, token=TOKEN, read_only=True))
    before = dump(painted)
    (problem,) = (row["problem"] for row in rows("problem", "list"))
    fields = {"cluster": 1, "clusters": 2, "into": 1, "others": 2, "one": 1, "other": "Ben", "faces": 1, "parts": 2,
              "photo": 1, "box": "1,1,9,9", "name": "Mallory", "person": "Anna", "problems": problem}  # fmt: skip
    for act in ACTS:
        answer = guest.post_act(act, **fields)
        assert (answer.code, "looking only" in answer.told) == (403, True), act
    assert dump(painted) == before
    assert rows("problem", "list")[0]["next"] == "given up"


def test_who_may_only_look_is_shown_no_form_that_changes_something(painted: Site) -> None:
    made = site_of(painted.index, read_only=True)
    for page, response in crawl(made, *PAGES):
        if response.mimetype == "text/html":
            assert 'method="post"' not in response.text, page
            assert "data-read-only" in response.text, page


def test_every_route_that_takes_posts_is_refused_to_who_may_only_look(painted: Site) -> None:
    guest = visitor(app_of(painted, token=TOKEN, read_only=True))
    rules = [rule for rule in painted.app.url_map.iter_rules() if "POST" in rule.methods]
    assert len(rules) >= 3
    for rule in rules:
        if rule.endpoint in ("login", "logout"):
            continue
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        assert guest.client.post(path, headers={"X-Word": guest.word}).status_code == 403, path


# ------------------------------------------------------------------------------------------ the index


def test_an_index_that_is_taken_away_is_told_and_found_again(painted: Site) -> None:
    painted.index.rename(painted.index.with_suffix(".away"))
    response = painted.client.get("/")
    assert (response.status_code, "is not there now" in response.text) == (409, True)
    painted.index.with_suffix(".away").rename(painted.index)
    assert painted.client.get("/").status_code == 200


def test_a_busy_index_is_told_and_nothing_is_lost_or_done_twice(painted: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceindex.web.index.BUSY_MS", 1)
    painted.client.client.get("/")
    fresh = visitor(app_of(painted, token=TOKEN))
    from faceindex.web import index  # noqa: PLC0415

    index.close()
    writing = open_index(painted.index)
    writing.execute("BEGIN IMMEDIATE")
    assert fresh.page("/")  # looking goes on
    answer = fresh.post_act("ignore-clusters", clusters=2)
    assert (answer.code, "is writing just now" in answer.told) == (503, True)
    writing.rollback()
    writing.close()
    assert fresh.post_act("ignore-clusters", clusters=2).code == 200


def test_a_bug_shows_nothing_of_itself(painted: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("the secret inside")

    monkeypatch.setattr(acts, "ignore_clusters", broken)
    painted.app.testing = False
    painted.app.logger.disabled = True
    response = painted.client.client.post("/do/ignore-clusters", data={"clusters": 2, "word": painted.client.word})
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.headers["Content-Security-Policy"]


# ------------------------------------------------------------------------- what a new user found


def test_a_link_on_another_page_leads_in_whoever_was_let_in(painted: Site) -> None:
    """A browser sends a strict cookie only where one of our own pages leads, so ours leads there once more."""
    client = painted.client.client
    stranger = client.application.test_client()
    asked = stranger.get("/person/1?by=newest", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert (asked.status_code, "url=/person/1?by=newest" in asked.text) == (200, True)
    assert stranger.get("/person/1", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 401
