"""`faceindex duplicates`: equal files. Nothing is ever deleted."""

from __future__ import annotations

import os
import sys

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.output import Form, listing, show
from faceindex.report import size
from faceindex.store import files, listings


@click.command(epilog="Example: faceindex duplicates --print0 | xargs -0 -r ls -l")
@click.option("--print0", is_flag=True, help="The paths of all copies but the first, NUL after each.")
@listing
@pass_app
def duplicates(app: App, print0: bool, form: Form) -> None:
    """Groups of files with equal bytes, most wasted space first. Hard links and symbolic links waste nothing."""
    with app.open() as db:
        if print0:
            for path in files.extra_copies(db):
                sys.stdout.buffer.write(os.fsencode(path) + b"\0")
            return
        rows = listings.rows(db, listings.DUPLICATES)
    if form != "table":
        show(rows, form)
        return
    groups: dict[str, list[listings.Row]] = {}
    for row in rows:
        groups.setdefault(row["digest"], []).append(row)
    short = [{"copies": g[0]["copies"], "each": size(g[0]["size"]), "wasted": size(g[0]["wasted"]),
              "path": row["path"] if i == 0 else f"  = {row['path']}"} if i == 0 else
             {"copies": None, "each": None, "wasted": None, "path": f"= {row['path']}"}
             for g in groups.values() for i, row in enumerate(g)]  # fmt: skip
    show(short, form, "no two files are equal")
    if groups:
        wasted = sum(group[0]["wasted"] for group in groups.values())
        app.say(f"{len(groups):,} groups, {size(wasted)} wasted")
