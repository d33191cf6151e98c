"""`faceindex export album`: web pages of people in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faceindex.cli import outcome
from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.options import switch
from faceindex.cli.places import outside_library
from faceindex.report import counted
from faceindex.store import settings
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.exporting.album import Outcome


@click.command(epilog='Example: faceindex export album ~/Album --title "Our family"')
@click.argument("dir", type=click.Path())
@click.option("--title", default="Album", show_default=True, help="What stands above it.")
@click.option("--thumbnails", type=click.IntRange(80, 1200), default=360, show_default=True, metavar="PX",
              help="Longest side of the small pictures.")  # fmt: skip
@switch("--matches", help="Names that the machine found, too; without, only what humans said.")
@switch("--originals", help="Link to the photos on this machine; their paths then stand in the pages.")
@pass_app
def album(app: App, dir: str, title: str, thumbnails: int, matches: bool, originals: bool) -> None:
    """Pages in DIR: everybody, the photos of each, and who is where on them. Open DIR/index.html in a browser.

    No server and no script is needed. It holds copies of medium size, without the place and whatever else cameras
    write into photos, so it can be given away. Run it again and DIR is brought up to date; it goes on where it was
    stopped.
    """
    from faceindex.cli.progress import steps  # noqa: PLC0415  (loads the pipeline)
    from faceindex.pipeline.exporting.album import Options, write_album  # noqa: PLC0415  (loads the image libraries)

    options = Options(title, thumbnails, matches=matches, originals=originals)
    with app.open() as db:
        outside_library(db, absolute(dir), "a scan would find everything twice; name a folder elsewhere")
        with steps(app, "Copying") as step:
            out = write_album(db, settings.get(db, "backend") or "dlib", absolute(dir), options, step)
    _report(app, dir, out)


def _report(app: App, dir: str, out: Outcome) -> None:
    people, photos = out.counts["people"], counted(out.counts["photos"], "photo")
    app.say(f"{shown(dir)}/index.html: {people:,} {'person' if people == 1 else 'people'} on {photos}")
    app.tell(
        f"{counted(out.counts['copies'], 'picture')} made, {counted(out.counts['pages'], 'page')} written, "
        f"{counted(out.counts['removed'], 'file')} removed"
    )
    outcome.list_(app, "photos left out, none of whose files can be read now", out.unread, "export again when it can")
