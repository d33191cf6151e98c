"""`faceindex forget`: somebody, for good."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import switch
from faceindex.db import transaction
from faceindex.errors import UsageProblem
from faceindex.pipeline.lock import scan_lock
from faceindex.report import counted
from faceindex.store import forgetting, gallery, thumbnails
from faceindex.store.forgetting import Kept, Memory
from faceindex.store.paths import shown


@click.command(epilog="Example: faceindex forget Anna --dry-run")
@click.argument("name")
@switch("--dry-run", help="Only say what would be erased.")
@switch("--yes", help="Do not ask.")
@pass_app
def forget(app: App, name: str, dry_run: bool, yes: bool) -> None:
    """Erase a person's name and encodings for good. Photos are not touched.

    Their faces stay known as boxes that are ignored, so no scan finds them again. This cannot be undone. Not
    while a scan runs.
    """
    with scan_lock(app.index), app.open() as db:
        known = forgetting.memory(db, name)
        for line in _plan(app.index, known):
            click.echo(line, err=True)
        if (kept := forgetting.kept_in_names(db, known.names)) is not None:
            click.echo(_stays(kept), err=True)
        if dry_run or not (yes or _sure()):
            app.say("nothing was changed")
            return
        db.execute("PRAGMA secure_delete = ON")
        with transaction(db):
            known = forgetting.memory(db, name)
            forgetting.erase(db, known)
        forgetting.compact(db)
        _erase_pictures(db, app.index, known)
        for copy in _migration_copies(app.index):
            copy.unlink()
    app.say("forgotten")


def _sure() -> bool:
    """Whether somebody says yes; raises UsageProblem where nobody is there to say anything."""
    click.echo("Erase all this for good? [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        click.echo(err=True)
        raise UsageProblem("nobody answered, so nothing was changed; use --yes to have it done without being asked")
    return answer.strip().lower() in ("y", "yes")


def _stays(kept: Kept) -> str:
    if kept.number == 1:
        return (
            "1 file or folder name holds a name of theirs and stays as it is, in the library and here: "
            f"{shown(kept.example)}"
        )
    return (
        f"{kept.number:,} file or folder names hold a name of theirs and stay as they are, in the library and here: "
        f"such as {shown(kept.example)}"
    )


def _plan(index: Path, known: Memory) -> Iterator[str]:
    yield (
        f"to be erased: {counted(len(known.faces), 'encoding')} of faces on {counted(known.photos, 'photo')}, "
        f"{counted(len(known.clusters), 'cluster')}, {counted(len(known.names), 'name')} ({', '.join(known.names)})"
    )
    yield f"{len(known.entries)} entries of the journal spoke of them and cannot be undone any more"
    if copies := _migration_copies(index):
        yield f"to be deleted, made before the index was led to a newer version: {', '.join(map(str, copies))}"
    yield "faces of theirs that have no name are not known to be theirs, and stay"
    if others := _other_copies(index):
        yield f"these copies may hold them and stay; delete them yourself: {', '.join(map(str, others))}"
    yield "copies elsewhere, by 'faceindex backup' or by your own backups, are not reached"


def _erase_pictures(db: sqlite3.Connection, index: Path, known: Memory) -> None:
    """Their faces among the small pictures beside the index."""
    if thumbnails.beside(index).exists():
        found = (gallery.portrait(db, face_id) for face_id in known.faces)
        with thumbnails.opened(index) as small:
            thumbnails.drop(small, [thumbnails.key(each.digest, each.box) for each in found if each is not None])


def _migration_copies(index: Path) -> list[Path]:
    return sorted(index.parent.glob(f"{index.name}.v[0-9]*.bak*"))


def _other_copies(index: Path) -> list[Path]:
    """Where `faceindex backup` and `faceindex restore` leave copies by themselves."""
    return sorted([
        *index.parent.glob(f"{index.name}.replaced-*.bak"),
        *index.parent.glob(f"{index.stem}-[0-9]*-[0-9]*{index.suffix}"),
    ])  # fmt: skip
