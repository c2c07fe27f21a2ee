"""`qembed feedback report`: what the log tells."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption
from qembed.cli.query_log import Kind


def report(
    client_kind: Annotated[
        list[Kind] | None,
        typer.Option(
            help="Whose events count. Repeatable. Default: person and agent, apart.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the test whether clicks follow documents.")] = 0,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Report what was done with answers: clicks by rank, agents' tasks, preferences, experiments.

    \b
    qembed feedback report
    qembed feedback report --format json | jq .clicks.verdict

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.cli.render.preferences import report_lines
    from qembed.pipeline.feedback.evidence.report import report_log
    from qembed.pipeline.feedback.preference_options import preference_options
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    options = preference_options([k.value for k in client_kind or ()], seed=seed)
    body = report_log(find_index(index_dir), options)
    if format is OutputFormat.json:
        out(dumps(body))
    else:
        for line in report_lines(body):
            out(line)
    if body["skipped_lines"]:
        talk.warn(f"{counted(body['skipped_lines'], 'line')} of the log skipped (qembed verify)")
