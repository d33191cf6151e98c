"""Rows for people (a table) and for programs (JSON, CSV): the same on every listing.

Data goes to stdout, and nothing else does. In a table the column that may be long stands last and is
never cut, so that a path can be copied however narrow the terminal is.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from tabulate import tabulate

from faceindex.cli.app import App
from faceindex.cli.options import Form
from faceindex.store.paths import shown

Row = dict[str, Any]


def show(
    app: App, rows: Iterable[Row], form: Form, columns: Sequence[str], for_people: Callable[[Row], Row], empty: str = ""
) -> None:
    """Print these columns of rows on stdout; for people as for_people puts them, with a word where there are none."""
    chosen = [{name: row[name] for name in columns} for row in rows]
    if form == "json":
        show_json(chosen)
    elif form == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(chosen)
        click.echo(text.getvalue(), nl=False)
    elif chosen:
        click.echo(table([for_people(row) for row in chosen]))
    elif empty:
        app.say(empty)


def show_json(value: Any) -> None:
    """Print JSON on stdout, in plain ASCII where the terminal knows no better."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(value, ensure_ascii=not unicode, indent=1))


def table(rows: Sequence[Row]) -> str:
    """Rows under their names: text to the left, numbers to the right, no space at the ends."""
    cells = [{name.replace("_", " "): _cell(value) for name, value in row.items()} for row in rows]
    align = ["left" if any(isinstance(row[name], str) for row in rows) else "right" for name in rows[0]]
    head, rule, *body = tabulate(cells, headers="keys", disable_numparse=True, colalign=align).splitlines()
    return "\n".join(line.rstrip() for line in [head, rule[: _width()], *body])


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return shown(str(value))
