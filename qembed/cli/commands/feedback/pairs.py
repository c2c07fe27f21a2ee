"""`qembed feedback pairs`: preferences of the log, for training."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import (
    ClickSeedOption,
    CountedKindsOption,
    kind_names,
)
from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietWhileWellOption


class PositionRules(StrEnum):
    """Treatment of the position of clicks."""

    corrected = "corrected"
    skipped = "skipped"


def pairs(
    output: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The pairs, as JSON lines.")
    ],
    client_kind: CountedKindsOption = None,
    position: Annotated[
        PositionRules,
        typer.Option(help="Clicks corrected for position, or each over what was skipped above it."),
    ] = PositionRules.corrected,
    next_below: Annotated[
        bool,
        typer.Option(
            "--next-below", help="With --position skipped: a click also over the hit just below."
        ),
    ] = False,
    min_weight: Annotated[
        float, typer.Option(help="Leave out pairs that weigh less.", min=0.0)
    ] = 0.0,
    per_query: Annotated[
        int, typer.Option(help="Answers of one client to one query that count.")
    ] = 3,
    share: Annotated[
        float,
        typer.Option(help="Most of all weight that one client has; of few, twice its even share."),
    ] = 0.1,
    robot: Annotated[
        int, typer.Option(help="A client that asks a query so often is a robot, and cut.")
    ] = 100,
    seed: ClickSeedOption = 0,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Write which of two documents was the better answer, by what was done with them.

    \b
    qembed feedback pairs --out pairs.jsonl
    qembed train reranker --preferences pairs.jsonl --loss ranknet --out better

    Exit codes: 0 written; 2 cannot run; 3 nothing can be learned of the log, nothing is written.
    """
    from qembed.cli.render.preferences import (
        clicks_line,
        kind_words,
        left_out_line,
        limits_line,
    )
    from qembed.errors import UsageError
    from qembed.pipeline.feedback.preference_options import preference_options
    from qembed.pipeline.feedback.write_pairs import write_pairs
    from qembed.pipeline.locate import find_index

    if next_below and position is not PositionRules.skipped:
        raise UsageError("--next-below: only with --position skipped, which corrects nothing")
    talk = Console(quiet)
    options = preference_options(
        kind_names(client_kind),
        next_below=next_below,
        per_query=per_query,
        share=share,
        robot=robot,
        seed=seed,
    )
    body = write_pairs(
        find_index(index_dir), output, options, position=position.value, least=min_weight
    )
    if format is OutputFormat.json:
        out(dumps(body))
    elif body["written"] and not quiet:
        made, asked = counted(body["pairs"], "pair"), counted(body["queries"], "query", "queries")
        out(f"{output}: {made} of {asked}, {kind_words(body['kinds'])}")
    for line in (left_out_line(body), limits_line(body["summary"]), clicks_line(body)):
        if line:
            talk.say(line)
    if "person" in body["kinds"] and "agent" in body["kinds"]:
        talk.warn(
            "pairs of persons and of agents are in one file, netted apart (--client-kind keeps one of them)"
        )
    if not body["written"]:
        talk.problem(f"no pairs, nothing is written: {body['why']}")
        raise typer.Exit(ExitCode.GATE)
