"""`faceindex photo`: who is on a photo."""

from __future__ import annotations

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.cluster import face_for_people
from faceindex.cli.groups import Group
from faceindex.cli.lookup import photo_at
from faceindex.cli.options import Form, listing
from faceindex.cli.output import show
from faceindex.store import listings

FACES = ("face", "person", "cluster", "named_by", "distance", "runner_up", "detector", "score",
         "left", "top", "right", "bottom")  # fmt: skip


@click.group(cls=Group, epilog="Example: faceindex photo show beach.jpg")
def photo() -> None:
    """Who is on a photo, and how sure that is."""


@photo.command("show", epilog="Example: faceindex photo show ~/Pictures/2019/beach.jpg")
@click.argument("path", type=click.Path(dir_okay=False))
@listing
@pass_app
def show_(app: App, path: str, form: Form) -> None:
    """The faces on a photo, from left to right.

    With names, the distance to the cluster's average and to the runner-up's, and the box: left, top, right,
    bottom, in hundredths of the picture. A file that is not known by its path is known by its bytes, if the
    same picture is in the index.
    """
    with app.open() as db:
        rows = listings.on_photo(db, photo_at(db, absolute(path)))
    show(app, rows, form, FACES, face_for_people, "no faces were found on it")
