"""`faceindex backup`: a copy of the index."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from faceindex.cli.app import App, pass_app
from faceindex.db import backup as copy_index


@click.command(epilog="Example: faceindex backup /mnt/usb/faces.db")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@pass_app
def backup(app: App, target: Path | None) -> None:
    """Copy the index to TARGET, a file or folder; by default beside it, with the date in its name.

    Safe while a scan runs. To restore, put the copy in the index's place.
    """
    name = f"{app.index.stem}-{datetime.now():%Y%m%d-%H%M%S}{app.index.suffix}"
    target = target or app.index.parent
    if target.is_dir():
        target = target / name
    with app.open() as db:
        copy_index(db, target)
    click.echo(str(target))
