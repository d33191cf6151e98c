"""The command line: options in, one call, lines out.

main() is the one place where an error becomes a line and an exit code. Commands are found by table, so
that `faceindex --help` and `faceindex status` load neither numpy nor dlib.
"""

from __future__ import annotations

import errno
import os
import select
import sqlite3
import sys
from io import StringIO, TextIOWrapper
from typing import Any

import click
from click.core import ParameterSource

from faceindex.cli import settings
from faceindex.cli.app import App
from faceindex.cli.groups import LazyGroup
from faceindex.cli.options import switch
from faceindex.db import told
from faceindex.errors import DiskFull, FaceindexError, UsageProblem

INTERRUPTED = 130  # as a shell says of a program that ended by Ctrl-C
HELP_WANTED = click.exceptions.NoArgsIsHelpError

COMMANDS = {  # name: where it stands, and what `faceindex --help` says of it
    "scan": ("faceindex.cli.scan:scan", "Walk the folders, find faces, recognise people."),
    "status": ("faceindex.cli.status:status", "Say what the index holds and what is left to do."),
    "root": ("faceindex.cli.root:root", "Which folders are indexed; move a library without loss."),
    "cluster": ("faceindex.cli.cluster:cluster", "Look at groups of faces; name, merge, split or ignore them."),
    "face": ("faceindex.cli.face:face", "Say of single faces where they belong, and who they are or are not."),
    "person": ("faceindex.cli.person:person", "Who is known; rename, merge and split people."),
    "photo": ("faceindex.cli.photo:photo", "Who is on a photo, and how sure that is."),
    "serve": ("faceindex.cli.serve:serve", "All of this as a page in the browser."),
    "suggest": ("faceindex.cli.suggest:suggest", "What is worth an answer, that first which gains most."),
    "review": ("faceindex.cli.review:review", "Answer these questions with one key each."),
    "explain": ("faceindex.cli.explain:explain", "Why a face is where it is, and where it would be today."),
    "rematch": ("faceindex.cli.rematch:rematch", "Which faces would be somewhere else today; put them there."),
    "recluster": ("faceindex.cli.rematch:recluster", "How unknown faces would be grouped today; group them so."),
    "duplicates": ("faceindex.cli.duplicates:duplicates", "Files with equal bytes, and the space they waste."),
    "problem": ("faceindex.cli.problem:problem", "What could not be handled; try it again."),
    "eval": ("faceindex.cli.evaluate:evaluate", "How well faces are recognised, by what you said of them."),
    "weights": ("faceindex.cli.weights:weights", "The weights in force when faces are compared."),
    "import": ("faceindex.cli.import_:import_", "Names from Picasa, XMP, digiKam and others."),
    "export": ("faceindex.cli.export:export", "Names as XMP sidecars, album, links, tables."),
    "labels": ("faceindex.cli.labels:labels", "All human work as one readable file, and back."),
    "journal": ("faceindex.cli.journal:journal", "What humans changed, newest first."),
    "undo": ("faceindex.cli.journal:undo", "Take back the last change, or any other."),
    "forget": ("faceindex.cli.forget:forget", "Erase somebody's name and encodings for good."),
    "backup": ("faceindex.cli.backup:backup", "Copy the index file, even during a scan."),
    "restore": ("faceindex.cli.backup:restore", "Put such a copy in the index's place."),
    "doctor": ("faceindex.cli.doctor:doctor", "Check the set-up and the index; say what to do."),
}

EXIT_CODES = """\b
Exit codes:
  0  done                        5  done, with problems or a root offline
  1  error                       6  the index file cannot be used
  2  wrong usage                 7  the disk is full
  3  another scan is running     8  a model file is missing or damaged
  4  stopped at the deadline or by a signal, everything finished is saved"""


class Faceindex(LazyGroup):
    """The outermost group, where what SQLite and the operating system say about the index becomes a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except sqlite3.DatabaseError as error:
            sentence = told(error, ctx.obj.index)
            if sentence is error:
                raise
            raise sentence from error
        except OverflowError as error:
            if "SQLite INTEGER" not in str(error):
                raise
            raise UsageProblem("one of these numbers is far too large; give one that a listing shows") from error
        except BrokenPipeError as error:
            if not _reader_left():  # some other pipe, then; click would end without a word
                raise RuntimeError("a pipe inside faceindex broke; please report this") from error
            return 0  # `faceindex … | head` has read enough
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise DiskFull("the disk is full; free some space and run again") from error


def _reader_left() -> bool:
    """Whether nobody reads stdout any more; then what is still to be flushed goes nowhere."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # errors and hang-ups are always told
    left = bool(poll.poll(0))
    if left:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return left


@click.group(
    cls=Faceindex,
    commands_by_name=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "FACEINDEX"},
    epilog=EXIT_CODES,
)
@click.option(
    "--config", type=click.Path(dir_okay=False), is_eager=True, expose_value=False, callback=settings.read,
    help="Settings file (TOML); default: config.toml in the user's settings folder for faceindex.",
)  # fmt: skip
@click.option("--db", type=click.Path(dir_okay=False), help="The index file; default: faces.db in the data folder.")
@switch("-q", "--quiet", help="Say nothing but data that was asked for, and errors.")
@switch("-v", "--verbose", help="Say more, on stderr.")
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


def main() -> None:
    """Run the command line and end the process with a documented exit code."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show must not end the program
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. A bug keeps its traceback."""
    if sys.stdin is None:  # started without one: nothing is there to be read
        sys.stdin = StringIO()
    try:
        code: Any = cli.main(arguments, prog_name="faceindex", standalone_mode=False)
    except HELP_WANTED as error:
        click.echo(error.ctx.get_help(), err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"faceindex: {_one_line(error)}", err=True)
        return error.exit_code
    except FaceindexError as error:
        click.echo(f"faceindex: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("faceindex: stopped", err=True)
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _one_line(error: click.ClickException) -> str:
    """What click has to say, where the value came from, and where to read more."""
    message = " ".join(error.format_message().split()).rstrip(".")
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    origin = _origin(ctx, error.param) if ctx and isinstance(error, click.BadParameter) and error.param else ""
    more = f"; see '{ctx.command_path} --help'" if ctx and not message.endswith("?") else ""
    return f"{message[0].lower()}{message[1:]}{origin}{more}"


def _origin(ctx: click.Context, parameter: click.Parameter) -> str:
    source = ctx.get_parameter_source(parameter.name or "")
    if source is ParameterSource.ENVIRONMENT:
        return f" (from {ctx.auto_envvar_prefix}_{str(parameter.name).upper()})"
    return f" (from {ctx.meta[settings.PLACE]})" if source is ParameterSource.DEFAULT_MAP else ""
