"""Who may ask, and what a browser may do with the answers.

Host            only names that this server was told: a foreign name that is pointed here (DNS rebinding) gets no answer
token           in the address that `serve` prints; or a password, where others than this machine may ask
ticket          a token that opens once: for a browser that `serve` starts, as others see a program's arguments
cookie          from then on: HttpOnly, SameSite=Strict, named by the port, as browsers share it between ports
other sites     may lead here, and no more: no picture, script or frame of ours answers to a page of theirs
posts           only from our own pages: Origin or Sec-Fetch-Site, and a word that only they know (CSRF)
headers         nothing from outside, no framing, no sniffing, nothing kept in caches but pictures
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from flask import Flask, Response, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

COOKIE = "faceindex"
LONGEST_SESSION = 30 * 86_400  # seconds
MOST_SESSIONS = 1000
MOST_BODY = 256 * 1024  # bytes of a request
FREE_GUESSES, PAUSE = 5, 2.0  # wrong passwords before each further one is refused for so many seconds more
LONGEST_PAUSE = 300.0
OPEN = {"static", "login"}  # what answers before anybody said who they are
ANY = ("0.0.0.0", "::")  # all addresses of the machine
OURS = {None, "none", "same-origin"}  # Sec-Fetch-Site of what our own pages, or a human, ask

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send forms from nowhere, "Origin: null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(slots=True)
class Guard:
    """What this server was told about who may ask."""

    hosts: frozenset[str]  # names and addresses, with the port, under which it may be asked: "127.0.0.1:8470"
    token: str = ""  # opens it once for each browser; empty: a password is asked for
    password: str = ""
    read_only: bool = False
    cookie: str = COOKIE  # its name
    clock: Callable[[], float] = time.monotonic
    _sessions: dict[str, tuple[float, str]] = field(default_factory=dict)  # cookie: its end, its word
    _tickets: set[str] = field(default_factory=set)
    _wrong: int = 0
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> str:
        """A new session; returns its cookie."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            now = self.clock()
            self._sessions = {name: each for name, each in self._sessions.items() if each[0] > now}
            while len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[cookie] = now + LONGEST_SESSION, secrets.token_urlsafe(32)
        return cookie

    def end(self, cookie: str) -> None:
        """Forget a session."""
        with self._lock:
            self._sessions.pop(cookie, None)

    def word_of(self, cookie: str) -> str | None:
        """The word that posts of a session must bear; None where there is no such session."""
        with self._lock:
            end, word = self._sessions.get(cookie, (0.0, ""))
        return word if end > self.clock() else None

    def is_token(self, given: str) -> bool:
        """Whether it opens; a ticket does so once."""
        with self._lock:
            if given in self._tickets:
                self._tickets.remove(given)
                return True
        return bool(self.token) and hmac.compare_digest(given.encode(), self.token.encode())

    def ticket(self) -> str:
        """A token for one opening."""
        made = secrets.token_urlsafe(32)
        with self._lock:
            self._tickets.add(made)
        return made

    def is_password(self, given: str) -> bool | None:
        """Whether it is right; None where it is too early to guess again."""
        with self._lock:
            if self.clock() < self._until:
                return None
            if self.password and hmac.compare_digest(given.encode(), self.password.encode()):
                self._wrong = 0
                return True
            self._wrong += 1
            if self._wrong >= FREE_GUESSES:
                pause = min(LONGEST_PAUSE, PAUSE * 2.0 ** min(self._wrong - FREE_GUESSES, 20))
                self._until = self.clock() + pause
            return False


def hosts_of(address: str, port: int, names: tuple[str, ...] = ()) -> frozenset[str]:
    """Host headers under which a server on this address may be asked."""
    known = {address, *names}
    if _is_loopback(address) or address in ANY:
        known |= {"127.0.0.1", "localhost", "::1"}
    bare = {f"[{name}]" if _is_ipv6(name) else name.lower() for name in known}
    return frozenset(bare | {f"{name}:{port}" for name in bare})


