"""`faceindex backup`: a copy of the index."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.db import backup as copy_index
from faceindex.db import restore as put_in_place
from faceindex.errors import NotAnIndex
from faceindex.pipeline.lock import scan_lock
from faceindex.store.paths import shown


@click.command(epilog="Example: faceindex backup /mnt/usb/faces.db")
@click.argument("target", required=False, type=click.Path())
@pass_app
def backup(app: App, target: str | None) -> None:
    """Copy the index to TARGET, a file or folder; by default beside it, with the date in its name.

    Safe while a scan runs. 'faceindex restore' puts the copy in the index's place.
    """
    place = Path(absolute(target)) if target else app.index.parent
    if place.is_dir():
        place /= f"{app.index.stem}-{datetime.now():%Y%m%d-%H%M%S}{app.index.suffix}"
    with app.open() as db:
        copy_index(db, place)
    click.echo(str(place))


@click.command(epilog="Example: faceindex restore /mnt/usb/faces.db")
@click.argument("copy", type=click.Path(dir_okay=False, path_type=Path))
@pass_app
def restore(app: App, copy: Path) -> None:
    """Put COPY, made by 'faceindex backup', in the index's place.

    The former index is put aside, not deleted. Not while a scan runs.
    """
    with scan_lock(app.index):
        try:
            former = put_in_place(copy, app.index)
        except NotAnIndex as error:
            raise NotAnIndex(f"{shown(str(copy))} is no index; name a copy made by 'faceindex backup'") from error
    app.say(f"{copy} is the index now" + (f"; the former one is {former}" if former else ""))
