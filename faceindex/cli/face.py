"""`faceindex face`: what you say of single faces."""

from __future__ import annotations

import re

import click

from faceindex.cli import ids
from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.groups import Group
from faceindex.cli.lookup import photo_at
from faceindex.errors import UsageProblem
from faceindex.store import acts, people, settings

faces_argument = click.argument("numbers", metavar="FACE...", nargs=-1, required=True)


@click.group(cls=Group, epilog="Example: faceindex face reject 4711")
def face() -> None:
    """Say of single faces where they belong, and who they are or are not.

    'faceindex photo show' and 'faceindex cluster show' tell the numbers of faces; - reads them from stdin.
    """


@face.command(epilog="Example: faceindex face move 4711 4712 23")
@faces_argument
@click.argument("cluster", metavar="CLUSTER")
@pass_app
def move(app: App, numbers: tuple[str, ...], cluster: str) -> None:
    """Put faces into CLUSTER, or into a new one: write "new".

    They take its name.
    """
    chosen = ids.faces(numbers)
    if not re.fullmatch(r"\d+|new", cluster):
        raise UsageProblem(f"{cluster[:40]!r} is no cluster; give its number, or new")
    with app.open() as db:
        app.say(acts.move_faces(db, chosen, None if cluster == "new" else int(cluster)).told)


@face.command(epilog="Example: faceindex face reject 4711")
@faces_argument
@pass_app
def reject(app: App, numbers: tuple[str, ...]) -> None:
    """Say that faces are not who they are taken for, or not of their cluster.

    That is remembered for ever. They leave their clusters, and the next scan places them anew.
    """
    chosen = ids.faces(numbers)
    with app.open() as db:
        app.say(acts.reject_faces(db, chosen).told)


@face.command(epilog="Example: faceindex face ignore 4711")
@faces_argument
@pass_app
def ignore(app: App, numbers: tuple[str, ...]) -> None:
    """Leave faces alone from now on: strangers, statues, no faces at all."""
    chosen = ids.faces(numbers)
    with app.open() as db:
        app.say(acts.ignore_faces(db, chosen).told)


@face.command(epilog="Example: faceindex face unignore 4711")
@faces_argument
@pass_app
def unignore(app: App, numbers: tuple[str, ...]) -> None:
    """Have ignored faces count again; the next scan places them."""
    chosen = ids.faces(numbers)
    with app.open() as db:
        app.say(acts.unignore_faces(db, chosen).told)


@face.command(epilog='Example: faceindex face label 4711 "Anna"')
@faces_argument
@click.argument("name")
@pass_app
def label(app: App, numbers: tuple[str, ...], name: str) -> None:
    """Say who single faces are, whatever their cluster.

    They go to the nearest cluster of that person, or found one.
    """
    chosen, name = ids.faces(numbers), people.clean_name(name)
    with app.open() as db:
        app.say(acts.label_faces(db, chosen, name).told)


@face.command(epilog="Example: faceindex face add beach.jpg 40,20,55,45 Anna")
@click.argument("path", type=click.Path(dir_okay=False))
@click.argument("box", metavar="BOX")
@click.argument("name")
@pass_app
def add(app: App, path: str, box: str, name: str) -> None:
    """Add a face that was missed on a photo, and name it.

    BOX is left,top,right,bottom in hundredths of the upright picture, as listings show boxes; in pixels with px
    behind it: 400,150,560,330px. A box on a face that is known names that face.
    """
    from faceindex.pipeline.adding import add_face  # noqa: PLC0415  (loads the image libraries)

    sides, name, place = _sides(box), people.clean_name(name), absolute(path)
    with app.open() as db:
        added = add_face(db, [place], photo_at(db, place), settings.get(db, "backend") or "", sides, name)
    if added.changed:
        app.say(f"face {added.face_id}: {name}" + ("; it was there already" if added.known else ""))
    else:
        app.say(f"face {added.face_id}: there already, and named {name}; nothing changed")


def _sides(text: str) -> list[float]:
    """Fractions, or pixels as numbers above 1; raises UsageProblem where it is no box."""
    try:
        sides = [float(part) for part in text.removesuffix("px").split(",")]
    except ValueError:
        sides = []
    if len(sides) != 4:
        raise UsageProblem(f"{text[:40]!r} is no box; write it like 40,20,55,45 or 400,150,560,330px")
    return sides if text.endswith("px") else [side / 100 for side in sides]
