"""`faceindex export xmp`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.export.beside import options, write

if TYPE_CHECKING:
    from faceindex.pipeline.exporting.sidecars import Style

STYLES = ("full", "adobe")


@click.command(epilog="Example: faceindex export xmp ~/Pictures/2019 --dry-run")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@click.option("--style", type=click.Choice(STYLES), default="full", show_default=True,
              help="How a new one is called: full, photo.jpg.xmp; adobe, photo.xmp.")  # fmt: skip
@options
@pass_app
def xmp(app: App, folder: str | None, style: Style, matches: bool, dry_run: bool) -> None:
    """Write who is on each photo into a sidecar beside it, as digiKam, darktable, Lightroom and others read it.

    For all roots, or for FOLDER and what lies below it. A sidecar that is there keeps all that others wrote into it,
    and loses what faceindex wrote once and no longer says. What is up to date is not written again.
    """
    from faceindex.pipeline.exporting import sidecars  # noqa: PLC0415  (loads the XML and image libraries)

    write(app, folder, ("sidecar", "sidecars"), sidecars.export, matches=matches, dry_run=dry_run, style=style)
