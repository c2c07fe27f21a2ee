"""File of a report that is a page, or its JSON: chosen by the suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.evaluation.formats.source_file import atomic_text_file
from qembed.outputs import check_outputs

SUFFIXES = (".html", ".json")


def check_page_path(path: Path, what: str) -> None:
    """Raise UsageError for a suffix not in SUFFIXES, StorageError for a path that cannot be written.

    `what`: the report with its article, for the message.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{what} is written as {' or '.join(SUFFIXES)}, not {path}")
    check_outputs([path])


def write_page(
    body: Mapping[str, Any], path: Path, what: str, html: Callable[[Mapping[str, Any]], str]
) -> None:
    """Write `html(body)`, or `body` as JSON, atomically. Raises what `check_page_path` raises."""
    import json

    check_page_path(path, what)
    text = html(body)
    if path.suffix.lower() == ".json":
        text = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    with atomic_text_file(path) as stream:
        stream.write(text)
