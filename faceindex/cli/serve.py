"""`faceindex serve`: look at the index in a browser, and label it there."""

from __future__ import annotations

import ipaddress
import os
import secrets
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
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024


@click.command(epilog="Example: faceindex serve --open")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any that is free.")
@click.option("--listen", default="127.0.0.1", metavar="ADDRESS", show_default=True,
              help="Others than this machine may ask at another address: needs --password-file.")  # fmt: skip
@click.option("--host", "hosts", multiple=True, metavar="NAME",
              help="A name under which browsers ask, as in http://nas:8470; may be given several times.")  # fmt: skip
@click.option("--password-file", type=click.Path(dir_okay=False), metavar="FILE",
              help="Its first line is asked for, instead of the token in the address.")  # fmt: skip
@switch("--read-only", help="For looking only: nothing can be changed on the page.")
@switch("--open", help="Open the page in the desktop's browser.")
@pass_app
def serve(
    app: App, port: int, listen: str, hosts: tuple[str, ...], password_file: str | None, read_only: bool, open: bool
) -> None:
    """Serve the index as pages, to this machine's browser.

    Who is who, one question at a time with the faces beside it; everybody's photos; whom a photo shows. The address
    that is printed holds a token, and lets in who knows it. Ctrl-C ends it. Needs the extra `web`.
    """
    web = _web()
    password = _password(password_file) if password_file else ""
    _check(listen, password)
    with app.open():  # an index that cannot be used is told now
        pass
    with _listening(listen, port) as server:
        port = server.getsockname()[1]
        keeper: Guard = web.Guard(
            web.hosts_of(listen, port, _names(listen, hosts)),
            "" if password else secrets.token_urlsafe(32),
            password,
            read_only,
        )
        address = f"http://{_for_people(listen, hosts)}:{port}/" + (f"?token={keeper.token}" if keeper.token else "")
        if not _is_loopback(listen):
            app.say(f"anyone who reaches {listen}:{port} and knows the password sees all faces and names"
                    f"{'' if read_only else ', and can change them'}; nothing is encrypted on the way: "
                    "on a network you do not trust, put a proxy with TLS before it")  # fmt: skip
        click.echo(address)
        if open:
            click.launch(address)
        _run(web.create_app(app.index.resolve(), keeper), server)


def _web() -> Any:
    try:
        from faceindex import web  # noqa: PLC0415  (an extra, and slow)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("flask", "werkzeug", "waitress"):
            raise
        raise FaceindexError("the page needs the extra 'web'; install it with: pip install 'faceindex[web]'") from error
    return web


def _run(application: object, server: socket.socket) -> None:
    import waitress  # noqa: PLC0415

    # What a browser asks for at once: a page of tiles.
    waitress.serve(application, sockets=[server], threads=THREADS, ident=None, clear_untrusted_proxy_headers=True)


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


def _check(listen: str, password: str) -> None:
    try:
        ipaddress.ip_address(listen)
    except ValueError as error:
        raise UsageProblem(f"{listen[:60]!r} is no address; give one like 127.0.0.1 or 192.168.1.10") from error
    if not _is_loopback(listen) and not password:
        raise UsageProblem(
            f"others than this machine could ask at {listen}; name a file with a password: --password-file FILE"
        )


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _names(listen: str, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Under which browsers may ask, beside the address."""
    return hosts if _is_loopback(listen) else (*hosts, socket.gethostname())


def _for_people(listen: str, hosts: tuple[str, ...]) -> str:
    if hosts:
        return hosts[0]
    if listen in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{listen}]" if ":" in listen else listen


def _password(path: str) -> str:
    try:
        with open(absolute(path), encoding="utf-8") as stream:
            found = stream.readline(LONGEST_PASSWORD).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise FaceindexError(f"cannot read the password in {shown(path)}: {why}") from error
    if len(found) < SHORTEST_PASSWORD:
        raise UsageProblem(f"the password in {shown(path)} has fewer than {SHORTEST_PASSWORD} characters; "
                           "write a longer one into its first line")  # fmt: skip
    return found
