"""The settings file: TOML, a table per command, a key per option, checked before it is believed."""

from __future__ import annotations

import difflib
import os
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
RENAMED = {  # settings of former versions: what took their place, and what it may be
    "detector": ("preset", "fast, hog-then-cnn, both or cnn"),
    "upsample": ("faces", "small, normal, large, or pixels"),
}
BESIDE = frozenset(["FACEINDEX_CACHE", "FACEINDEX_NATIVE", "FACEINDEX_TEST_DATA"])  # variables that are no options


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
    """Check the table and the variables of the command that is about to run; others would only cost their imports."""
    if ctx.resilient_parsing:
        return  # completing a line for a shell, which shows no messages
    _check_variables(f"{ctx.auto_envvar_prefix}_", ctx.command, ctx)
    if not isinstance(command, click.Group):
        _check_variables(f"{ctx.auto_envvar_prefix}_{_capitals(name)}_", command, ctx)
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


def _check_variables(prefix: str, command: click.Command, ctx: click.Context) -> None:
    """Raise UsageProblem for a variable that means nothing; one that is set to nothing counts as not set."""
    options = [_capitals(p.name or "") for p in command.params if isinstance(p, click.Option) and p.name != "help"]
    commands = [_capitals(c) for c in command.list_commands(ctx)] if isinstance(command, click.Group) else []
    for variable in sorted(os.environ):
        wanted = variable.removeprefix(prefix)
        if wanted == variable or variable in BESIDE or not os.environ[variable]:
            continue
        if wanted not in options and not any(wanted.startswith(f"{each}_") for each in commands):
            near = _known_variable(prefix, wanted, options, commands)
            raise UsageProblem(f"the variable {variable} means nothing{near}; correct or unset it")


def _known_variable(prefix: str, wanted: str, options: list[str], commands: list[str]) -> str:
    if now := renamed(wanted.lower(), [option.lower() for option in options]):
        return f", {prefix}{wanted} is now {prefix}{_capitals(now[0])} ({now[1]})"
    near = difflib.get_close_matches(wanted, options, 1) or [
        each + wanted[len(each) :] for each in difflib.get_close_matches(wanted.split("_")[0], commands, 1)
    ]
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def _capitals(name: str) -> str:
    return name.upper().replace("-", "_")


def _refuse(ctx: click.Context, name: str, fault: str | None) -> None:
    if fault:
        raise UsageProblem(f"{ctx.meta[PLACE]}: {name!r} {fault}")


def _of(command: click.Command) -> str:
    return f" of {command.name!r}" if command.name and command.name != "cli" else ""


def _known(names: Iterable[str | None], wanted: str) -> str:
    known = [str(name).replace("_", "-") for name in names]
    if now := renamed(wanted, known):
        return f"{wanted!r} is now {now[0]!r}: {now[1]}"
    near = difflib.get_close_matches(wanted.replace("_", "-"), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"


def renamed(wanted: str, known: Iterable[str]) -> tuple[str, str] | None:
    """What an option of former versions is called now, where it is among those known, and what it may be."""
    now = RENAMED.get(wanted)
    return now if now and now[0] in known else None


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
