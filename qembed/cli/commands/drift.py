"""`qembed drift`: whether what came in differs from what was there, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import file_option
from qembed.cli.console import Console, StopSignals, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption
from qembed.cli.streams import standard_input


class FailOn(StrEnum):
    """Verdict from which on the command fails."""

    watch = "watch"
    confirm = "confirm"
    update = "update"


def drift(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="New is what came since: 30d, 2026-01-31, or a generation's number. Default: 30d.",
            show_default=False,
        ),
    ] = None,
    new: Annotated[
        Path | None,
        file_option(
            "New is a folder or file that is not indexed, - for JSON lines on stdin; its sample is encoded."
        ),
    ] = None,
    against: Annotated[
        Path | None, file_option("New is another index of the same recipe.", "DIR")
    ] = None,
    time_field: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Metadata with a document's time. Default: date, timestamp, else when its file was changed.",
            show_default=False,
        ),
    ] = None,
    golden: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="QUERIES QRELS",
            help="Judged queries, measured and compared with their first result.",
            show_default=False,
        ),
    ] = None,
    made_queries: Annotated[
        bool,
        typer.Option(
            "--made-queries",
            help="Without judged queries: ask queries made of new and of old documents, a proxy.",
        ),
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Keep the result in the index, and show earlier ones.")
    ] = False,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(help="Exit 3 for this verdict or a stronger one.", show_default=False),
    ] = None,
    report_file: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write the report, too: .html, .md or .json.",
            show_default=False,
        ),
    ] = None,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Compare what came in with what was there: words, distribution, subjects, queries.

    \b
    qembed drift --since 30d
    qembed drift --new inbox/ --fail-on confirm -q || mail -s drift me
    qembed drift --since 7d --golden queries.jsonl qrels.tsv --history

    Exit codes: 0 done; 2 cannot run; 3 a verdict of --fail-on or stronger.
    """
    from qembed.cli.render.drift import drift_lines
    from qembed.evaluation.report.drift import check_drift_path, write_drift
    from qembed.pipeline.drift.check import check_drift
    from qembed.pipeline.drift.sides import DriftOptions
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    options = DriftOptions(
        since,
        new,
        None if against is None else find_index(against),
        time_field,
        golden,
        made_queries,
        history,
        picture=report_file is not None,
        stdin=None if new is None or str(new) != "-" else standard_input("--new -"),
    )
    if report_file is not None:
        check_drift_path(report_file)
    root = find_index(index_dir)
    stop = StopSignals()
    with stop.caught(talk), stop.as_exit(), talk.progress(stop) as progress:
        body = check_drift(root, options, progress)
    talk.warn_all(body["warnings"])
    if report_file is not None:
        write_drift(body, report_file)
        talk.say(f"wrote {report_file}")
    if format is OutputFormat.json:
        out(dumps(body))
    else:
        for line in drift_lines(body):
            out(line)
    levels = ["nothing", *FailOn]
    if fail_on is not None and levels.index(body["verdict"]) >= levels.index(fail_on):
        talk.problem(f"drift: {body['verdict']}, and --fail-on {fail_on} was given")
        raise typer.Exit(ExitCode.GATE)
