"""qembed eval"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qembed.cli.codes import Code
from qembed.cli.common import (
    IndexOption,
    ModelOption,
    QuietOption,
    Signals,
    Talk,
    VerboseOption,
    dumps,
    out,
)
from qembed.cli.index import Chunking
from qembed.cli.query import (
    CandidatesOption,
    Mode,
    ModeOption,
    NoInstructionOption,
    RerankOption,
    Search,
    SearchOption,
    TaskOption,
    TemplateOption,
)

if TYPE_CHECKING:
    from qembed.pipeline.evaluate import Verdict


class Format(StrEnum):
    """How the report is printed."""

    text = "text"
    json = "json"


FileOption = typer.Option(metavar="FILE", show_default=False)


def evaluate(
    queries: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Queries, BEIR or TREC form.")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judgments, BEIR or TREC form.")
    ] = None,
    beir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A BEIR folder: its corpus is indexed first, in the cache folder."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which judgments of --beir.")] = "test",
    run: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Score this run instead of making one.")
    ] = None,
    measures: Annotated[
        str, typer.Option(help="ir-measures names, separated by blanks.")
    ] = "nDCG@10 R@100 RR@10",
    index_dir: IndexOption = None,
    model: ModelOption = None,
    task: TaskOption = None,
    no_instruction: NoInstructionOption = False,
    template: TemplateOption = None,
    mode: ModeOption = Mode.auto,
    search: SearchOption = Search.auto,
    ef: Annotated[
        int | None, typer.Option(help="Breadth of the graph search.", show_default=False)
    ] = None,
    rerank: RerankOption = None,
    candidates: CandidatesOption = 100,
    chunker: Annotated[
        Chunking | None, typer.Option(help="For --beir, as in qembed index.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="For --beir.")] = None,
    overlap: Annotated[int | None, typer.Option(help="For --beir.")] = None,
    dim: Annotated[int | None, typer.Option(help="For --beir.")] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(metavar="M=V", help="Exit 3 if measure M is below V. Repeatable."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="REPORT.json", help="An earlier report to compare with.")
    ] = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option(metavar="M=V", help="Exit 3 if M fell by more than V. Repeatable."),
    ] = None,
    save_run: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the run in TREC form.")
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Write a report: .json or .md. Repeatable."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    r"""Measure retrieval, and fail a build when it got worse.

    \b
    qembed eval --queries q.jsonl --qrels qrels.tsv
    qembed eval --queries q.jsonl --qrels qrels.tsv --rerank --fail-under nDCG@10=0.80
    qembed eval --beir scifact/ --chunker none --search exact
    qembed eval --run bm25.trec --qrels qrels.tsv
    """
    from qembed.pipeline.evaluate import Wanted, judge
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.recipe import Wishes
    from qembed.pipeline.retrieve import Asked
    from qembed.pipeline.summary import Options

    talk = Talk(quiet, verbose)
    wanted = Wanted(
        queries=queries,
        qrels=qrels,
        beir=beir,
        split=split,
        run=run,
        measures=measures,
        asked=Asked(
            task=task,
            instruction=not no_instruction,
            template=template,
            mode=mode.value,
            search=search.value,
            ef=ef,
            rerank=rerank,
            candidates=candidates,
        ),
        index=Options(
            wishes=Wishes(model, dim, chunker.value if chunker else None, max_tokens, overlap)
        ),
        model=model,
        fail_under=fail_under or (),
        baseline=baseline,
        max_drop=max_drop or (),
        save_run=save_run,
        reports=report or (),
    )
    with Signals().caught(talk) as signals, talk.progress(signals) as progress:
        verdict = judge(wanted, lambda: find_index(index_dir), progress)
    for warning in verdict.warnings:
        talk.say(f"warning: {warning}")
    if format is Format.json:
        out(dumps(verdict.body))
    else:
        _text(verdict)
    talk.seconds(verdict.body["settings"].get("seconds", {}))
    if not verdict.passed:
        for g in verdict.gates:
            if not g.ok:
                talk.say(f"gate: {g.measure} is {g.got:.4f}, wanted {g.wanted:.4f}")
        raise typer.Exit(Code.GATE)


def _text(verdict: Verdict) -> None:
    width = max(len(m) for m in verdict.report.measures)
    for name, value in verdict.report.measures.items():
        out(f"{name:{width}}  {value:.4f}")
    out(f"{'queries':{width}}  {verdict.report.queries}")
    for g in verdict.gates:
        out(f"{'ok' if g.ok else 'FAILED':6}  {g.measure} {g.got:.4f}, wanted {g.wanted:.4f}")
