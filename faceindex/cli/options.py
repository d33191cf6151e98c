"""What the options of several commands have in common: switches, and forms of output."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, cast

import click
from click.core import ParameterSource

from faceindex.errors import UsageProblem

Form = Literal["table", "json", "csv"]
F = TypeVar("F", bound=Callable[..., Any])

# Who says it, from the weakest to the strongest.
SOURCES = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP, ParameterSource.ENVIRONMENT,
           ParameterSource.COMMANDLINE)  # fmt: skip


class Option(click.Option):
    """An option that stands under a heading in the help of its command."""

    def __init__(self, param_decls: Sequence[str] | None = None, section: str = "Options", **attrs: Any) -> None:
        super().__init__(param_decls, **attrs)
        self.section = section


class Switch(Option):
    """A flag; its hidden --no-NAME takes back what a variable or the settings file switched on."""

    def __init__(self, param_decls: Sequence[str] | None = None, section: str = "Options", **attrs: Any) -> None:
        both = [f"{d}/--no-{d[2:]}" if d.startswith("--") else d for d in param_decls or ()]
        super().__init__(both, section, **{"default": False, **attrs})

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return (record[0].partition(" / ")[0], record[1]) if record else None


switch = functools.partial(click.option, cls=Switch)


class Number(click.FloatRange):
    """A number of a range; click itself lets NaN into every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is no number; write one {self._describe_range().replace('x', 'NUMBER')}", param, ctx)
        return found


def listing(command: F) -> F:
    """Give a command --json and --csv; it gets what was chosen as `form`."""

    @switch("--json", help="For programs: JSON.")
    @switch("--csv", help="For programs: CSV, always with a header.")
    @functools.wraps(command)
    def with_form(*args: Any, json: bool, csv: bool, **kwargs: Any) -> Any:
        return command(*args, form=cast(Form, strongest("json", "csv") or "table"), **kwargs)

    return cast(F, with_form)


def strongest(*names: str) -> str | None:
    """Which of switches that exclude each other is on; the command line wins over a variable over the file."""
    ctx = click.get_current_context()
    on = [name for name in names if ctx.params.get(name)]
    rank = {name: SOURCES.index(ctx.get_parameter_source(name) or ParameterSource.DEFAULT) for name in on}
    best = [name for name in on if rank[name] == max(rank.values())]
    if len(best) > 1:
        raise UsageProblem(f"choose one of {' and '.join(f'--{name}' for name in best)}")
    return best[0] if best else None
