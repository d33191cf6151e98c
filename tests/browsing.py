"""A real browser on a real server: Debian's chromium, driven by Playwright, and `faceindex serve` as a process."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ColorScheme

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # whatever a page asks for from outside fails
)  # fmt: skip
DESKTOP, PHONE = (1280, 900), (360, 740)
STARTED = re.compile(r"http://\S+")


@contextlib.contextmanager
def serving(*options: str, **environment: str) -> Iterator[str]:
    """The address of a server that runs meanwhile; with its token, if it has one."""
    command = [sys.executable, "-m", "faceindex", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}) as server:
        assert server.stdout is not None
        try:
            found = STARTED.search(server.stdout.readline())
            assert found, "it did not start"
            yield found[0]
        finally:
            server.terminate()
            server.wait(20)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, with a new, empty profile."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (for tests only)

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@contextlib.contextmanager
def visitor(
    chromium: Browser, size: tuple[int, int] = DESKTOP, scheme: ColorScheme = "light", *, script: bool = True
) -> Iterator[BrowserContext]:
    """Somebody with a screen of this size, a finger where it is a phone's."""
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        has_touch=size == PHONE,
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    context.set_default_timeout(120_000)  # a busy machine must not decide
    yield context
    context.close()


def at(address: str, page: str) -> str:
    """The address of a page of the server that was started at this address."""
    return address.partition("?")[0].rstrip("/") + page


def shot(context: BrowserContext, address: str, page: str, picture: Path, *, whole: bool = False) -> None:
    """Write what a page looks like."""
    tab = context.new_page()
    tab.goto(at(address, page), wait_until="networkidle")
    tab.screenshot(path=picture, full_page=whole)
    tab.close()
