"""The settings file: TOML, a table per command, a key per option, checked before it is believed."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from platformdirs import user_config_path

from faceindex.errors import UsageProblem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PLACE = "faceindex.settings"  # in ctx.meta: which file, for messages
RENAMED = {"detector": "preset", "upsample": "faces"}  # settings of former versions


def read(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Take the defaults of all options from a TOML file; raises UsageProblem where it makes no sense."""
    path = Path(value).expanduser() if value else user_config_path("faceindex", appauthor=False) / "config.toml"
    if value is None and not path.exists():
        return
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageProblem(f"cannot read the settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"the settings file {path} is no valid TOML: {error}") from error
    ctx.meta[PLACE] = str(path)
    ctx.default_map = checked(ctx, ctx.command, settings)


def check_command(ctx: click.Context, name: str, command: click.Command) -> None:
    """Check the table of the command that is about to run; those of others would only cost their imports."""
    if ctx.default_map and name in ctx.default_map:
        ctx.default_map = {**ctx.default_map, name: checked(ctx, command, ctx.default_map[name])}


def checked(ctx: click.Context, command: click.Command, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings under the names that click uses; one that means nothing is an error, not a wish unheard."""
    options = {p.name: p for p in command.params if isinstance(p, click.Option) and p.expose_value}
    commands = command.list_commands(ctx) if isinstance(command, click.Group) else []
    found: dict[str, Any] = {}
    for name, value in settings.items():
        key = name.replace("-", "_")
        if name in commands:
            _refuse(ctx, name, None if isinstance(value, dict) else "must be a table")
            found[name] = value
        elif key in options:
            _refuse(ctx, name, misfit(options[key], value))
            found[key] = value
        else:
            _refuse(ctx, name, f"is no setting{_of(command)}; {_known([*options, *commands], key)}")
    return found


def _refuse(ctx: click.Context, name: str, fault: str | None) -> None:
    if fault:
        raise UsageProblem(f"{ctx.meta[PLACE]}: {name!r} {fault}")


def _of(command: click.Command) -> str:
    return f" of {command.name!r}" if command.name and command.name != "cli" else ""


def _known(names: Iterable[str | None], wanted: str) -> str:
    known = [str(name).replace("_", "-") for name in names]
    if RENAMED.get(wanted) in known:
        return f"{wanted!r} is now {RENAMED[wanted]!r}"
    near = difflib.get_close_matches(wanted.replace("_", "-"), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"


def misfit(option: click.Option, value: Any) -> str | None:
    """What is wrong with the type of a value; click itself would take 3.7 for 3 and true for 1."""
    if option.is_flag:
        return None if isinstance(value, bool) else "must be true or false"
    if option.multiple:
        strings = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return None if strings else 'must be a list of strings, ["…", "…"]'
    if isinstance(option.type, click.types.IntParamType):
        return None if type(value) is int else "must be a whole number"
    if isinstance(option.type, click.types.FloatParamType):
        return None if type(value) in (int, float) else "must be a number"
    if type(value) is int and getattr(option.type, "whole_numbers", False):
        return None
    return 'must be a string, "…"' if isinstance(value, (bool, int, float, list, dict)) else None