def _is_ipv6(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).version == 6
    except ValueError:
        return False


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def guard(app: Flask, keeper: Guard) -> None:
    """Have every request pass the guard, and every answer bear the headers."""
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY
    app.config["GUARD"] = keeper

    @app.before_request
    def check() -> AnyResponse | None:
        if request.host.lower() not in keeper.hosts and not _is_any(keeper, request.host):
            abort(421)
        if request.method not in ("GET", "HEAD", "POST"):
            abort(405)
        if request.method == "POST" and _is_foreign():
            abort(403)
        if request.headers.get("Sec-Fetch-Site") not in OURS and request.headers.get("Sec-Fetch-Mode") != "navigate":
            abort(403)
        g.session = request.cookies.get(keeper.cookie, "")
        g.read_only, g.word = keeper.read_only, keeper.word_of(g.session)
        if request.endpoint in OPEN:
            return None
        if g.word is None:
            return _unknown(keeper)
        if "token" in request.args:  # not to stay in the address
            return redirect(_here(), 303)
        if request.method == "POST":
            given = request.headers.get("X-Word") or request.form.get("word", "")
            if not hmac.compare_digest(given.encode(), g.word.encode()):
                abort(403)
            if keeper.read_only and request.endpoint != "logout":
                abort(403, "this page is for looking only; whoever started it said --read-only")
        return None

    @app.after_request
    def headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.route("/login", methods=["GET", "POST"])
    def login() -> AnyResponse | tuple[str, int] | str:
        if not keeper.password:
            abort(404)
        if request.method == "GET":
            return render_template("login.html", wrong=None)
        right = keeper.is_password(request.form.get("password", ""))
        if right:
            return _begun(keeper, "/")
        wrong = "too many wrong passwords; wait a little" if right is None else "that is not the password"
        return render_template("login.html", wrong=wrong), 429 if right is None else 403

    @app.post("/logout")
    def logout() -> AnyResponse:
        keeper.end(request.cookies.get(keeper.cookie, ""))
        response = redirect(url_for("login") if keeper.password else "/")
        response.delete_cookie(keeper.cookie)
        return response


def _is_any(keeper: Guard, host: str) -> bool:
    """On all addresses of the machine: whatever address it is, but no foreign name."""
    if keeper.hosts.isdisjoint(("0.0.0.0", "[::]")):
        return False
    bare = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    try:
        ipaddress.ip_address(bare.strip("[]"))
    except ValueError:
        return False
    return True


def _is_foreign() -> bool:
    """Whether a post comes from another site's page."""
    if request.headers.get("Sec-Fetch-Site") not in OURS:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and origin.split("://", 1)[-1].lower() != request.host.lower()


def _unknown(keeper: Guard) -> AnyResponse:
    """Somebody without a session: let in by the token, or sent to the password."""
    if request.method == "GET" and keeper.is_token(request.args.get("token", "")):
        return _begun(keeper, _here())
    if request.method == "GET" and request.headers.get("Sec-Fetch-Site") not in OURS:
        return _bounced(_here())  # a browser that was let in sends its cookie where our own page leads
    if keeper.password and request.method == "GET" and request.accept_mimetypes.accept_html:
        return redirect(url_for("login"))
    return abort(401)


def _here() -> str:
    """The page that was asked for, without a token; always a path of this server."""
    query = urlencode([pair for pair in request.args.items(multi=True) if pair[0] != "token"])
    return "/" + quote(request.path.lstrip("/\\")) + (f"?{query}" if query else "")


def _bounced(page: str) -> AnyResponse:
    """To a page of ours from one of ours: where a page elsewhere leads, a browser sends no strict cookie."""
    return Response(render_template("begun.html", page=page), mimetype="text/html")


def _begun(keeper: Guard, page: str) -> AnyResponse:
    response = redirect(page, 303) if request.headers.get("Sec-Fetch-Site") in OURS else _bounced(page)
    response.set_cookie(keeper.cookie, keeper.begin(), max_age=LONGEST_SESSION, httponly=True, samesite="Strict")
    return response
