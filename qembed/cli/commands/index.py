"""qembed index"""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from qembed.cli.console import (
    Console,
    IndexOption,
    ModelOption,
    QuietOption,
    StopSignals,
    VerboseOption,
    dumps,
    key_values,
    out,
)
from qembed.cli.exit_codes import ExitCode
from qembed.errors import UsageError

if TYPE_CHECKING:
    from qembed.pipeline.indexing.options import IndexSummary


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
    headings: Annotated[
        bool | None,
        typer.Option(
            "--headings/--no-headings",
            help="Encode a passage with its headings, code with its names, in front. Default: without.",
            show_default=False,
        ),
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
    max_file_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Leave out larger files: bytes, or 500K, 20M, 1G."),
    ] = None,
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
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Delete the documents of a source that is gone."),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Delete more than half of the documents, unasked."),
    ] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="Wait so long for another writer.")
    ] = 0.0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be read, write nothing; with -v also how."),
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
    from qembed.pipeline.indexing.build import build
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.locate import index_to_write
    from qembed.pipeline.recipe import RecipeOptions
    from qembed.store import Source

    talk = Console(quiet, verbose)
    options = IndexOptions(
        paths=tuple(paths or ()),
        recipe=RecipeOptions(
            model, dim, chunker.value if chunker else None, max_tokens, overlap, headings
        ),
        source=Source(
            "",
            include=tuple(include or ()),
            exclude=tuple(exclude or ()),
            use_ignore=not no_ignore,
            id_field=id_field,
            text_field=text_field,
            title_field=title_field,
            max_file_size=number_of_bytes(max_file_size),
            meta=key_values(meta or []),
        ),
        task=task,
        rebuild=rebuild,
        repair=repair,
        strict=strict,
        wait=wait,
        dry_run=dry_run,
        detail=dry_run and verbose,
        allow_missing=allow_missing,
        confirm=lambda what: yes or asked(what),
    )
    with StopSignals().caught(talk) as signals, talk.progress(signals) as progress:
        summary = build(index_to_write(index_dir), options, progress, sys.stdin.buffer)
    for unread in summary.failed:
        talk.say(f"cannot read {str(unread).translate(_LINE)}")
    for reason, n in summary.skipped.items():
        # what mends itself with a command is worth a line; all else only with -v
        tell = talk.say if reason.startswith("needs ") else talk.detail
        tell(f"left out {n:,}: {reason}{which(summary, reason)}")
    if format is Format.json:
        out(dumps(summary.to_json()))
    else:
        out(summary_line(summary))
    for reason, n in summary.plainly.items():
        talk.detail(f"cut as plain text {n:,}: {reason}")
    for place in summary.cut_short:
        talk.detail(f"cut short: {place}")
    talk.seconds(summary.seconds)
    if summary.interrupted:
        raise typer.Exit(signals.code)
    if summary.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


_LINE = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})
"""Names may hold what ends a line or a cell."""


def which(summary: IndexSummary, reason: str) -> str:
    """The commonest of the suffixes that no reader knows, for that reason."""
    from qembed.corpus import UNKNOWN

    if reason != UNKNOWN:
        return ""
    most = sorted(summary.suffixes.items(), key=lambda x: (-x[1], x[0]))
    shown = [f"{n:,} {suffix or 'with none'}" for suffix, n in most[:8]]
    return f" ({', '.join(shown)}{', …' if len(most) > 8 else ''})"


def number_of_bytes(text: str | None) -> int | None:
    """`20M` as a number, K, M and G being powers of 1024. Raises UsageError."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,12})([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise UsageError(f"--max-file-size {text}: wanted bytes, or a number with K, M or G")
    factor: int = 1024 ** " KMG".index(found[2].upper() or " ")
    return int(found[1]) * factor


def asked(what: str) -> bool:
    """Asks on a terminal; without one nobody can answer, and no answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm(f"{what}. Delete them from the index?", err=True)


def summary_line(summary: IndexSummary) -> str:
    """What was done, in a line; of a dry run also what would be."""
    done, p = summary.documents, summary.passages
    kinds = [f"{done[k]:,} {k}" for k in done if done[k] and k != "unchanged"]
    what = ", ".join([*kinds, f"{done['unchanged']:,} unchanged"])
    if summary.dry_run:
        how = {d.name: d for d in summary.details}
        plan = []
        for verb, names in summary.would.items():
            for name in names:
                line = f"{verb}\t{name.translate(_LINE)}"
                if d := how.get(name):
                    line += f"\t{d.reader}\t{d.chunker}\t{d.documents}\t{d.passages}"
                    line += "".join(f"\t{problem}" for problem in d.problems)
                plan.append(line)
        plan += [f"skip\t{name.translate(_LINE)}\t{why}" for name, why in summary.left_out]
        return "\n".join([*plan, f"would: {what} (nothing was written)"])
    encoded = f"{p['encoded']:,} encoded"
    if p["reused"]:
        encoded += f", {p['reused']:,} reused"
    if p["truncated"]:
        encoded += f", {p['truncated']:,} truncated to {summary.recipe.max_tokens} tokens"
    state = "interrupted, what was done is kept: " if summary.interrupted else ""
    return (
        f"{state}{what} · {p['total']:,} passages, {encoded} · "
        f"generation {summary.generation} · {summary.seconds['total']:.1f} s"
    )
