"""Fifty people look at the pages while a scan writes and one of them labels: no errors, no lost label."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import re
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psutil
import pytest
from browsing import serving
from cli_fakes import BLUE, GREEN, RED, call, indexed, paint

READERS = 50
ROUNDS = 4  # scans
MOST_GROWTH = 80 * 2**20  # bytes that the server may take for all of that
PAGES = ("/", "/?by=name", "/unknown", "/cluster/1", "/photo/1", "/duplicates", "/problems", "/runs", "/journal",
         "/search", "/news", "/face/1.jpg", "/thumb/2.jpg", "/face/3.jpg")  # fmt: skip


@dataclass
class Reader:
    """One connection that is kept, and what came over it."""

    host: str
    cookie: str = ""
    word: str = ""
    answers: dict[int, int] = field(default_factory=dict)  # by code

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.host, timeout=60)

    def ask(self, method: str, page: str, body: str = "", **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
        sent = {"Cookie": self.cookie, **{key.replace("_", "-"): value for key, value in headers.items()}}
        self.connection.request(method, page, body or None, sent)
        with self.connection.getresponse() as response:
            text = response.read().decode("utf-8", "replace")
            self.answers[response.status] = self.answers.get(response.status, 0) + 1
            return response.status, text, response.headers

    def enter(self, address: str) -> None:
        _, _, headers = self.ask("GET", "/?" + urlsplit(address).query)
        self.cookie = str(headers["Set-Cookie"]).partition(";")[0]
        found = re.search(r'name="word" content="([^"]+)"', self.ask("GET", "/")[1])
        assert found
        self.word = found[1]
        self.answers.clear()

    def act(self, act: str, **fields: object) -> tuple[int, dict[str, object]]:
        code, text, _ = self.ask("POST", f"/do/{act}", urlencode(fields), Accept="application/json", X_Word=self.word,
                                 Content_Type="application/x-www-form-urlencoded")  # fmt: skip
        return code, json.loads(text)


def read(reader: Reader, seed: int, over: threading.Event) -> None:
    """Look at pages in some order until it is over, and a few more."""
    choice = random.Random(seed)
    while not over.is_set():
        reader.ask("GET", choice.choice(PAGES))
    for page in PAGES:
        reader.ask("GET", page)


def label(reader: Reader, faces: list[int], said: dict[int, str], over: threading.Event) -> None:
    """Say who faces are, one after the other, and again with other names; keep what the server confirmed."""
    for number, face in enumerate(itertools.cycle(faces)):
        if over.is_set() and number > len(faces):
            return
        name = f"Name {number % 7}"
        code, told = reader.act("label-faces", faces=face, name=name)
        if code == 200:
            said[face] = name
        else:  # a scan was writing for longer than a request waits
            assert (code, "nothing was changed" in str(told["error"])) == (503, True), told


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return indexed(tmp_path, monkeypatch)


def scan_more(library: Path, number: int) -> None:
    """A night with new pictures."""
    for n in range(10):
        colours = [(RED, GREEN), (BLUE,), (GREEN, BLUE, RED)][n % 3]
        paint(library / f"night {number}" / f"{n}.png", *colours, side=40 + 10 * number + n)
    assert call("-q", "scan").code == 0


def test_fifty_readers_and_a_labeller_while_a_scan_writes(library: Path, tmp_path: Path) -> None:
    index = tmp_path / "faces.db"
    with closing(sqlite3.connect(index)) as db:
        faces = [row[0] for row in db.execute("SELECT face_id FROM face ORDER BY face_id")]
    said: dict[int, str] = {}
    over = threading.Event()
    with serving() as address:
        host = urlsplit(address).netloc
        readers = [Reader(host) for _ in range(READERS + 1)]
        for reader in readers:
            reader.enter(address)
        server = _process_at(int(host.rpartition(":")[2]))
        before = server.memory_info().rss
        threads = [threading.Thread(target=read, args=(r, n, over)) for n, r in enumerate(readers[1:])]
        threads.append(threading.Thread(target=label, args=(readers[0], faces, said, over)))
        for thread in threads:
            thread.start()
        try:
            for number in range(ROUNDS):
                scan_more(library, number)
        finally:
            over.set()
            for thread in threads:
                thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
        grown = server.memory_info().rss - before
        threads_there = server.num_threads()
        for reader in readers:
            reader.connection.close()
    assert [set(reader.answers) for reader in readers[1:]] == [{200}] * READERS
    assert sum(sum(reader.answers.values()) for reader in readers) > READERS * len(PAGES)
    assert set(said) == set(faces)
    assert _labels(index) == said
    assert grown < MOST_GROWTH, f"{grown / 2**20:.0f} MB"
    assert threads_there < 100
    assert call("doctor").code in (0, 1)


def _labels(index: Path) -> dict[int, str]:
    with closing(sqlite3.connect(index)) as db:
        found = db.execute("SELECT face_id, name FROM label JOIN person USING (person_id) WHERE carried_from IS NULL")
        return dict(found.fetchall())


def _process_at(port: int) -> psutil.Process:
    """Our child that listens there."""
    return next(
        child
        for child in psutil.Process().children()
        if any(each.status == "LISTEN" and each.laddr.port == port for each in child.net_connections())
    )


def test_every_confirmed_label_is_one_entry_of_the_journal(library: Path, tmp_path: Path) -> None:
    with serving() as address:
        readers = [Reader(urlsplit(address).netloc) for _ in range(8)]
        for reader in readers:
            reader.enter(address)
        entries: list[object] = []

        def say(who: int) -> None:
            for number in range(10):
                code = 503
                while code == 503:  # others were writing for longer than a request waits; a human would try again too
                    code, told = readers[who].act("label-faces", faces=1 + who % 5, name=f"Name {who} {number}")
                assert code == 200, told
                entries.append(told["entry"])

        threads = [threading.Thread(target=say, args=(who,)) for who in range(len(readers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        for reader in readers:
            reader.connection.close()
    assert len(set(entries)) == len(entries) == 80
    with closing(sqlite3.connect(tmp_path / "faces.db")) as db:
        kept = {row[0] for row in db.execute("SELECT journal_id FROM journal WHERE command = 'face label'")}
    assert kept == set(entries)
