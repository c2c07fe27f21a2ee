"""`qembed train mine`: training lists from judgments and an index."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.command import file_option
from qembed.cli.commands.train.training_options import QrelsOption, QueriesOption, SeedOption
from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.options import FormatOption, IndexOption, OutputFormat, QuietWhileWellOption
from qembed.errors import UsageError, listed

_WINDOW = re.compile(r"(\d+)-(\d+)")


class Pick(StrEnum):
    """Choice among the candidates of the window."""

    hardest = "hardest"
    random = "random"


def mine(
    output: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The lists: .jsonl or .parquet.")
    ],
    queries: QueriesOption = None,
    qrels: QrelsOption = None,
    pairs: Annotated[
        Path | None, file_option('Instead of these: JSON lines of "query" and "positive".')
    ] = None,
    index_dir: IndexOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Search by this model's vectors; all passages are encoded now.",
            show_default=False,
        ),
    ] = None,
    negatives: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME]",
            help="Where negatives come from, with commas between them: bm25, dense, random, run.",
        ),
    ] = "bm25,dense",
    per_query: Annotated[int, typer.Option(help="Negatives of each list.")] = 4,
    window: Annotated[str, typer.Option(metavar="A-B", help="Ranks that are looked at.")] = "1-100",
    margin: Annotated[
        float,
        typer.Option(
            help="No negative with a cosine above the lowest positive's less this share of it."
        ),
    ] = 0.05,
    no_margin: Annotated[
        bool, typer.Option("--no-margin", help="Take negatives whatever their cosine.")
    ] = False,
    pick: Annotated[Pick, typer.Option(help="The first of the window, or a draw.")] = Pick.hardest,
    run: Annotated[Path | None, file_option("A TREC run of another system, for run.")] = None,
    rerank: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="A cross-encoder, such as minilm-l12: leave out what it takes for relevant.",
            show_default=False,
        ),
    ] = None,
    max_probability: Annotated[
        float, typer.Option(help="Highest probability of relevance of a negative, with --rerank.")
    ] = 0.5,
    seed: SeedOption = 0,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Make training lists: for each judged query a relevant passage and ones that only look relevant.

    \b
    qembed train mine --queries q.jsonl --qrels train.tsv --out lists.jsonl
    qembed train mine --queries q.jsonl --qrels train.tsv --negatives dense --window 5-40 --out l.parquet
    """
    from qembed.pipeline.locate import find_index
    from qembed.training.mining.files import mine_files
    from qembed.training.mining.mine import MiningOptions, parse_sources

    ranks = _WINDOW.fullmatch(window)
    if ranks is None:
        raise UsageError(f"--window {window}: ranks such as 1-100 are wanted")
    options = MiningOptions(
        sources=parse_sources(negatives),
        per_query=per_query,
        window=(int(ranks[1]), int(ranks[2])),
        margin=None if no_margin else margin,
        pick=pick.value,
        seed=seed,
        rerank=rerank,
        most=max_probability,
    )
    talk = Console(quiet)
    with talk.progress() as progress:
        mined, body = mine_files(
            find_index(index_dir),
            output,
            options,
            queries=queries,
            qrels=qrels,
            pairs=pairs,
            run=run,
            model=model,
            progress=progress,
            warn=talk.warn,
        )
    if format is OutputFormat.json:
        out(dumps(body))
        return
    lists, whose = counted(body["lists"], "list"), counted(body["queries"], "query", "queries")
    if not quiet:
        out(f"{output}: {lists} of {whose}, {counted(body['negatives'], 'negative')}")
    if removed := ", ".join(f"{n:,} by {rule}" for rule, n in mined.removed.items()):
        talk.say(f"left out as possibly relevant: {removed}")
    if mined.filled:
        talk.say(f"{counted(mined.filled, 'negative')} drawn at random, where others were left out")
    if mined.missing:
        many = counted(len(mined.missing), "relevant document is", "relevant documents are")
        talk.warn(f"{many} not in the index ({listed(mined.missing, 3)})")
    if mined.left_out:
        talk.warn(f"{counted(len(mined.left_out), 'query has', 'queries have')} no other one")
