"""`qembed duplicates`: what the index has more than once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.console import Console
from qembed.cli.option_checks import on_command_line, unused
from qembed.cli.options import (
    By,
    IndexOption,
    QuietOption,
    Search,
    VerboseOption,
    WhereOption,
)


class ClusterFormat(StrEnum):
    """Output format of clusters."""

    text = "text"
    json = "json"
    jsonl = "jsonl"
    tsv = "tsv"


def duplicates(
    ctx: typer.Context,
    above: Annotated[
        float,
        typer.Option(
            metavar="COSINE",
            help="Least cosine of near-duplicate passages; 1: those of the same text alone.",
        ),
    ] = 0.95,
    by: Annotated[By, typer.Option(help="Clusters of documents, or of passages.")] = By.document,
    share: Annotated[
        float,
        typer.Option(
            help="Of two documents: least share of the passages of each with a near-duplicate in the other."
        ),
    ] = 0.8,
    where: WhereOption = None,
    search: Annotated[
        Search,
        typer.Option(
            help="exact compares all pairs, graph the nearest 32 of each; auto is exact up to 2 million."
        ),
    ] = Search.auto,
    index_dir: IndexOption = None,
    format: Annotated[
        ClusterFormat,
        typer.Option(
            "--format",
            help="text for people, json one object, jsonl one cluster a line, tsv one member a line.",
        ),
    ] = ClusterFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Find documents, or passages, that the index has more than once: copies, and near-duplicates.

    The stored vectors are compared: nothing is encoded. A cluster's first member is the first one in the
    index; the score of the others is their likeness to it; = marks copies.

    \b
    qembed duplicates
    qembed duplicates --by passage --above .98 --format tsv
    qembed duplicates --above 1 --share 1 --format jsonl | jq -r '.members[1:][].path'

    Exit codes: 0 done, also without duplicates; 2 cannot run.
    """
    from qembed.cli.render.duplicates import show_duplicates, summary
    from qembed.cli.teardown import skip_teardown
    from qembed.pipeline.locate import find_index
    from qembed.pipeline.retrieval.documents.duplicates import (
        DuplicatesRequest,
        check_duplicates,
        find_duplicates,
    )

    talk = Console(quiet, verbose)
    given = on_command_line(ctx)
    told = unused(given, ["share"], "with --by passage") if by is By.passage else []
    if above == 1:
        told += unused(given, ["search"], "with --above 1: copies have the same text")
    talk.warn_all(told)
    request = DuplicatesRequest(above, by.value, share, search.value, tuple(where or ()))
    check_duplicates(request)
    index = find_index(index_dir)
    with talk.progress() as progress:
        found = find_duplicates(index, request, progress)
    show_duplicates(found, format.value)
    talk.warn_all(found.warnings)
    talk.say(summary(found))
    talk.detail(f"search: {found.plan}")
    talk.seconds(found.seconds)
    skip_teardown()
