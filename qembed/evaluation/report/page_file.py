"""File of a report that is a page, its JSON or its Markdown: chosen by the suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.evaluation.formats.source_file import atomic_text_file
from qembed.outputs import check_outputs

SUFFIXES = (".html", ".json")
Render = Callable[[Mapping[str, Any]], str]


def check_page_path(path: Path, what: str, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Raise UsageError for a suffix not in `suffixes`, StorageError for a path that cannot be written.

    `what`: the report with its article, for the message.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{what} is written as {' or '.join(suffixes)}, not {path}")
    check_outputs([path])


def write_page(
    body: Mapping[str, Any], path: Path, what: str, html: Render, markdown: Render | None = None
) -> None:
    """Write `html(body)`, `markdown(body)`, or `body` as JSON, atomically.

    Raises what `check_page_path` raises; without `markdown` for .md, too.
    """
    import json

    check_page_path(path, what, SUFFIXES if markdown is None else (*SUFFIXES, ".md"))
    suffix = path.suffix.lower()
    if suffix == ".json":
        text = json.dumps(body, ensure_ascii=False, indent=1) + "\n"
    else:
        text = markdown(body) if markdown is not None and suffix == ".md" else html(body)
    write_text_file(path, text)


def write_text_file(path: Path, text: str) -> None:
    """Write a text, atomically. Raises StorageError if the disk refuses."""
    with atomic_text_file(path) as stream:
        stream.write(text)
