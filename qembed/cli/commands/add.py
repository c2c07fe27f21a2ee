"""`qembed add`: records without a source."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    MetaOption,
    ModelOption,
    OutputFormat,
    QuietWhileWellOption,
    VerboseOption,
    WaitOption,
    key_values,
)
from qembed.cli.render.index_summary import summary_line, unread_lines, warning_lines
from qembed.cli.streams import standard_input


def add(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help="The text, or - for stdin: a text a line, or JSON lines of records.",
            show_default=False,
        ),
    ] = None,
    meta: MetaOption = None,
    id: Annotated[
        str | None,
        typer.Option(
            "--id", help="The record's id. Default: made from what it says.", show_default=False
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Its title.", show_default=False)] = None,
    index_dir: IndexOption = None,
    model: ModelOption = None,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Add records without a source: memories, notes, facts. Found as soon as this returns.

    No source is looked at. The same record added twice is there once; one of a known id replaces it.

    \b
    qembed add --meta user_id=alice "Alice drinks her coffee black"
    qembed add - --meta user_id=bob < facts.jsonl

    Exit codes: 0 done; 2 cannot run; 4 done, but some records could not be read; 75 another writer
    holds the lock.
    """
    from qembed.errors import InputError, UsageError
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.indexing.records import EMPTY, OWN_FIELDS, add_lines, add_records
    from qembed.pipeline.locate import index_to_write
    from qembed.pipeline.recipe import RecipeOptions

    talk = Console(quiet, verbose)
    if text is None:
        raise typer.BadParameter("give a TEXT, or - to read from stdin", param_hint="TEXT")
    signals = StopSignals()
    stdin = standard_input(stop=signals) if text == "-" else None
    if text == "-" and (id is not None or title is not None):
        raise UsageError("--id and --title are for one TEXT; in JSON lines each record has its own")
    fields = key_values(meta or [])
    if taken := sorted(OWN_FIELDS & fields.keys()):
        raise UsageError(
            f"--meta {taken[0]}: a record has its {taken[0]} already (--id, --title, TEXT)"
        )
    options = IndexOptions(recipe=RecipeOptions(model), wait=wait)
    root = index_to_write(index_dir)
    with signals.caught(talk), talk.progress(signals) as progress:
        if stdin is not None:
            summary = add_lines(root, stdin, fields, options, progress)
        else:
            if not text.strip():
                raise InputError(EMPTY)
            given = {"_id": id, "title": title, "text": text}
            record = {k: v for k, v in given.items() if v is not None}
            summary = add_records(root, [record], fields, options, progress)
    for line in unread_lines(summary, verbose):
        talk.problem(line)
    for line in warning_lines(summary, verbose):
        talk.say(line)
    if format is OutputFormat.json:
        out(dumps(summary.to_json()))
    elif not quiet or summary.failed or summary.interrupted:
        out(summary_line(summary))
    talk.seconds(summary.seconds)
    if summary.interrupted:
        raise typer.Exit(signals.code)
    if summary.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)
