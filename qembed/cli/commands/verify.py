"""`qembed verify`: check the index."""

from __future__ import annotations

from typing import Annotated

import typer

from qembed.cli.console import Console, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import (
    FormatOption,
    IndexOption,
    OutputFormat,
    QuietWhileWellOption,
)
from qembed.cli.signal_watch import watched
from qembed.hints import with_index


def verify(
    index_dir: IndexOption = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Do not load the model for the golden probe.")
    ] = False,
    format: FormatOption = OutputFormat.text,
    quiet: QuietWhileWellOption = False,
) -> None:
    """Check the index: checksums, counts, rows, golden probe, graph against exact search.

    Each finding names the command that mends it.

    \b
    qembed verify
    qembed verify --format json | jq -r '.findings[].mend'

    Exit codes: 0 all is well; 2 something is wrong, or it cannot be checked.
    """
    from qembed.inputs import from_here
    from qembed.pipeline.diagnostics.verify import unfinished_run
    from qembed.pipeline.diagnostics.verify import verify as check
    from qembed.pipeline.locate import find_index

    root = find_index(index_dir)
    Console(quiet).warn_all(unfinished_run(root))
    with watched():
        findings = [f._replace(mend=with_index(f.mend)) for f in check(root, probe=not no_model)]
    if format is OutputFormat.json:
        body = [f._asdict() for f in findings]
        out(dumps({"schema": 1, "index": str(root), "ok": not findings, "findings": body}))
    else:
        for f in findings:
            out(f"{f.kind}: {f.what}")
            names = [from_here(p) for p in f.paths] or f.documents
            for name in names[:10]:
                out(f"    {name}")
            if len(names) > 10:
                out(f"    … and {len(names) - 10:,} more")
            out(f"    mend: {f.mend}")
        if not findings and not quiet:
            out("ok")
    if findings:
        what = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
        Console(quiet).say(what)
        raise typer.Exit(ExitCode.CANNOT_RUN)
