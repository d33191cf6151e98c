"""`faceindex import digikam`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.import_.bring import bring, options
from faceindex.errors import UsageProblem
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.importing import Prefer
    from faceindex.pipeline.sources import Missed, Tagged


@click.command(epilog="Example: faceindex import digikam ~/Pictures/digikam4.db --root /mnt/old=/home/me/Pictures")
@click.argument("file", type=click.Path())
@click.option("--root", multiple=True, metavar="FROM=TO",
              help="Photos that digiKam knows below FROM are below TO now; may be given several times.")  # fmt: skip
@options
@pass_app
def digikam(app: App, file: str, root: Sequence[str], dry_run: bool, prefer: Prefer) -> None:
    """Take the names from FILE, digiKam's database, digikam4.db.

    Confirmed faces are named, unconfirmed ones are asked about by 'faceindex review', ignored ones ignored. The
    database is only read; close digiKam first.
    """
    moved = dict(map(_moved, root))

    def read(db: sqlite3.Connection) -> Iterator[Tagged | Missed]:
        from faceindex.pipeline.sources import digikam as source  # noqa: PLC0415  (loads the image libraries)

        return source.read(db, absolute(file), moved)

    bring(app, "digikam", shown(absolute(file)), read, dry_run=dry_run, prefer=prefer)


def _moved(pair: str) -> tuple[str, str]:
    old, equals, new = pair.partition("=")
    if not equals or not old.strip("/") or not new:
        raise UsageProblem(f"--root takes two folders, like --root /mnt/old=/home/me/Pictures, not {shown(pair)!r}")
    return old, absolute(new)
