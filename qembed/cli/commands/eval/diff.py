"""qembed eval diff"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qembed.cli.console import dumps, out


class Format(StrEnum):
    """How the difference is printed."""

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
    most: Annotated[int, typer.Option("-n", help="So many queries, the most damaged first.")] = 20,
    format: Annotated[
        Format, typer.Option("--format", help="text, markdown, html or json.")
    ] = Format.text,
) -> None:
    """Show which queries moved between two reports, and what they returned.

    \b
    qembed eval diff baseline.json report.json
    qembed eval diff baseline.json report.json --measure RR@10 --format markdown > diff.md
    """
    from qembed.evaluation import (
        diff_markdown,
        diff_reports,
        diff_text,
        parse_measures,
        read_report,
    )

    name = parse_measures(measure)[0].name if measure else None
    found = diff_reports(read_report(before), read_report(after), name, (before.name, after.name))
    if format is Format.json:
        out(dumps(found.to_json()))
    elif format is Format.markdown:
        out(diff_markdown(found, most).rstrip("\n"))
    elif format is Format.html:
        from qembed.evaluation.report.html import diff_html

        out(diff_html(found, most).rstrip("\n"))
    else:
        out(diff_text(found, most).rstrip("\n"))
