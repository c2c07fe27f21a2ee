"""qembed rerank"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.common import IndexOption, QuietOption, Talk, VerboseOption, dumps, out
from qembed.cli.query import TaskOption


def rerank(
    model: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="late (needs no other weights), a cross-encoder's hub id or folder, "
            "or py:module:factory.",
        ),
    ] = "late",
    k: Annotated[
        int | None, typer.Option("-k", help="How many to keep. Default: all.", show_default=False)
    ] = None,
    task: TaskOption = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A TREC run to rerank against the index; wants --queries."
        ),
    ] = None,
    queries: Annotated[Path | None, typer.Option(metavar="FILE", help="The run's queries.")] = None,
    index_dir: IndexOption = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Whose token vectors late compares. Default: the index's model, else minilm.",
            show_default=False,
        ),
    ] = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    r"""Put hits in a better order.

    \b
    qembed query "late refund" -k 100 --format jsonl | qembed rerank -k 10
    qembed rerank --run bm25.trec --queries queries.jsonl > better.trec
    """
    from qembed.errors import NoIndex, UsageError
    from qembed.pipeline.locate import find_index, model_spec
    from qembed.pipeline.rerank import parse_hits, rerank_hits, rerank_run
    from qembed.quality import read_queries, read_run, write_run
    from qembed.store.manifest import read as read_manifest

    talk = Talk(quiet, verbose)
    if k is not None and k < 1:
        raise UsageError("-k: at least 1")
    if run is not None:
        if queries is None:
            raise UsageError("--run wants --queries FILE: a run does not hold the queries' words")
        found = read_run(run)
        with talk.counter(sum(len(d) for d in found.values()), "pairs") as track:
            better = rerank_run(
                find_index(index_dir), found, read_queries(queries), model, task, k, track
            )
        write_run(better, sys.stdout)
        return
    lines = parse_hits(sys.stdin.buffer)
    remembered = None
    if encoder is None:
        try:
            remembered = read_manifest(find_index(index_dir)).spec
        except NoIndex:
            if index_dir is not None:
                raise
    with talk.counter(len(lines), "pairs") as track:
        better_lines = rerank_hits(lines, model, model_spec(encoder, remembered), task, k, track)
    for line in better_lines:
        out(dumps(line))
