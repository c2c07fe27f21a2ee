"""`qembed feedback report`: what the log tells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import (
    ClickSeedOption,
    CountedKindsOption,
    kind_names,
)
from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietOption


def report(
    client_kind: CountedKindsOption = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="SETTING",
            help="Ask the logged queries again by this setting, as of serve --ab, and estimate the clicks it "
            "would have got.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="With --against: by the answers from then on; ISO 8601.",
            show_default=False,
        ),
    ] = None,
    report_file: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write the report, too: .html or .json.",
            show_default=False,
        ),
    ] = None,
    seed: ClickSeedOption = 0,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Report what was done with answers: clicks by rank, agents' tasks, preferences, experiments.

    \b
    qembed feedback report
    qembed feedback report --against 'rerank=late' --since 2026-11-01
    qembed feedback report --report feedback.html

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.cli.render.preferences import report_lines
    from qembed.errors import UsageError
    from qembed.evaluation.report.feedback import check_feedback_path, write_feedback
    from qembed.pipeline.feedback.evidence.other_order import parse_since
    from qembed.pipeline.feedback.evidence.report import report_log
    from qembed.pipeline.feedback.preference_options import preference_options
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.retrieval.interleaving.setting import parse_setting

    talk = Console(quiet)
    if since is not None and against is None:
        raise UsageError("--since goes with --against")
    if report_file is not None:
        check_feedback_path(report_file)
    setting = None if against is None else parse_setting(against, "--against")
    options = preference_options(kind_names(client_kind), seed=seed)
    body = report_log(find_index(index_dir), options, setting, parse_since(since))
    if setting is not None and setting.values.get("rerank") == "learned" and since is None:
        talk.warn(
            "--against rerank=learned: it may have been trained on these answers (--since: later ones)"
        )
    if report_file is not None:
        write_feedback(body, report_file)
        talk.say(f"wrote {report_file}")
    if format is OutputFormat.json:
        out(dumps(body))
    else:
        for line in report_lines(body):
            out(line)
    if body["skipped_lines"]:
        talk.warn(f"{counted(body['skipped_lines'], 'line')} of the log skipped (qembed verify)")
