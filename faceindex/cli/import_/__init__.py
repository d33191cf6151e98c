"""`faceindex import`: names that other programs hold."""

from __future__ import annotations

import click

from faceindex.cli.groups import LazyGroup

COMMANDS = {  # name: where it stands, and what `faceindex import --help` says of it
    "picasa": ("faceindex.cli.import_.picasa:picasa", "Picasa: .picasa.ini and contacts.xml."),
    "xmp": (
        "faceindex.cli.import_.xmp:xmp",
        "Lightroom, digiKam, Windows and others: XMP, embedded and beside photos.",
    ),
    "digikam": ("faceindex.cli.import_.digikam:digikam", "digiKam's database."),
    "faces-in-photos": ("faceindex.cli.import_.faces_in_photos:faces_in_photos", "The index of faces_in_photos."),
    "folder": ("faceindex.cli.import_.folder:folder", "A picture or a folder for each person."),
}


@click.group("import", cls=LazyGroup, commands_by_name=COMMANDS, epilog="Example: faceindex import picasa --dry-run")
def import_() -> None:
    """Names from other programs, said of the faces they mean.

    Photos must be in the index: scan first. Each import can be run again after more tagging, and taken back by
    'faceindex undo'.
    """
