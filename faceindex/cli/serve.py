"""`faceindex serve`: look at the index in a browser, and label it there."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import secrets
import signal
import socket
from typing import TYPE_CHECKING, Any

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.options import switch
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.web.safety import Guard

PORT = 8470
THREADS = 8
CONNECTIONS = 500  # a browser holds six
IDLE = 30  # seconds after which a silent one is closed
LONGEST_HEADERS = 32 * 1024  # bytes
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?(:\d{1,5})?")
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024


@click.command(epilog="Example: faceindex serve --open")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any that is free.")
@click.option("--listen", default="127.0.0.1", metavar="ADDRESS", show_default=True,
              help="Others than this machine may ask at another address: needs --password-file.")  # fmt: skip
@click.option("--host", multiple=True, metavar="NAME",
              help="A name under which browsers ask, as in http://nas:8470; may be given several times.")  # fmt: skip
@click.option("--password-file", type=click.Path(dir_okay=False), metavar="FILE",
              help="Its first line is asked for, instead of the token in the address.")  # fmt: skip
@switch("--read-only", help="For looking only: nothing can be changed on the page.")
@switch("--open", help="Open the page in the desktop's browser.")
@pass_app
def serve(
    app: App, port: int, listen: str, host: tuple[str, ...], password_file: str | None, read_only: bool, open: bool
) -> None:
    """Serve the index as pages, to this machine's browser.

    Who is who, one question at a time with the faces beside it; everybody's photos; whom a photo shows. The address
    that is printed holds a token, and lets in who knows it. Ctrl-C ends it. Needs the extra `web`.
    """
    web = _web()
    password = _password(app, password_file) if password_file else ""
    _check(listen, password, host)
    with app.open():  # an index that cannot be used is told now
        pass
    with _listening(listen, port) as server:
        port = server.getsockname()[1]
        names = web.hosts_of(listen, port, _names(listen, host))
        token = "" if password else secrets.token_urlsafe(32)
        keeper: Guard = web.Guard(names, token, password, read_only, f"faceindex-{port}")
        if not _is_loopback(listen):
            app.say(f"anyone who reaches {listen}:{port} and knows the password sees all faces and names"
                    f"{'' if read_only else ', and can change them'}; nothing is encrypted on the way: "
                    "on a network you do not trust, put a proxy with TLS before it")  # fmt: skip
        address = _for_people(listen, host, port)
        click.echo(address + (f"?token={token}" if token else ""))
        if open:
            click.launch(address + (f"?token={keeper.ticket()}" if token else ""))
        application = web.create_app(app.index.resolve(), keeper)
        web.look_ahead(application)
        _run(application, server)


def _web() -> Any:
    try:
        from faceindex import web  # noqa: PLC0415  (an extra, and slow)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("flask", "werkzeug", "waitress"):
            raise
        raise FaceindexError("the page needs the extra 'web'; install it with: pip install 'faceindex[web]'") from error
    return web


def _run(application: object, server: socket.socket) -> None:
    """Answer until Ctrl-C or SIGTERM."""
    import waitress  # noqa: PLC0415

    from faceindex.web.safety import MOST_BODY  # noqa: PLC0415

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that a browser asks for much at once is no news
    waitress.serve(
        application, sockets=[server], threads=THREADS, ident=None, clear_untrusted_proxy_headers=True,
        connection_limit=CONNECTIONS, asyncore_use_poll=True, channel_timeout=IDLE, log_socket_errors=False,
        max_request_header_size=LONGEST_HEADERS, max_request_body_size=MOST_BODY,
    )  # fmt: skip


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(128)
    except OSError as error:
        server.close()
        raise FaceindexError(
            f"cannot listen on {address}:{port} ({error.strerror or error}); choose another with --port or --listen"
        ) from error
    return server


def _check(listen: str, password: str, hosts: tuple[str, ...]) -> None:
    try:
        ipaddress.ip_address(listen)
    except ValueError as error:
        raise UsageProblem(f"{listen[:60]!r} is no address; give one like 127.0.0.1 or 192.168.1.10") from error
    if not _is_loopback(listen) and not password:
        raise UsageProblem(
            f"others than this machine could ask at {listen}; name a file with a password: --password-file FILE"
        )
    for name in hosts:
        if not HOST.fullmatch(name):
            raise UsageProblem(f"{name[:60]!r} is no name of a host; give one like nas or photos.example.org:8443")


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _names(listen: str, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Under which browsers may ask, beside the address."""
    own = socket.gethostname()
    return hosts if _is_loopback(listen) else (*hosts, own, f"{own}.local")


def _for_people(listen: str, hosts: tuple[str, ...], port: int) -> str:
    """The address to open."""
    if _is_loopback(listen) or not hosts:  # other names are those of a proxy before it
        name = socket.gethostname() if listen in ("0.0.0.0", "::") else listen
        return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"
    return f"http://{hosts[0]}/" if ":" in hosts[0] else f"http://{hosts[0]}:{port}/"


def _password(app: App, path: str) -> str:
    try:
        with open(absolute(path), encoding="utf-8") as stream:
            if os.name == "posix" and os.fstat(stream.fileno()).st_mode & 0o044:
                app.say(f"others on this machine can read the password in {shown(path)}; chmod 600 keeps it from them")
            found = stream.readline(LONGEST_PASSWORD).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise FaceindexError(f"cannot read the password in {shown(path)}: {why}") from error
    if len(found) < SHORTEST_PASSWORD:
        raise UsageProblem(f"the password in {shown(path)} has fewer than {SHORTEST_PASSWORD} characters; "
                           "write a longer one into its first line")  # fmt: skip
    return found
