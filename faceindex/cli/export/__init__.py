"""`faceindex export`: names for other programs, and for a world without this one."""

from __future__ import annotations

import click

from faceindex.cli.groups import LazyGroup

COMMANDS = {  # name: where it stands, and what `faceindex export --help` says of it
    "xmp": ("faceindex.cli.export.xmp:xmp", "Sidecars beside photos: for digiKam, Lightroom and others."),
    "picasa": ("faceindex.cli.export.picasa:picasa", "Picasa's .picasa.ini."),
    "album": ("faceindex.cli.export.album:album", "Web pages in a folder: everybody, and the photos they are on."),
    "links": ("faceindex.cli.export.links:links", "A folder for each person, with links to their photos."),
    "gthumb": ("faceindex.cli.export.gthumb:gthumb", "A database for the faces extension of gThumb."),
    "faces": ("faceindex.cli.export.tables:faces", "Faces as CSV, JSON or JSON lines."),
    "people": ("faceindex.cli.export.tables:people", "People as CSV, JSON or JSON lines."),
    "photos": ("faceindex.cli.export.tables:photos", "Photos as CSV, JSON or JSON lines."),
}


@click.group("export", cls=LazyGroup, commands_by_name=COMMANDS, epilog="Example: faceindex export xmp --dry-run")
def export() -> None:
    """Names for other programs, and for a world without this one.

    No photo is ever touched. All work again and again: what is up to date is left alone.
    """
