"""qembed index"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.codes import Code
from qembed.cli.common import (
    IndexOption,
    ModelOption,
    QuietOption,
    Signals,
    Talk,
    VerboseOption,
    dumps,
    key_values,
    out,
)


class Chunking(StrEnum):
    """How documents become passages."""

    auto = "auto"
    none = "none"


class Format(StrEnum):
    """How the summary is printed."""

    text = "text"
    json = "json"


def index(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH ...]",
            help="Folders, files, JSON lines of records, or - for JSON lines on stdin. "
            "Without PATH: refresh what was indexed before.",
            show_default=False,
        ),
    ] = None,
    index_dir: IndexOption = None,
    model: ModelOption = None,
    dim: Annotated[int | None, typer.Option(help="Cut vectors to so many dimensions.")] = None,
    chunker: Annotated[
        Chunking | None,
        typer.Option(help="auto: passages of --max-tokens; none: one passage a document."),
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest passage, in tokens.")] = None,
    overlap: Annotated[
        int | None, typer.Option(help="Tokens that neighbouring passages share.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Only files like this. Repeatable.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="No files like this. Repeatable.")
    ] = None,
    no_ignore: Annotated[
        bool, typer.Option("--no-ignore", help="Read what .gitignore and the like leave out.")
    ] = False,
    meta: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Metadata for these documents. Repeatable."),
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="A record's id. Default: _id or id.")] = None,
    text_field: Annotated[str | None, typer.Option(help="A record's text. Default: text.")] = None,
    title_field: Annotated[
        str | None, typer.Option(help="A record's title. Default: title.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME|TEXT", help="Remember this as the default task of queries."),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Make it anew, with another model or other passages."),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Take out what is damaged and encode just that again."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first input that cannot be read.")
    ] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="Wait so long for another writer.")
    ] = 0.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be read, write nothing.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", help="How to print the summary.")] = (
        Format.text
    ),
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Make or refresh the index.

    \b
    qembed index docs/
    qembed index notes/ mail.jsonl --exclude 'drafts/**'
    qembed index                        # refresh: what cron calls
    psql -Atc "select row_to_json(t) from faq t" | qembed index -
    """
    from qembed.pipeline.build import build
    from qembed.pipeline.locate import index_to_write
    from qembed.pipeline.recipe import Wishes
    from qembed.pipeline.summary import Options
    from qembed.store import Source

    talk = Talk(quiet, verbose)
    options = Options(
        paths=tuple(paths or ()),
        wishes=Wishes(model, dim, chunker.value if chunker else None, max_tokens, overlap),
        source=Source(
            "",
            include=tuple(include or ()),
            exclude=tuple(exclude or ()),
            use_ignore=not no_ignore,
            id_field=id_field,
            text_field=text_field,
            title_field=title_field,
            meta=key_values(meta or []),
        ),
        task=task,
        rebuild=rebuild,
        repair=repair,
        strict=strict,
        wait=wait,
        dry_run=dry_run,
    )
    with Signals().caught(talk) as signals, talk.progress(signals) as progress:
        summary = build(index_to_write(index_dir), options, progress, sys.stdin.buffer)
    for unread in summary.failed:
        talk.say(f"cannot read {unread}")
    if format is Format.json:
        out(dumps(summary.to_json()))
    else:
        _summary_line(summary)
    talk.seconds(summary.seconds)
    if summary.interrupted:
        raise typer.Exit(signals.code)
    if summary.failed:
        raise typer.Exit(Code.SOME_FAILED)


def _summary_line(summary) -> None:  # type: ignore[no-untyped-def]
    d, p = summary.documents, summary.passages
    if summary.dry_run:
        for verb, names in summary.would.items():
            for name in names:
                out(f"{verb}\t{name}")
    kinds = [f"{d[k]:,} {k}" for k in d if d[k] and k != "unchanged"]
    what = ", ".join([*kinds, f"{d['unchanged']:,} unchanged"])
    if summary.dry_run:
        out(f"would: {what} (nothing was written)")
        return
    encoded = f"{p['encoded']:,} encoded"
    if p["reused"]:
        encoded += f", {p['reused']:,} reused"
    if p["truncated"]:
        encoded += f", {p['truncated']:,} truncated to {summary.recipe.max_tokens} tokens"
    state = "interrupted, what was done is kept: " if summary.interrupted else ""
    out(
        f"{state}{what} · {p['total']:,} passages, {encoded} · "
        f"generation {summary.generation} · {summary.seconds['total']:.1f} s"
    )
