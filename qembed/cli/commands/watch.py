"""`qembed watch`: refresh the index when its sources change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    VerboseOption,
)
from qembed.cli.render.index_summary import say_details, say_findings, summary_line
from qembed.errors import IndexLocked, QembedError, UsageError
from qembed.inputs import from_here

if TYPE_CHECKING:
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.indexing.summary import IndexSummary

LOCK_SECONDS = 5.0
"""Time to wait for another writer before changes are looked for again."""


def watch(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH ...]",
            help="Sources to index and watch. Without PATH: those that the index has.",
            show_default=False,
        ),
    ] = None,
    debounce: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Wait so long for changes that follow one another."),
    ] = 1.0,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Delete more than half of the documents, unasked."),
    ] = False,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Refresh the index, and again whenever a source changes, until Ctrl-C.

    Each refresh is one of `qembed index`, with its settings, filters and ignore files; one that changes
    nothing is not told. An error is told and does not end it. Wants the extra watch.

    \b
    qembed watch
    qembed watch notes docs/handbook.md -q &

    Exit codes: 2 cannot run; 130 interrupted; 143 terminated, with what was done so far committed.
    """
    from qembed.pipeline.indexing.watching import (
        check_watchfiles,
        refresh_options,
        source_places,
        watch_places,
    )
    from qembed.pipeline.locate import find_index, index_to_write

    talk = Console(quiet, verbose)
    if not 0 <= debounce <= 3600:
        raise UsageError(f"--debounce {debounce:g}: seconds, at most 3600")
    if "-" in (paths or ()):
        raise UsageError("- is read once, and does not change: watch files and folders")
    check_watchfiles()
    root = index_to_write(index_dir) if paths else find_index(index_dir)

    def options() -> IndexOptions:
        return refresh_options(paths or (), wait=LOCK_SECONDS, yes=yes)

    given = [Path(p).absolute() for p in paths or ()]
    with StopSignals().ending():
        _print(_refresh(root, options(), talk), format, talk)
        watched = given or source_places(root)
        if not watched:
            raise UsageError(f"the index at {root} has no sources to watch (qembed watch PATH)")
        more = " …" if watched[5:] else ""
        talk.say(f"watching {', '.join(map(from_here, watched[:5]))}{more}")
        is_due = False
        for changed in watch_places(lambda: given or source_places(root), root, debounce, talk.say):
            is_due |= changed
            if is_due:
                is_due = not _is_refreshed(root, options, format, talk)


def _is_refreshed(
    root: Path, options: Callable[[], IndexOptions], format: OutputFormat, talk: Console
) -> bool:
    """Refresh the index and tell what changed, or why it could not be. False if another writer is at work."""
    try:
        summary = _refresh(root, options(), talk)
    except IndexLocked as e:
        talk.detail(str(e))
        return False
    except QembedError as e:
        talk.problem(str(e))
        return True
    changed = any(n for kind, n in summary.documents.items() if kind != "unchanged")
    if changed or talk.verbose:
        _print(summary, format, talk)
    return True


def _refresh(root: Path, options: IndexOptions, talk: Console) -> IndexSummary:
    """Refresh the index. Raises Exit after a signal, with what was done committed."""
    from qembed.pipeline.indexing.build import build

    signals = StopSignals()
    with signals.caught(talk), talk.progress(signals) as progress:
        summary = build(root, options, progress)
    if signals.received:
        raise typer.Exit(signals.code)
    return summary


def _print(summary: IndexSummary, format: OutputFormat, talk: Console) -> None:
    """Print what a refresh did, as `index` does."""
    say_findings(talk, summary)
    if format is OutputFormat.json:
        out(dumps(summary.to_json()))
    elif not talk.quiet:
        out(summary_line(summary))
    say_details(talk, summary)
    import sys

    sys.stdout.flush()
