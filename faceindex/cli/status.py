"""`faceindex status`: what the index holds."""

from __future__ import annotations

import json

import click

from faceindex.cli.app import App, pass_app
from faceindex.report import size
from faceindex.store import listings, roots, settings
from faceindex.store.paths import shown


@click.command(epilog="Example: faceindex status --json")
@click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")
@pass_app
def status(app: App, as_json: bool) -> None:
    """Say what the index holds and what is left to do."""
    with app.open() as db:
        numbers = listings.status(db, settings.get(db, "backend") or "dlib")
        folders = roots.all_roots(db)
        last = listings.last_run(db)
    if as_json:
        known = [{"path": shown(root.path), "files": root.files} for root in folders]
        click.echo(json.dumps({"index": str(app.index), **numbers, "root": known, "last_run": last}, indent=1))
        return
    n = {name: f"{value:,}" for name, value in numbers.items()}
    click.echo(f"Index    {app.index} ({size(app.index.stat().st_size)})")
    for root in folders:
        click.echo(f"Root     {shown(root.path)}: {root.files:,} files")
    click.echo(f"Photos   {n['photos']} with {n['faces']} faces, {n['named']} of them named")
    click.echo(f"People   {n['people']}; {n['unnamed_clusters']} clusters without a name")
    if last:
        click.echo(f"Last run {last['started_at']}: {last['outcome'] or 'running, or killed'}")
    if numbers["unread"] or numbers["problems"]:
        click.echo(f"Left     {n['unread']} files to read, {n['problems']} problems")
