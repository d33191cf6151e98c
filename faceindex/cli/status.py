"""`faceindex status`: what the index holds."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import switch
from faceindex.cli.output import Row, show_json
from faceindex.report import counted, moment, size
from faceindex.store import listings, roots, settings
from faceindex.store.paths import shown
from faceindex.store.roots import Root

LEFT = {"unread": "unread file", "problems": "problem"}


@click.command(epilog="Example: faceindex status --json")
@switch("--json", help="For programs: JSON.")
@pass_app
def status(app: App, json: bool) -> None:
    """Say what the index holds and what is left to do."""
    with app.open() as db:
        numbers = listings.status(db, settings.get(db, "backend") or "dlib")
        folders = roots.all_roots(db)
        last = listings.last_run(db)
    if json:
        known = [{"path": shown(root.path), "files": root.files} for root in folders]
        show_json({"index": str(app.index), **numbers, "root": known, "last_run": last})
    else:
        click.echo("\n".join(_lines(app, numbers, folders, last)))


def _lines(app: App, numbers: Row, folders: list[Root], last: Row | None) -> list[str]:
    n = {name: f"{value:,}" for name, value in numbers.items()}
    left = [counted(numbers[name], noun) for name, noun in LEFT.items() if numbers[name]]
    lines = [f"Index    {app.index} ({size(app.index.stat().st_size)})"]
    lines += [f"Root     {shown(root.path)}: {counted(root.files, 'file')}" for root in folders]
    lines.append(f"Photos   {n['photos']} with {counted(numbers['faces'], 'face')}, {n['named']} of them named")
    lines.append(f"People   {n['people']}; {counted(numbers['unnamed_clusters'], 'cluster')} without a name")
    if last:
        lines.append(f"Last run {moment(last['started_at'])}: {last['outcome'] or 'running, or killed'}")
    if left:
        lines.append(f"Left     {', '.join(left)}")
    return lines
