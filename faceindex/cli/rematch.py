"""`faceindex rematch` and `recluster`: what the machine would decide otherwise today."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import Form, Number, listing, switch
from faceindex.cli.output import Row, show
from faceindex.cli.suggest import DEFAULT_BACKEND
from faceindex.report import counted
from faceindex.store import settings

if TYPE_CHECKING:
    from faceindex.pipeline.reclustering import Reclustered

MOVES = ("face", "cluster", "person", "to", "to_person", "distance", "normalised", "own_distance", "own_normalised")
NOBODY = "(no name)"


GROUPED = ("face", "cluster", "group", "to")
apply_option = switch("--apply", help="Do it, as one change that 'faceindex undo' takes back.")
distance_option = click.option(
    "--distance", type=click.Choice(["normalised", "plain"]), default="normalised", show_default=True,
    help="How faces are compared: judged by other people's faces, or as they are.",
)  # fmt: skip


@click.command(epilog="Example: faceindex rematch --json")
@apply_option
@distance_option
@click.option("--threshold", type=Number(0, 2), metavar="DISTANCE",
              help="Below this a face joins a cluster; default: as a scan computes it.")  # fmt: skip
@click.option("--margin", type=Number(0, 2), metavar="DISTANCE",
              help="How much nearer than to anybody else; default as measured.")  # fmt: skip
@listing
@pass_app
def rematch(app: App, apply: bool, distance: str, threshold: float | None, margin: float | None, form: Form) -> None:
    """Which faces that a scan matched would be somewhere else by today's weights and thresholds.

    Says how many each person would gain and lose, and changes nothing without --apply. What a human named never
    moves, nor do the faces of which a cluster was made. A face that nobody is near enough to leaves its cluster, and
    the next scan places it among the unknown.
    """
    from faceindex.pipeline import rematching  # noqa: PLC0415  (loads numpy)
    from faceindex.pipeline.options import ScanOptions  # noqa: PLC0415

    with app.open() as db:
        backend = settings.get(db, "backend") or DEFAULT_BACKEND
        options = ScanOptions(backend=backend, distance=distance, threshold=threshold, margin=margin)
        found = rematching.apply(db, options) if apply else rematching.preview(db, options)
    moves = [{name: getattr(move, name) for name in MOVES} for move in found.moves]
    if form == "table":
        show(app, _by_person(moves), form, ("gained", "lost", "person"), lambda row: row)
        app.say(_said(len(moves), found.looked_at, apply))
    else:
        show(app, moves, form, MOVES, lambda row: row)


@click.command(epilog="Example: faceindex recluster --json")
@apply_option
@distance_option
@click.option("--threshold", type=Number(0, 2), metavar="DISTANCE",
              help="Pairs of faces nearer than this come together; default: as a scan computes it.")  # fmt: skip
@listing
@pass_app
def recluster(app: App, apply: bool, distance: str, threshold: float | None, form: Form) -> None:
    """How unknown faces would be grouped by today's weights and thresholds, were they all new.

    Says how many would be somewhere else, and changes nothing without --apply. Only clusters of which no human ever
    said anything are looked at: named, merged, split and ignored ones stay as they are.
    """
    from faceindex.pipeline import reclustering  # noqa: PLC0415  (loads numpy)
    from faceindex.pipeline.options import ScanOptions  # noqa: PLC0415

    with app.open() as db:
        backend = settings.get(db, "backend") or DEFAULT_BACKEND
        options = ScanOptions(backend=backend, distance=distance, threshold=threshold)
        found = reclustering.apply(db, options) if apply else reclustering.preview(db, options)
    if form == "table":
        app.say(_grouped(found, apply))
    else:
        show(app, [{name: getattr(move, name) for name in GROUPED} for move in found.moves], form, GROUPED, lambda r: r)


def _grouped(found: Reclustered, applied: bool) -> str:
    whole = f"{counted(found.faces, 'face')} in {counted(found.clusters, 'cluster')} of which nobody said anything"
    if not found.moves:
        return f"of {whole}, none would be anywhere else"
    moves = counted(len(found.moves), "face")
    if applied:
        return f"{whole} are {counted(found.groups, 'cluster')} now, {moves} moved; 'faceindex undo' takes it back"
    return (
        f"{whole} would be {counted(found.groups, 'cluster')}: {moves} would be somewhere else; "
        "--apply puts them there, --json lists them"
    )


def _by_person(moves: list[Row]) -> list[Row]:
    gained = Counter(move["to_person"] or NOBODY for move in moves)
    lost = Counter(move["person"] or NOBODY for move in moves)
    names = sorted({*gained, *lost}, key=lambda name: (-gained[name] - lost[name], name))
    return [{"gained": gained[name], "lost": lost[name], "person": name} for name in names]


def _said(moves: int, looked_at: int, applied: bool) -> str:
    whole = f"{counted(looked_at, 'face')} that scans matched"
    if not moves:
        return f"of {whole}, none would be anywhere else"
    if applied:
        return f"{moves:,} of {whole} are moved; 'faceindex undo' takes it back"
    return f"{moves:,} of {whole} would be somewhere else; --apply puts them there, --json lists them"
