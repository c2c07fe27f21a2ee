"""`qembed feedback agent`: traces of agents into the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, StopSignals, counted, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
    WaitOption,
)

PROBLEMS_SHOWN = 20


def agent(
    traces: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE ...",
            help="Traces: JSON lines of our own form, or OpenTelemetry's spans as JSON.",
            show_default=False,
        ),
    ],
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="URL#MODEL",
            help="Let a language model vote on the hits of their searches; its votes are kept apart.",
            show_default=False,
        ),
    ] = None,
    index_dir: IndexOption = None,
    wait: WaitOption = 10.0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Log what agents did with answers: what they searched, read and cited, and how their tasks ended.

    \b
    qembed feedback agent traces.jsonl
    qembed feedback agent traces.jsonl --judge http://localhost:8000/v1#qwen
    qembed feedback agent otlp-spans.jsonl.gz && qembed feedback pairs --client-kind agent --out pairs.jsonl

    Exit codes: 0 done, also if all is there already; 2 cannot run; 4 done, but some lines or events were not
    taken; 75 another process changes the log.
    """
    from qembed.cli.render.feedback import say_refused, taken_line
    from qembed.pipeline.feedback.add_traces import add_traces
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    root = find_index(index_dir)
    if judge is None:
        done = add_traces(root, traces, wait)
    else:
        signals = StopSignals()
        with signals.caught(talk), talk.progress(stop=signals) as progress:
            done = add_traces(root, traces, wait, judge, progress)
    for line in done.problems[:PROBLEMS_SHOWN]:
        talk.problem(line)
    if (rest := len(done.problems) - PROBLEMS_SHOWN) > 0:
        more = counted(rest, "more line that is no trace", "more lines that are no traces")
        talk.problem(f"… and {more}")
    say_refused(done.taken, talk)
    if format is OutputFormat.json:
        out(dumps({"schema": 1, **done.to_json()}))
    elif not quiet:
        told = ", ".join(f"{n:,} {outcome}" for outcome, n in done.outcomes.items())
        found = counted(done.traces, "trace")
        out(
            f"{found} ({told}): {taken_line(done.taken)}" if told else f"{found}: nothing is logged"
        )
    if judge is not None:
        talk.say(f"{counted(done.votes, 'vote')} of the judge")
    if done.untold:
        talk.warn(
            f"{counted(done.untold, 'retrieval')} without query text or documents: both are opt-in "
            "(gen_ai.retrieval.query.text, gen_ai.retrieval.documents)"
        )
    if done.unshown:
        talk.warn(
            f"{counted(done.unshown, 'document')} read or cited that no search before had shown"
        )
    if done.silent:
        talk.say(f"{counted(done.silent, 'trace')} without a search")
    if done.repeated:
        talk.say(f"{counted(done.repeated, 'trace')} given twice, the first counts")
    if done.problems or done.taken.refused:
        raise typer.Exit(ExitCode.SOME_FAILED)
