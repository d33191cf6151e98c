"""Rows as CSV, JSON or JSON lines, as they come: nothing is held, however long the table is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

TableForm = Literal["csv", "json", "jsonl"]
SUFFIXES: Mapping[str, TableForm] = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet may take a text for that begins so

Row = tuple[Any, ...]


def written(form: TableForm, columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """The lines of a table, UTF-8."""
    return (line.encode() for line in WRITERS[form](columns, rows))


def beginning(form: TableForm, columns: Sequence[str]) -> bytes:
    """What a file with such a table begins with."""
    if form == "csv":
        return (",".join(columns) + "\n").encode()
    return b"[\n" if form == "json" else f'{{"{columns[0]}": '.encode()


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """A text that begins as a formula gets an apostrophe: cameras' and other people's names come from files."""
    yield _line(columns)
    for cells in rows:
        yield _line([f"'{c}" if isinstance(c, str) and c.startswith(FORMULA) else c for c in cells])


def _line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # what ends a line is what gets quotes within a text
    return line.getvalue().removesuffix("\r\n") + "\n"


def _json(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield "[\n"
    between = ""
    for row in rows:
        yield between + _object(columns, row)
        between = ",\n"
    yield "\n]\n" if between else "]\n"


def _jsonl(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield _object(columns, row) + "\n"


def _object(columns: Sequence[str], row: Row) -> str:
    return json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)


WRITERS = {"csv": _csv, "json": _json, "jsonl": _jsonl}
