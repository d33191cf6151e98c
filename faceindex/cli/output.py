"""Rows for people (a table) and for programs (--json, --csv): the same on every listing."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import click
from tabulate import tabulate

from faceindex.store.paths import shown

Form = Literal["table", "json", "csv"]
Row = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])


def listing(command: F) -> F:
    """Give a command --json and --csv; it gets them as `form`."""
    as_csv = click.option("--csv", "form", flag_value="csv", type=str, help="For programs: CSV.")
    as_json = click.option("--json", "form", flag_value="json", type=str, default="table", help="For programs: JSON.")
    return as_json(as_csv(command))


def show(rows: Sequence[Row], form: Form, empty: str = "") -> None:
    """Print rows on stdout; for people, an explanation on stderr where there are none."""
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    elif form == "csv":
        _csv(rows)
    elif rows:
        click.echo(tabulate([_readable(row) for row in rows], headers="keys", disable_numparse=_texts(rows)))
    elif empty:
        click.echo(empty, err=True)


def _csv(rows: Sequence[Row]) -> None:
    if rows:
        writer = csv.DictWriter(sys.stdout, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _texts(rows: Sequence[Row]) -> list[int]:
    """Columns of text, which stay as they are even where they look like numbers."""
    return [i for i, name in enumerate(rows[0]) if any(isinstance(row[name], str) for row in rows)]


def _readable(row: Row) -> Row:
    return {name.replace("_", " "): _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return shown(value) if isinstance(value, str) else value
