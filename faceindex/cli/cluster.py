"""`faceindex cluster`: look at groups of faces, name them, merge them."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.output import Form, listing, show
from faceindex.store import journal, listings, people


@click.group()
def cluster() -> None:
    """Look at groups of faces, name them, merge them."""


@cluster.command("list", epilog="Example: faceindex cluster list --sheet unknown.jpg")
@click.option("--unnamed", "which", flag_value="unnamed", type=str, help="Only those without a name.")
@click.option("--named", "which", flag_value="named", type=str, help="Only those with a name.")
@click.option("--all", "which", flag_value="all", type=str, default="all", help="Both, the default.")
@click.option("--least", type=click.IntRange(1), default=1, show_default=True, help="On at least so many photos.")
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True, help="At most so many.")
@click.option("--sheet", type=click.Path(dir_okay=False, writable=True), metavar="FILE.jpg",
              help="Write a picture with a row of faces for each.")  # fmt: skip
@listing
@pass_app
def list_(app: App, which: str, least: int, limit: int, sheet: str | None, form: Form) -> None:
    """Clusters, those that most deserve a name first."""
    with app.open() as db:
        rows = listings.rows(db, listings.CLUSTERS, which=which, least=least, limit=limit)
        if sheet:
            from faceindex.cli.sheets import sheet_of_clusters  # noqa: PLC0415  (loads the image libraries)

            sheet_of_clusters(db, rows, sheet)
            app.say(f"{sheet} written")
    show(rows, form, "no clusters to show; a scan makes them")


@cluster.command("show", epilog="Example: faceindex cluster show 17 --sheet faces.jpg")
@click.argument("cluster_id", metavar="CLUSTER", type=int)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many faces.")
@click.option("--sheet", type=click.Path(dir_okay=False, writable=True), metavar="FILE.jpg",
              help="Write a picture with all these faces.")  # fmt: skip
@listing
@pass_app
def show_(app: App, cluster_id: int, limit: int, sheet: str | None, form: Form) -> None:
    """The faces of CLUSTER: where they are, and how far from its average, nearest first."""
    with app.open() as db:
        found = people.cluster(db, cluster_id)
        rows = listings.members(db, cluster_id, limit)
        if sheet:
            from faceindex.cli.sheets import sheet_of_faces  # noqa: PLC0415

            sheet_of_faces(db, rows, sheet)
            app.say(f"{sheet} written")
    if form == "table":
        app.say(f"cluster {cluster_id}: {found.name or 'no name'}, {found.faces} faces")
    show(rows, form)


@cluster.command(epilog='Example: faceindex cluster label 17 "Anna"')
@click.argument("cluster_id", metavar="CLUSTER", type=int)
@click.argument("name")
@pass_app
def label(app: App, cluster_id: int, name: str) -> None:
    """Name CLUSTER, and so every face in it.

    Two clusters named alike are one person, and keep an average each: Anna as a child and Anna today.
    """
    name = people.clean_name(name)
    with app.open() as db, journal.entry(db, "cluster label", f"cluster {cluster_id} named {name}") as journal_id:
        people.label(db, journal_id, cluster_id, name)
        faces = people.cluster(db, cluster_id).faces
    app.say(f"cluster {cluster_id} is {name} ({faces} faces)")


@cluster.command(epilog="Example: faceindex cluster unlabel 17")
@click.argument("cluster_id", metavar="CLUSTER", type=int)
@pass_app
def unlabel(app: App, cluster_id: int) -> None:
    """Take the name of CLUSTER away again."""
    with app.open() as db, journal.entry(db, "cluster unlabel", f"name of cluster {cluster_id} taken away"):
        name = people.unlabel(db, cluster_id)
    app.say(f"cluster {cluster_id} is no longer {name}")


@cluster.command(epilog="Example: faceindex cluster merge 17 23 40")
@click.argument("into", metavar="INTO", type=int)
@click.argument("others", metavar="OTHER...", type=int, nargs=-1, required=True)
@pass_app
def merge(app: App, into: int, others: tuple[int, ...]) -> None:
    """Make one cluster, INTO, of several that are the same person."""
    numbers = ", ".join(map(str, others))
    with app.open() as db, journal.entry(db, "cluster merge", f"clusters {numbers} merged into {into}") as journal_id:
        found = people.merge(db, journal_id, into, others)
    app.say(f"cluster {into}: {found.name or 'no name'}, {found.faces} faces")
