"""What every command is given: which index, how talkative, and the settings file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from platformdirs import user_config_path, user_data_path

from faceindex.db import open_index
from faceindex.errors import UsageProblem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class App:
    """The global options."""

    index: Path
    quiet: bool = False
    verbose: bool = False

    @staticmethod
    def of(db: str | None, quiet: bool, verbose: bool) -> App:
        return App(Path(db) if db else default_index(), quiet, verbose)

    @staticmethod
    def current() -> App:
        """The one of the command that is running, or the default."""
        ctx = click.get_current_context(silent=True)
        found = ctx.find_object(App) if ctx else None
        return found or App(default_index())

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
    """The path a root is known by; a link stays a link."""
    return os.path.normpath(os.path.join(os.getcwd(), os.path.expanduser(path)))


def read_config(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Take the defaults of all options from a TOML file; raises UsageProblem where it makes no sense."""
    path = Path(value) if value else user_config_path("faceindex", appauthor=False) / "config.toml"
    if value is None and not path.exists():
        return None
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageProblem(f"cannot read the settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"the settings file {path} is no valid TOML: {error}") from error
    assert isinstance(ctx.command, click.Group)
    ctx.default_map = _checked(ctx, ctx.command, settings, str(path))
    return value


def _checked(ctx: click.Context, command: click.Command, settings: dict[str, Any], where: str) -> dict[str, Any]:
    """Settings with "-" in names as click wants them; a name that means nothing is an error, not a wish unheard."""
    options = {p.name: p for p in command.params if isinstance(p, click.Option) and p.name}
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        sub = command.get_command(ctx, name) if isinstance(command, click.Group) else None
        key = name.replace("-", "_")
        if sub is not None and isinstance(value, dict):
            checked[name] = _checked(ctx, sub, value, where)
        elif key in options:
            checked[key] = value
        else:
            known = ", ".join(sorted(str(option).replace("_", "-") for option in options))
            raise UsageProblem(f"{where}: there is no setting {name!r} for {command.name}; there are: {known}")
    return checked
