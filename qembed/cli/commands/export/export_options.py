"""Options and output that the exports have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qembed.cli.console import Console, StopSignals, counted, dumps, out
from qembed.cli.options import OutputFormat

if TYPE_CHECKING:
    from qembed.engines.passages import ExportTarget

ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
OutputArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")]


def run(
    target: ExportTarget,
    index_dir: Path | None,
    format: OutputFormat,
    talk: Console,
    *,
    by_document: bool = False,
    files: Sequence[Path] = (),
) -> None:
    """Export to a target, which replaces `files`, and print what was written."""
    from dataclasses import asdict

    from qembed.pipeline.export.write_passages import export_passages
    from qembed.pipeline.locate import find_index

    with StopSignals().ending(), talk.progress() as progress:
        done = export_passages(
            find_index(index_dir), target, progress, by_document=by_document, files=files
        )
    talk.warn_all(done.warnings)
    if format is OutputFormat.json:
        out(dumps({"schema": 1, **asdict(done)}))
        return
    number = counted(done.number, "document" if by_document else "passage")
    out(f"wrote {number} to {done.place}")
