"""`qembed export milvus`: a collection on a Milvus server, which is searched in the index's place."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qembed.cli.console import Console, StopSignals, counted, dumps, out
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietOption,
    VerboseOption,
    WaitOption,
)


class VectorIndex(StrEnum):
    """Index of the vectors on the server."""

    flat = "flat"
    hnsw = "hnsw"


def milvus(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The server: http://HOST:19530, or https.")
    ],
    collection: Annotated[
        str,
        typer.Option(metavar="NAME", help="The name by which it is searched: an alias there."),
    ],
    vector_index: Annotated[
        VectorIndex | None,
        typer.Option(
            help="flat: exact search; hnsw: a graph. Default: what is there, else hnsw.",
            show_default=False,
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Write all anew, into a collection of its own."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, change nothing.")
    ] = False,
    wait: WaitOption = 10.0,
    index_dir: IndexOption = None,
    format: FormatOption = OutputFormat.text,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Write what changed since the last export to a Milvus server, check it, and let the name stand for it.

    A user and password, or a token, come from $QEMBED_MILVUS_TOKEN and are stored nowhere.

    \b
    qembed export milvus http://localhost:19530 --collection help
    qembed query "where is my parcel" --index milvus+http://localhost:19530/help

    Exit codes: 0 done; 2 cannot run; 75 another export to the name goes on.
    """
    from dataclasses import asdict

    from qembed.pipeline.export.milvus import MilvusExport, export_milvus
    from qembed.pipeline.locate import find_index

    talk = Console(quiet, verbose)
    request = MilvusExport(
        url=url,
        name=collection,
        vector_index=None if vector_index is None else vector_index.value,
        rebuild=rebuild,
        dry_run=dry_run,
        wait=wait,
    )
    with StopSignals().ending(), talk.progress() as progress:
        done = export_milvus(find_index(index_dir), request, progress)
    talk.warn_all(done.warnings)
    if format is OutputFormat.json:
        out(dumps({"schema": 1, **asdict(done)}))
        return
    would = "would write" if dry_run else "wrote"
    out(
        f"{would} {counted(done.new, 'new passage')}, {done.updated:,} changed, deleted {done.deleted:,} · "
        f"{done.passages:,} in all · {done.url}"
    )
    if not dry_run:
        moved = ", the name now stands for it" if done.moved_alias else ""
        talk.say(
            f"{done.collection}: {counted(done.checked, 'passage')} read back and equal{moved}"
        )
    for name in done.dropped:
        talk.say(f"dropped {name}, the collection before")
