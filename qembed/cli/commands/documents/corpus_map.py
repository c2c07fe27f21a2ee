"""`qembed map`: the documents of an index as places in the plane."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from qembed.cli.console import Console, counted, dumps, out
from qembed.cli.option_checks import on_command_line, unused
from qembed.cli.options import By, IndexOption, QuietOption, VerboseOption, WhereOption
from qembed.errors import UsageError


class Method(StrEnum):
    """Method that gives points their places."""

    auto = "auto"
    pca = "pca"
    tsne = "tsne"


class MapFormat(StrEnum):
    """Form of a map."""

    html = "html"
    json = "json"


def corpus_map(
    ctx: typer.Context,
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the map to FILE. Without it, --format json goes to stdout.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option(
            help="pca: two directions of most variance; tsne: near ones stand near, with the extra map. "
            "auto is tsne if that is installed."
        ),
    ] = Method.auto,
    color: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Colour that is shown first: cluster, source or a metadata field."
        ),
    ] = "cluster",
    query: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="Show a query and its hits. Repeatable.", show_default=False
        ),
    ] = None,
    by: Annotated[By, typer.Option(help="Points are documents, or passages.")] = By.document,
    limit: Annotated[
        int, typer.Option(help="Points at most: of more documents a sample.")
    ] = 100_000,
    clusters: Annotated[
        int,
        typer.Option(
            help="Groups that are named. Default: as many as are clear, 20 at most.",
            show_default=False,
        ),
    ] = 0,
    above: Annotated[
        float, typer.Option(metavar="COSINE", help="Least cosine of listed near-duplicates.")
    ] = 0.95,
    no_duplicates: Annotated[
        bool, typer.Option("--no-duplicates", help="List no near-duplicates.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn at random.")] = 0,
    where: WhereOption = None,
    index_dir: IndexOption = None,
    format: Annotated[
        MapFormat | None,
        typer.Option(
            "--format",
            help="html for people, json for programs. Default: by the suffix of FILE.",
            show_default=False,
        ),
    ] = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Draw a map: documents as points, those that are alike near one another, in groups that are named.

    The stored vectors are used; only queries are encoded. A map of all documents is kept until the index
    changes, for the next call and for the page of serve --http.

    \b
    qembed map --out map.html
    qembed map --out map.html --color year --query "where is my parcel"
    qembed map --format json | jq -r '.clusters[] | "\\(.size) \\(.words | join(" "))"'

    Exit codes: 0 done; 2 cannot run.
    """
    from qembed.cli.teardown import skip_teardown
    from qembed.evaluation.report.page_file import write_text_file
    from qembed.outputs import check_outputs
    from qembed.pipeline.corpus_map.request import MapRequest, check_map
    from qembed.pipeline.locate import find_index

    talk = Console(quiet, verbose)
    if no_duplicates:
        talk.warn_all(unused(on_command_line(ctx), ["above"], "with --no-duplicates"))
    chosen = _format(out_file, format)
    request = MapRequest(
        method.value,
        by.value,
        limit,
        clusters,
        seed,
        None if no_duplicates else above,
        tuple(where or ()),
        color,
        tuple(query or ()),
    )
    check_map(request)
    check_outputs([out_file])
    root = find_index(index_dir)
    with talk.progress() as progress:
        from qembed.pipeline.corpus_map.drawn import draw_map

        drawn = draw_map(root, request, progress)
    talk.warn_all(drawn.warnings)
    if drawn.hint:
        talk.say(drawn.hint)
    if chosen is MapFormat.json:
        text = dumps(drawn.to_json())
    else:
        from qembed.web.map.page_file import map_html

        text = map_html(_body(drawn, root, out_file))
    if out_file is None:
        out(text)
    else:
        write_text_file(out_file, text + "\n")
        talk.say(f"wrote {out_file}: {counted(len(drawn.made.ids), by.value)}, {drawn.made.method}")
    talk.seconds(drawn.made.seconds)
    skip_teardown()


def _format(out_file: Path | None, given: MapFormat | None) -> MapFormat:
    """Form to write. Raises UsageError where it is not told, or two of them are."""
    if out_file is None:
        if given is not MapFormat.json:
            raise UsageError("give --out map.html, or --format json for stdout")
        return given
    suffix = {".html": MapFormat.html, ".htm": MapFormat.html, ".json": MapFormat.json}.get(
        out_file.suffix.lower()
    )
    if given is None and suffix is None:
        raise UsageError(f"a map is written as .html or .json, not {out_file} (or give --format)")
    if given is not None and suffix not in (None, given):
        raise UsageError(f"--format {given} and --out {out_file}: one of them is meant")
    return given or suffix or MapFormat.html


def _body(drawn: Any, root: Path, out_file: Path | None) -> dict[str, Any]:
    """Data of the page. Links lead from its own folder."""
    folder = None
    if out_file is not None:
        folder = os.path.relpath(root.parent, os.path.realpath(out_file.absolute().parent))
    return {**drawn.to_page(), "name": root.parent.name or str(root), "folder": folder}
