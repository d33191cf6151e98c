"""`faceindex cluster`: look at groups of faces; name, merge, split or ignore them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import click

from faceindex.cli import ids
from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.groups import Group
from faceindex.cli.lookup import photo_at
from faceindex.cli.options import Form, listing, strongest, switch
from faceindex.cli.output import Row, show
from faceindex.errors import UsageProblem
from faceindex.report import counted
from faceindex.store import acts, listings, parting, people, settings

CLUSTERS = ("cluster", "person", "photos", "faces", "run")
MEMBERS = ("face", "named_by", "distance", "left", "top", "right", "bottom", "path")


@click.group(cls=Group, epilog="Example: faceindex cluster list")
def cluster() -> None:
    """Look at groups of faces; name, merge, split or ignore them."""


@cluster.command("list", epilog="Example: faceindex cluster list --unnamed --sheet unknown.jpg")
@switch("--unnamed", help="Only those without a name.")
@switch("--named", help="Only those with a name.")
@switch("--ignored", help="Only those that are ignored.")
@click.option("--least", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="On N photos or more.")
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True, metavar="N", help="At most so many.")
@click.option("--sheet", type=click.Path(), metavar="FILE.jpg", help="Write a picture with a row of faces for each.")
@listing
@pass_app
def list_(
    app: App, unnamed: bool, named: bool, ignored: bool, least: int, limit: int, sheet: str | None, form: Form
) -> None:
    """Clusters, those that most deserve a name first.

    Those come first that have no name and are on many photos. Ignored ones are listed with --ignored only.
    """
    which = strongest("unnamed", "named", "ignored") or "all"
    query = listings.IGNORED if which == "ignored" else listings.CLUSTERS
    with app.open() as db:
        rows = listings.rows(db, query, which=which, least=least, limit=limit)
        if sheet:
            from faceindex.cli.sheets import sheet_of_clusters  # noqa: PLC0415  (loads the image libraries)

            app.say(sheet_of_clusters(db, rows, sheet))
    show(app, rows, form, CLUSTERS, _cluster_for_people, "no clusters to show; a scan makes them")
    if len(rows) == limit:
        app.say(f"the first {limit}; --limit shows more")


def _cluster_for_people(row: Row) -> Row:
    return {name: row[name] for name in ("cluster", "photos", "faces", "person")}


@cluster.command("show", epilog="Example: faceindex cluster show 17 --sheet faces.jpg")
@click.argument("cluster_id", metavar="CLUSTER", type=int)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="At most so many.")
@click.option("--sheet", type=click.Path(), metavar="FILE.jpg", help="Write a picture with all these faces.")
@listing
@pass_app
def show_(app: App, cluster_id: int, limit: int, sheet: str | None, form: Form) -> None:
    """The faces of CLUSTER, most typical first.

    With the distance from its average, and the box on the photo: left, top, right, bottom, in hundredths of it.
    """
    with app.open() as db:
        found = people.cluster(db, cluster_id)
        rows = listings.members(db, cluster_id, limit)
        if sheet:
            from faceindex.cli.sheets import sheet_of_faces  # noqa: PLC0415

            app.say(sheet_of_faces(db, rows, sheet))
    if form == "table":
        hidden = "; not shown are those beyond --limit or on photos that are gone" if len(rows) < found.faces else ""
        app.say(f"cluster {cluster_id}: {found.name or 'no name'}, {counted(found.faces, 'face')}{hidden}")
    show(app, rows, form, MEMBERS, face_for_people)


def face_for_people(row: Row) -> Row:
    """The row of a face with its box in one column, which keeps the table narrow."""
    box = " ".join(f"{100 * row.pop(side):02.0f}" for side in ("left", "top", "right", "bottom"))
    path = {"path": row.pop("path")} if "path" in row else {}
    return {**row, "box %": box, **path}


@cluster.command(epilog='Example: faceindex cluster label 17 "Anna"')
@click.argument("cluster_id", metavar="CLUSTER", type=int)
@click.argument("name")
@pass_app
def label(app: App, cluster_id: int, name: str) -> None:
    """Name CLUSTER, and so every face in it.

    Two clusters named alike are one person, and keep an average each: Anna as a child and Anna today.
    """
    with app.open() as db:
        app.say(acts.label_cluster(db, cluster_id, name).told)


@cluster.command(epilog="Example: faceindex cluster unlabel 17")
@click.argument("cluster_id", metavar="CLUSTER", type=int)
@pass_app
def unlabel(app: App, cluster_id: int) -> None:
    """Take the name of CLUSTER away again."""
    with app.open() as db:
        app.say(acts.unlabel_cluster(db, cluster_id).told)


@cluster.command(epilog="Example: faceindex cluster merge 17 23 40")
@click.argument("into", metavar="INTO", type=int)
@click.argument("others", metavar="OTHER...", nargs=-1, required=True)
@pass_app
def merge(app: App, into: int, others: tuple[str, ...]) -> None:
    """Make one cluster, INTO, of several.

    They must be the same person: of two that bear different names, none is merged. - reads the numbers of the others
    from stdin.
    """
    chosen = ids.clusters(others)
    with app.open() as db:
        app.say(acts.merge_clusters(db, into, chosen).told)


@cluster.command(epilog="Example: faceindex cluster different 17 23")
@click.argument("one", metavar="CLUSTER", type=int)
@click.argument("other", metavar="OTHER", type=int)
@pass_app
def different(app: App, one: int, other: int) -> None:
    """Say that CLUSTER and OTHER are different people.

    They are not merged after that, nor named alike.
    """
    with app.open() as db:
        app.say(acts.part_clusters(db, one, other).told)


@cluster.command(epilog="Example: faceindex cluster split 17 --into 2")
@click.argument("cluster_id", metavar="CLUSTER", type=int)
@click.argument("faces", metavar="[FACE]...", nargs=-1)
@click.option("--into", type=click.IntRange(2), metavar="N", help="Into N parts, by the likeness of the faces.")
@pass_app
def split(app: App, cluster_id: int, faces: tuple[str, ...], into: int | None) -> None:
    """Have some faces leave CLUSTER: those named, or by likeness.

    The largest part keeps number and name, and those named leave; the others are new clusters without a name, and
    different people from then on. - reads the numbers of faces from stdin.
    """
    if bool(faces) == bool(into):
        raise UsageProblem("say either which faces leave, or --into how many parts")
    with app.open() as db:
        app.say(acts.split_cluster(db, cluster_id, ids.faces(faces) if faces else None, into or 0).told)


@cluster.command(epilog="Example: faceindex cluster ignore --photo wedding.jpg")
@click.argument("clusters", metavar="[CLUSTER]...", nargs=-1)
@click.option("--photo", type=click.Path(dir_okay=False), metavar="PATH", help="All without a name on this photo.")
@click.option("--smaller", type=click.IntRange(2), metavar="N", help="All without a name on fewer than N photos.")
@pass_app
def ignore(app: App, clusters: tuple[str, ...], photo: str | None, smaller: int | None) -> None:
    """Put strangers out of the way.

    Ignored clusters are not listed or counted any more; new faces may still join them, and are out of the way too.
    - reads numbers of clusters from stdin.
    """
    if sum(map(bool, (clusters, photo, smaller))) != 1:
        raise UsageProblem("name clusters, or --photo, or --smaller")
    named = ids.clusters(clusters) if clusters else []
    with app.open() as db:
        chosen = _strangers(db, named, photo, smaller)
        app.say(acts.ignore_clusters(db, chosen).told)


def _strangers(
    db: sqlite3.Connection, clusters: Sequence[int], photo: str | None, smaller: int | None
) -> Sequence[int]:
    backend = settings.get(db, "backend") or ""
    if photo:
        return parting.unnamed_on(db, photo_at(db, absolute(photo)), backend)
    return parting.unnamed_smaller(db, smaller, backend) if smaller else clusters


@cluster.command(epilog="Example: faceindex cluster unignore 17")
@click.argument("clusters", metavar="[CLUSTER]...", nargs=-1)
@switch("--all", help="All that are ignored.")
@pass_app
def unignore(app: App, clusters: tuple[str, ...], all: bool) -> None:
    """Show ignored clusters again. - reads their numbers from stdin."""
    if bool(clusters) == all:
        raise UsageProblem("name clusters, or --all")
    named = [] if all else ids.clusters(clusters)
    with app.open() as db:
        chosen = parting.ignored_clusters(db, settings.get(db, "backend") or "") if all else named
        app.say(acts.unignore_clusters(db, chosen).told)
