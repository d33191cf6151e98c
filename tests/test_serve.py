"""`faceindex serve` as a process: how it starts, who may ask it, what it makes of odd requests, how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_fakes import call, indexed, isolate, refused

from faceindex.web import safety

PASSWORD = "a good password"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Serving:
    """A server that runs."""

    process: subprocess.Popen[str]
    address: str
    port: int
    token: str

    def ask(self, page: str, **headers: str) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as asked:
            asked.request("GET", page, headers=headers)
            with asked.getresponse() as response:
                return Answer(response.status, response.headers, response.read())

    def raw(self, *lines: str, body: str = "") -> str:
        """What it answers to these very bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as there, there.makefile("rb") as answer:
            with suppress(OSError):  # it need not read all of it
                there.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"))
                there.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                return answer.read().decode("latin-1")
        return ""


@contextmanager
def serving(*options: str | Path) -> Iterator[Serving]:
    command = [sys.executable, "-m", "faceindex", "serve", "--port", "0", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.fullmatch(r"(http://\S+:(\d+)/)(?:\?token=(\S+))?\n", line)
            assert found, line or (process.stderr and process.stderr.read())
            yield Serving(process, found[1], int(found[2]), found[3] or "")
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    indexed(tmp_path, monkeypatch)
    return tmp_path / "faces.db"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


# -------------------------------------------------------------------------------------- how it starts


def test_the_printed_address_opens_the_page(index: Path) -> None:
    with serving() as server:
        assert server.address == f"http://127.0.0.1:{server.port}/"
        assert server.ask("/").status == 401
        let_in = server.ask(f"/?token={server.token}")
        cookie = str(let_in.headers["Set-Cookie"]).partition(";")[0]
        assert (let_in.status, cookie.partition("=")[0]) == (303, f"faceindex-{server.port}")
        assert b"Nobody named these yet" in server.ask("/", Cookie=cookie).body


def test_only_this_machine_can_ask_it(index: Path) -> None:
    with serving() as server:
        listening = _listening(server.process.pid)
        assert listening == {("127.0.0.1", server.port)}


def _listening(pid: int) -> set[tuple[str, int]]:
    import psutil  # noqa: PLC0415

    return {
        (each.laddr.ip, each.laddr.port) for each in psutil.Process(pid).net_connections() if each.status == "LISTEN"
    }


def test_every_server_has_a_token_of_its_own(index: Path) -> None:
    with serving() as one, serving() as other:
        assert one.token != other.token
        assert min(len(one.token), len(other.token)) >= 43  # 256 bits


def test_a_taken_port_is_one_sentence(index: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = refused("serve", "--port", str(taken.getsockname()[1]), code=1)
    assert "choose another with --port" in told


def test_an_address_that_is_not_of_this_machine_is_one_sentence(index: Path, password: Path) -> None:
    assert "cannot listen on 192.0.2.1" in refused(
        "-q", "serve", "--listen", "192.0.2.1", "--password-file", password, code=1
    )


def test_without_an_index_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)
    assert "scan" in refused("serve", code=call("status").code)


def test_open_gives_the_browser_a_ticket_and_never_the_token(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others on this machine can read what a program is started with."""
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    monkeypatch.setattr("faceindex.cli.serve._run", lambda application, server: None)
    printed = call("serve", "--port", "0", "--open").out
    assert opened[0].partition("?")[0] == printed.partition("?")[0]
    assert opened[0].strip() != printed.strip()
    assert "token=" in opened[0]


# ----------------------------------------------------------------------------------- who else may ask


@pytest.mark.parametrize("listen", ["0.0.0.0", "::", "192.168.1.10"])
def test_to_listen_to_others_takes_a_password(index: Path, listen: str) -> None:
    assert "--password-file" in refused("serve", "--listen", listen)


@pytest.mark.parametrize("listen", ["nas", "", "127.0.0.1:8470", "1.2.3", "localhost"])
def test_to_listen_takes_an_address(index: Path, listen: str) -> None:
    assert "is no address" in refused("serve", "--listen", listen)


@pytest.mark.parametrize("name", ["http://nas", "nas/", "a b", "-nas", "", "nas:port", "*", "evil.example,nas"])
def test_a_host_is_a_name(index: Path, name: str) -> None:
    assert "is no name of a host" in refused("serve", "--host", name)


@pytest.mark.parametrize("text", ["", "short\n", "\n" + PASSWORD])
def test_a_password_that_is_too_short_is_refused(index: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "password").write_text(text)
    (tmp_path / "password").chmod(0o600)
    assert "fewer than 8 characters" in refused("serve", "--password-file", tmp_path / "password")


def test_a_password_that_cannot_be_read_is_one_sentence(index: Path, tmp_path: Path) -> None:
    assert "cannot read the password" in refused("serve", "--password-file", tmp_path / "nothing", code=1)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe")
    (tmp_path / "binary").chmod(0o600)
    assert "not UTF-8" in refused("serve", "--password-file", tmp_path / "binary", code=1)


def test_a_password_that_others_can_read_is_remarked(
    index: Path, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceindex.cli.serve._run", lambda application, server: None)
    assert "chmod 600" not in call("serve", "--port", "0", "--password-file", password).err
    password.chmod(0o644)
    assert "chmod 600" in call("serve", "--port", "0", "--password-file", password).err


def test_listening_to_others_says_what_that_shows_them(index: Path, password: Path) -> None:
    with serving("--listen", "0.0.0.0", "--host", "nas", "--password-file", password) as server:
        assert server.address == f"http://nas:{server.port}/"
        assert server.token == ""
        for host in (f"nas:{server.port}", f"127.0.0.1:{server.port}", f"localhost:{server.port}"):
            assert server.ask("/", Host=host, Accept="text/html").status == 302
        assert server.ask("/", Host="evil.example", Accept="text/html").status == 421
        server.process.send_signal(signal.SIGTERM)
        _, told = server.process.communicate(timeout=30)
    assert "sees all faces and names, and can change them; nothing is encrypted" in told


def test_a_password_guards_this_machine_alone_too(index: Path, password: Path) -> None:
    with serving("--password-file", password, "--read-only") as server:
        assert server.ask("/", Accept="text/html").headers["Location"] == "/login"


# --------------------------------------------------------------------------------- odd requests (HTTP)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with pytest.MonkeyPatch.context() as patch:
        indexed(tmp_path_factory.mktemp("serving"), patch)
        with serving() as server:
            yield server


@pytest.mark.parametrize(
    "lines",
    [
        ("POST / HTTP/1.1", "Host: HERE", "Content-Length: 5", "Content-Length: 6"),
        ("POST / HTTP/1.1", "Host: HERE", "Content-Length: -1"),
        ("POST / HTTP/1.1", "Host: HERE", "Content-Length: 1_0"),
        ("POST / HTTP/1.1", "Host: HERE", "Transfer-Encoding: identity, chunked"),
        ("POST / HTTP/1.1", "Host: HERE", "Transfer-Encoding: xchunked"),
        ("POST / HTTP/1.1", "Host: HERE", "Transfer-Encoding : chunked"),
        ("GET / HTTP/1.1", "Host: HERE", "X: a\rb"),
        ("GET / HTTP/1.1", "Host: HERE", " folded: header"),
        ("GET / HTTP/1.1 HTTP/1.1", "Host: HERE"),
        ("GET / HTTP/9.9", "Host: HERE"),
        ("GET", "Host: HERE"),
        ("\0\1\2", "Host: HERE"),
        ("POST /login HTTP/1.1", "Host: HERE", "Content-Length: 99999999999"),
    ],
)
def test_what_two_servers_might_read_in_two_ways_is_refused(running: Serving, lines: tuple[str, ...]) -> None:
    answer = running.raw(*(line.replace("HERE", f"127.0.0.1:{running.port}") for line in lines), body="hello")
    codes = re.findall(r"^HTTP/1\.[01] (\d+)", answer, re.M)
    assert codes
    assert all(code.startswith(("4", "5")) for code in codes), codes
    assert running.ask("/").status == 401  # and goes on


@pytest.mark.parametrize("line", ["GET / HTTP/1.1\r\nX: " + "x" * 300_000, "GET /" + "x" * 300_000 + " HTTP/1.1"])
def test_headers_without_end_are_cut_off(running: Serving, line: str) -> None:
    assert not re.match(r"HTTP/1\.[01] [23]", running.raw(line, f"Host: 127.0.0.1:{running.port}"))
    assert running.ask("/").status == 401


def test_two_hosts_or_none_get_nothing(running: Serving) -> None:
    here = f"Host: 127.0.0.1:{running.port}"
    for lines in ((), ("Host: evil.example",), (here, "Host: evil.example"), ("Host: evil.example", here)):
        answer = running.raw(f"GET /?token={running.token} HTTP/1.1", *lines)
        assert not re.match(r"HTTP/1\.[01] [23]", answer), lines
    absolute = running.raw(f"GET http://evil.example/?token={running.token} HTTP/1.1", here)
    assert "evil.example" not in absolute


def test_the_server_does_not_say_what_it_is(running: Serving) -> None:
    assert "Server" not in running.ask("/").headers
    assert "waitress" not in running.raw("GET / HTTP/9.9").lower()


def test_a_body_beyond_the_limit_is_not_even_read(running: Serving) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)) as asked:
        asked.putrequest("POST", "/login")
        asked.putheader("Content-Length", str(safety.MOST_BODY * 1000))
        asked.endheaders()
        with asked.getresponse() as response:
            assert response.status == 413


def test_half_a_request_holds_up_nobody(running: Serving) -> None:
    slow = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(50)]
    for each in slow:
        each.sendall(b"GET / HTTP/1.1\r\nHost: 127")
    assert running.ask("/").status == 401
    for each in slow:
        each.close()


# ----------------------------------------------------------------------------------------- how it ends


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(index: Path, ending: signal.Signals) -> None:
    with serving() as server:
        assert server.ask("/").status == 401
        server.process.send_signal(ending)
        out, err = server.process.communicate(timeout=30)
        assert (server.process.returncode, out, err) == (0, "", "")
    assert call("doctor").code in (0, 1)


def test_it_ends_while_browsers_hold_their_connections(index: Path) -> None:
    with serving() as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(6)]
        for each in held:
            each.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            assert each.recv(12) == b"HTTP/1.1 401"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        for each in held:
            each.close()


def test_the_port_is_free_again_at_once(index: Path) -> None:
    with serving() as server:
        assert server.ask("/").status == 401
        server.process.terminate()
        server.process.wait(30)
        with serving("--port", str(server.port)) as again:
            assert again.port == server.port


def test_nothing_beside_the_index_is_left_open_to_others(index: Path) -> None:
    with serving() as server:
        cookie = str(server.ask(f"/?token={server.token}").headers["Set-Cookie"]).partition(";")[0]
        assert server.ask("/face/1.jpg", Cookie=cookie).status == 200
        modes = {path.name: os.stat(path).st_mode & 0o077 for path in index.parent.glob("faces.db*")}
        assert set(modes.values()) == {0}, modes
