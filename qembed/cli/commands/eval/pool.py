"""`qembed eval pool`: candidates to judge, and judgments."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import Console, counted
from qembed.cli.options import (
    IndexOption,
    Mode,
    ModelOption,
    NoInstructionOption,
    QuietOption,
    TaskOption,
    TemplateOption,
)


def pool(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="What is written: .tsv or .jsonl."),
    ],
    queries: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Queries to judge.", show_default=False)
    ] = None,
    judged: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A graded pool: make judgments of it.", show_default=False
        ),
    ] = None,
    depth: Annotated[int, typer.Option(help="Documents of each query and mode.")] = 10,
    mode: Annotated[
        list[Mode] | None,
        typer.Option(help="Which searches. Default: all. Repeatable.", show_default=False),
    ] = None,
    run: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Another system's run too. Repeatable."),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Judgments there are: filled in.", show_default=False),
    ] = None,
    index_dir: IndexOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    no_instruction: NoInstructionOption = False,
    template: TemplateOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make a file of candidates to judge, and judgments from the graded file.

    \b
    qembed eval pool --queries queries.jsonl -o pool.tsv
    qembed eval pool --judged pool.tsv -o qrels.tsv
    """
    from qembed.pipeline.experiments.pooling import (
        PoolOptions,
        write_candidates,
        write_judgments,
    )
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.retrieval.options import QueryOptions

    talk = Console(quiet)
    if (queries is None) == (judged is None):
        raise typer.BadParameter("either --queries FILE or --judged FILE is wanted")
    if judged is not None:
        found = write_judgments(judged, output, talk.warn)
        talk.say(
            f"{counted(sum(map(len, found.values())), 'judgment')} of "
            f"{counted(len(found), 'query', 'queries')} in {output}"
        )
        return
    assert queries is not None
    options = PoolOptions(
        queries,
        asked=QueryOptions(task=task, instruction=not no_instruction, template=template),
        depth=depth,
        modes=[m.value for m in mode or ()],
        runs=run or (),
        qrels=qrels,
        model=model,
    )
    with talk.progress() as progress:
        candidates = write_candidates(find_index(index_dir), options, output, talk.warn, progress)
    blank = sum(c.grade is None for c in candidates)
    graded = f"qembed eval pool --judged {shlex.quote(str(output))} -o qrels.tsv"
    talk.say(
        f"{counted(len(candidates), 'candidate')} in {output}, {blank:,} to grade: write 0 or 1 (or more) "
        f"into the last column, then {graded}"
    )
