"""`faceindex export picasa`."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.export.beside import options, write


@click.command(epilog="Example: faceindex export picasa ~/Pictures/2019 --dry-run")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@options
@pass_app
def picasa(app: App, folder: str | None, matches: bool, dry_run: bool) -> None:
    """Write who is on each photo into the .picasa.ini of its folder, where Picasa finds it.

    For all roots, or for FOLDER and what lies below it. A file that is there keeps all that Picasa wrote into it, and
    loses what faceindex wrote once and no longer says. What is up to date is not written again.
    """
    from faceindex.pipeline.exporting import picasa as exporting  # noqa: PLC0415  (loads the image libraries)

    write(app, folder, ("Picasa file", "Picasa files"), exporting.export, matches=matches, dry_run=dry_run)
