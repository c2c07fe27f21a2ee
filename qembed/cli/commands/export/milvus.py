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
    bulk: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Fill a new collection by the server's bulk import, of files in this folder of its "
            "storage: s3://BUCKET/PATH, gs://…, or one that is mounted.",
            show_default=False,
        ),
    ] = None,
    bulk_path: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="The server's name of that folder. Default: its path in the bucket, or on this machine.",
            show_default=False,
        ),
    ] = None,
    bulk_wait: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="Time without progress before an import is given up."
        ),
    ] = 1800.0,
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
    qembed export milvus http://milvus:19530 --collection help --bulk s3://a-bucket/help
    qembed query "where is my parcel" --index milvus+http://localhost:19530/help

    Exit codes: 0 done; 2 cannot run; 75 another export to the name goes on.
    """
    from dataclasses import asdict

    from qembed.errors import UsageError
    from qembed.pipeline.export.milvus import MilvusExport, export_milvus
    from qembed.pipeline.export.milvus_bulk import BulkRequest
    from qembed.pipeline.locate import find_index

    if bulk is None and bulk_path is not None:
        raise UsageError("--bulk-path names the folder of --bulk, which is missing")
    talk = Console(quiet, verbose)
    request = MilvusExport(
        url=url,
        name=collection,
        vector_index=None if vector_index is None else vector_index.value,
        rebuild=rebuild,
        dry_run=dry_run,
        wait=wait,
        bulk=None if bulk is None else BulkRequest(bulk, bulk_path, bulk_wait),
    )
    with StopSignals().ending(), talk.progress() as progress:
        done = export_milvus(find_index(index_dir), request, progress)
    talk.warn_all(done.warnings)
    if bulk is not None and not dry_run and done.passages and not done.imported:
        talk.say("no bulk import: the collection was there (--rebuild makes a new one)")
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
