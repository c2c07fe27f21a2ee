"""`qembed models`: profiles, prompts, and exports ahead of time."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from qembed.cli.command import Command, Group
from qembed.cli.console import Console, dumps, out
from qembed.cli.exit_codes import ExitCode
from qembed.cli.options import TASKS, FormatOption, OutputFormat, QuietOption
from qembed.cli.signal_watch import watched

app = typer.Typer(
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="What is known of models, and what they are given.",
)


@app.command("list", cls=Command)
def list_models(format: FormatOption = OutputFormat.text) -> None:
    """List the families whose templates qembed knows.

    \b
    qembed models list
    """
    from qembed.pipeline.diagnostics.models import builtin_rerankers, known_models

    found, rerankers = known_models(), builtin_rerankers()
    if format is OutputFormat.json:
        out(dumps({"schema": 1, "models": found, "rerankers": rerankers}))
        return
    for m in found:
        out(m["name"])
        for name, hub_id in m["builtin_ids"].items():
            out(f"    built in {name}, which is {hub_id}")
        out(f"    model    {m['model']}")
        out(f"    query    {m['query']!r}\n    passage  {m['passage']!r}")
        cut = f", may be cut to {m['min_dim']} dimensions" if m["min_dim"] else ""
        out(f"    reads    {m['max_tokens']} tokens{cut}")
        if m["dtype"]:
            out(f"    dtype    {m['dtype']}")
    for reranker in rerankers:
        out(f"{reranker['name']}\n    reranker {reranker['model']}")


@app.command("show", cls=Command)
def show(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC", help="minilm, a folder, a hub id, http://host:port/v1#model, …"
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME|TEXT", help=f"The query's task: {TASKS}, or a sentence."),
    ] = None,
    query: Annotated[str, typer.Option(metavar="TEXT", help="A query to show.")] = "your words",
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Encode probe texts with this one and with SPEC, and show their cosines. Exits 3 if "
            "they do not agree.",
            show_default=False,
        ),
    ] = None,
    format: FormatOption = OutputFormat.text,
) -> None:
    """Show, byte for byte, what a query and a passage become. Needs no weights.

    \b
    qembed models show minilm --query "late parcel"
    qembed models show Qwen/Qwen3-Embedding-0.6B --task code --query "sort a list"
    qembed models show --compare minilm http://localhost:7997/v1#all-MiniLM-L6-v2

    Exit codes: 0 done; 2 cannot run; 3 --compare found other vectors.
    """
    from qembed.pipeline.diagnostics.models import compare_models, show_model

    if compare is not None:
        with watched():
            found = compare_models(compare, spec)
        if format is OutputFormat.json:
            out(dumps({"schema": 1, **found}))
        else:
            for c in found["cosines"]:
                out(f"{c['cosine']:.6f}  {c['text'][:70]!r}")
            dims = " and ".join(map(str, found["dim"]))
            verdict = "the same vectors" if found["agree"] else "NOT the same vectors"
            out(f"{verdict} (lowest cosine {found['lowest']}, dimensions {dims})")
        if not found["agree"]:
            raise typer.Exit(ExitCode.GATE)
        return
    found = show_model(spec, task, query)
    if format is OutputFormat.json:
        out(dumps({"schema": 1, **found}))
        return
    from qembed.cli.render.model import model_lines

    for line in model_lines(found):
        out(line)


@app.command("prepare", cls=Command, short_help="Fetch and export a model ahead of time.")
def prepare(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="minilm, a folder, a hub id.")],
    quiet: QuietOption = False,
) -> None:
    """Fetch and export a model ahead of time, so that no later run waits for torch.

    Exits 2 if it cannot be exported: it stays on torch, and works all the same.

    \b
    qembed models prepare minilm
    qembed models prepare Qwen/Qwen3-Embedding-0.6B
    """
    from qembed.pipeline.diagnostics.models import prepare_model

    talk = Console(quiet)
    with talk.progress() as progress:
        progress.phase("export", "", None)
        ready, line = prepare_model(spec, progress.say)
    if not ready:
        print(f"qembed: {line}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(ExitCode.CANNOT_RUN)
    out(line)
