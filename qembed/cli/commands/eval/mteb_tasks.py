"""`qembed eval --mteb TASK…`: options to a model of mteb, the run, and its scores as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import OutputFormat
from qembed.cli.render.report import columns, failed_gates, show_gates
from qembed.errors import UsageError

if TYPE_CHECKING:
    from qembed.cli.commands.eval.evaluate import (
        BeirIndexOptions,
        GateOptions,
        InputOptions,
        ReportOptions,
        RetrievalOptions,
    )

OPTION = "--mteb"
_TAKEN = frozenset({"mteb", "mteb_prompts", "split", "fail_under", "baseline", "max_drop", "alpha"})
"""Options of inputs and gates that have a meaning, or a default, with `--mteb`."""


def spread_tasks(args: Sequence[str]) -> list[str]:
    """Arguments with `--mteb A B` written as `--mteb A --mteb B`: all words up to the next option."""
    found: list[str] = []
    names = 0  # of the present --mteb; none are expected at 0
    for word in args:
        if word == OPTION or word.startswith(f"{OPTION}="):
            names = 1 if word == OPTION else 2
        elif word.startswith("-"):
            names = 0
        elif names == 1:
            names = 2
        elif names == 2:
            found.append(OPTION)
        found.append(word)
    return found


def run_tasks(
    inputs: InputOptions,
    gates: GateOptions,
    retrieval: RetrievalOptions,
    index: BeirIndexOptions,
    reports: ReportOptions,
) -> None:
    """Run tasks of mteb and print their scores. Raises UsageError, Exit if a gate fails."""
    from qembed.mteb.index import Index
    from qembed.mteb.report import check_report_paths, write_report
    from qembed.mteb.run import evaluate_tasks

    if not inputs.mteb:
        raise UsageError("--mteb-prompts wants --mteb TASK")
    others = {**inputs._asdict(), **gates._asdict()}
    others |= {"save_run": reports.save_run}
    _refuse([name for name, value in others.items() if value and name not in _TAKEN])
    check_report_paths(reports.report or ())
    query = asdict(retrieval.query_options())
    for name in ("k", "by", "context", "snippets", "given"):
        del query[name]
    talk = Console(reports.quiet, reports.verbose)
    with talk.progress(committing=StopSignals()) as progress:
        model = Index(
            retrieval.model,
            task_prompts=inputs.mteb_prompts,
            progress=progress,
            dim=index.dim,
            chunker=None if index.chunker is None else index.chunker.value,
            max_tokens=index.max_tokens,
            overlap=index.overlap,
            **query,
        )
        with model:
            body = evaluate_tasks(
                inputs.mteb,
                model,
                split=inputs.split,
                fail_under=gates.fail_under or (),
                baseline=gates.baseline,
                max_drop=gates.max_drop or (),
                warn=talk.warn,
            )
    for path in reports.report or ():
        write_report(body, path)
    if reports.format is OutputFormat.json:
        out(dumps(body))
    else:
        for line in _lines(body):
            out(line)
        show_gates(body["gates"])
    talk.seconds(body["settings"]["seconds"])
    for line in failed_gates(body["gates"], reports.format):
        talk.say(line)
    if not all(g["ok"] for g in body["gates"]):
        raise typer.Exit(ExitCode.GATE)


def _refuse(names: Sequence[str]) -> None:
    """Raise UsageError for options that `--mteb` has no use for."""
    if names:
        shown = {"index_dir": "index"}
        listed = ", ".join(f"--{shown.get(n, n).replace('_', '-')}" for n in names)
        raise UsageError(
            f"--mteb brings its own queries, judgments and measures: without {listed} "
            "(--fail-under TASK=V and --max-drop TASK=V are gates on a task's score)"
        )


def _lines(body: Mapping[str, Any]) -> Iterator[str]:
    """Table of the tasks' main scores."""
    from qembed.mteb.report import task_rows

    yield from columns(task_rows(body))
