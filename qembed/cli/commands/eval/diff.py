"""`qembed eval diff`: two reports, query by query."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import dumps, out


class DiffFormat(StrEnum):
    """Output format of a difference."""

    text = "text"
    markdown = "markdown"
    html = "html"
    json = "json"


def diff(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="An earlier report.")],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="A later one.")],
    measure: Annotated[
        str | None,
        typer.Option(
            metavar="M", help="Which measure. Default: the first of both.", show_default=False
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("-n", min=0, help="So many queries, the most damaged first.")
    ] = 20,
    format: Annotated[
        DiffFormat, typer.Option("--format", help="text, markdown, html or json.")
    ] = DiffFormat.text,
) -> None:
    """Show which queries moved between two reports, and what they returned.

    \b
    qembed eval diff baseline.json report.json
    qembed eval diff baseline.json report.json --measure RR@10 --format markdown > diff.md
    """
    from qembed.evaluation.report.diff import diff_files, diff_markdown, diff_text

    found = diff_files(before, after, measure)
    if format is DiffFormat.json:
        out(dumps(found.to_json()))
    elif format is DiffFormat.markdown:
        out(diff_markdown(found, most).rstrip("\n"))
    elif format is DiffFormat.html:
        from qembed.evaluation.report.html import diff_html

        out(diff_html(found, most).rstrip("\n"))
    else:
        out(diff_text(found, most).rstrip("\n"))
