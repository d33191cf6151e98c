"""The command line: options in, one call, lines out.

main() is the one place where an error becomes a line and an exit code. Commands are found by table, so
that `faceindex --help` and `faceindex status` load neither numpy nor dlib.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

import click

from faceindex.cli.app import App, read_config
from faceindex.cli.lazy import LazyGroup
from faceindex.db import told
from faceindex.errors import FaceindexError

COMMANDS = {  # name: where it stands, and what `faceindex --help` says of it
    "scan": ("faceindex.cli.scan:scan", "Walk the folders, find faces, recognise people."),
    "status": ("faceindex.cli.status:status", "Say what the index holds and what is left to do."),
    "root": ("faceindex.cli.root:root", "Which folders are indexed; move a library without loss."),
    "cluster": ("faceindex.cli.cluster:cluster", "Look at groups of faces, name them, merge them."),
    "person": ("faceindex.cli.person:person", "Who is known; rename somebody."),
    "photo": ("faceindex.cli.photo:photo", "Who is on a photo, and how sure that is."),
    "duplicates": ("faceindex.cli.duplicates:duplicates", "Files with equal bytes, and the space they waste."),
    "problem": ("faceindex.cli.problem:problem", "What could not be handled; try it again."),
    "weights": ("faceindex.cli.weights:weights", "The weights in force when faces are compared."),
    "journal": ("faceindex.cli.journal:journal", "What humans changed, newest first."),
    "undo": ("faceindex.cli.journal:undo", "Take back the last change, or the last few."),
    "backup": ("faceindex.cli.backup:backup", "Copy the index file, even during a scan."),
    "doctor": ("faceindex.cli.doctor:doctor", "Check the set-up and the index; say what to do."),
}

EXIT_CODES = """\b
Exit codes:
  0  done                        5  done, with problems or a root offline
  1  error                       6  the index file cannot be used
  2  wrong usage                 7  the disk is full
  3  another scan is running     8  a model file is missing or damaged
  4  stopped at the deadline or by a signal, everything finished is saved"""


@click.group(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "FACEINDEX"},
    epilog=EXIT_CODES,
)
@click.option(
    "--config", type=click.Path(dir_okay=False), is_eager=True, expose_value=False, callback=read_config,
    help="Settings file (TOML); default: config.toml in the user's settings folder for faceindex.",
)  # fmt: skip
@click.option("--db", type=click.Path(dir_okay=False), help="The index file; default: faces.db in the data folder.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more, on stderr.")
@click.version_option(package_name="faceindex")
@click.pass_context
def cli(ctx: click.Context, db: str | None, quiet: bool, verbose: bool) -> None:
    """Remember who is on which photo.

    \b
    faceindex scan ~/Pictures        every night, by cron
    faceindex cluster list           who is there to be named
    faceindex cluster label 17 Anna  once; the next scan knows her

    Every option can also be set by a variable (FACEINDEX_DB, FACEINDEX_SCAN_MAX_TIME …) or in the settings file.
    """
    ctx.obj = App.of(db, quiet, verbose)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with a documented exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. A bug keeps its traceback."""
    try:
        code: Any = cli.main(arguments, prog_name="faceindex", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("faceindex: stopped", err=True)
        return 130
    except FaceindexError as error:
        click.echo(f"faceindex: {error}", err=True)
        return error.exit_code
    except sqlite3.DatabaseError as error:
        sentence = told(error, App.current().index)
        if not isinstance(sentence, FaceindexError):
            raise
        click.echo(f"faceindex: {sentence}", err=True)
        return sentence.exit_code
    except BrokenPipeError:  # `faceindex … | head` has read enough
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0
