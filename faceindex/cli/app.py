"""What every command is given: which index, and how talkative."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from platformdirs import user_data_path

from faceindex.db import open_index


@dataclass(frozen=True, slots=True)
class App:
    """The global options."""

    index: Path
    quiet: bool = False
    verbose: bool = False

    @staticmethod
    def of(db: str | None, quiet: bool, verbose: bool) -> App:
        return App(Path(db).expanduser() if db else default_index(), quiet, verbose)

    @contextlib.contextmanager
    def open(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """The index, closed afterwards."""
        db = open_index(self.index, create=create)
        try:
            yield db
        finally:
            db.close()

    def say(self, line: str) -> None:
        """A message for a person, on stderr; not for -q."""
        if not self.quiet:
            click.echo(line, err=True)

    def tell(self, line: str) -> None:
        """A detail, on stderr, for -v."""
        if self.verbose:
            click.echo(line, err=True)


pass_app = click.make_pass_decorator(App)


def default_index() -> Path:
    """faces.db in the XDG data folder."""
    return user_data_path("faceindex", appauthor=False) / "faces.db"


def absolute(path: str) -> str:
    """The path a root or a file is known by; a link stays a link."""
    return os.path.normpath(os.path.join(os.getcwd(), os.path.expanduser(path)))
