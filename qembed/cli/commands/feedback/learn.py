"""`qembed feedback learn`: a better order of what was done with answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.commands.feedback.feedback_options import CountedKindsOption, kind_names
from qembed.cli.console import Console, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietWhileWellOption


def learn(
    client_kind: CountedKindsOption = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Judged queries, which decide instead of later answers.",
            show_default=False,
        ),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their judgments.", show_default=False)
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Store it also if it is no better than before.")
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Of the folds, and of the test whether clicks follow documents.")
    ] = 0,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Learn an order of hits from the log, and store it in the index if it is better.

    \b
    qembed feedback learn
    qembed feedback learn --queries queries.jsonl --qrels qrels.tsv
    qembed query "where is my parcel" --rerank learned --explain

    Exit codes: 0 stored; 2 cannot run; 3 nothing can be learned, or no better than before: not stored.
    """
    from qembed.cli.render.learning import learned_lines
    from qembed.cli.render.preferences import clicks_line, left_out_line, limits_line
    from qembed.errors import UsageError
    from qembed.pipeline.feedback.learning.judgments import Judged
    from qembed.pipeline.feedback.learning.learn import learn_order
    from qembed.pipeline.feedback.preference_options import preference_options
    from qembed.pipeline.locate import find_index

    talk = Console(quiet)
    if (queries is None) is not (qrels is None):
        raise UsageError("--queries and --qrels go together")
    options = preference_options(kind_names(client_kind), seed=seed)
    root = find_index(index_dir)
    judged = None
    if queries is not None and qrels is not None:
        judged = Judged.read(queries, qrels, talk.warn)
    with talk.progress() as progress:
        body = learn_order(
            root, options, judged=judged, anyway=anyway, seed=seed, progress=progress
        )
    if format is OutputFormat.json:
        out(dumps(body))
    elif not quiet:
        for line in learned_lines(body):
            out(line)
    for line in (left_out_line(body), limits_line(body["summary"]), clicks_line(body)):
        if line:
            talk.say(line)
    if not body["better"]:
        stored = "stored all the same" if body["written"] else "nothing is stored"
        talk.problem(f"{stored}: {body['why']}")
    if not body["written"]:
        raise typer.Exit(ExitCode.GATE)
