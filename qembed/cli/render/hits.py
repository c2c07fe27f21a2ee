"""Hits in all formats. Control characters of documents never reach a terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.cli.console import dumps
from qembed.pipeline.retrieval.answer import (
    Answer,
    answer_json,
    as_run,
    best_documents,
    hit_json,
    write_trec,
)
from qembed.types import Hit, Results, Snippet

if TYPE_CHECKING:
    from rich.text import Text as RichText

PLAIN_WIDTH = 80
"""Columns where stdout is no terminal."""
INDENT = 11
BODY_LINES = 3
_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")


def safe(text: str) -> str:
    """Text on one line, with control and direction characters replaced by visible ones."""
    return "".join(_VISIBLE.get(c, c) for c in text)


_VISIBLE: Mapping[str, str] = {
    **{chr(c): chr(0x2400 + c) for c in range(0x20)},
    **{chr(c): "\ufffd" for c in range(0x7F, 0xA0)},
    **{chr(c): "\ufffd" for c in [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]},
    **dict.fromkeys("\t\n\r\x0b\x0c\u2028\u2029\x85", " "),
}


def _current_folder() -> Path:
    """The current folder; an empty path, which no hit's path is relative to, if it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def shown_path(hit: Hit, folder: Path) -> str:
    """Path of the hit's file, relative to `folder` if below it; the id of a record without its own file."""
    if hit.path is None or not _is_file_document(hit):
        return hit.document
    try:
        return str(Path(hit.path).relative_to(folder))
    except ValueError:
        return hit.path


def _is_file_document(hit: Hit) -> bool:
    assert hit.path is not None
    return hit.path.endswith(os.sep + hit.document.rsplit("/", 1)[-1])


def shown_title(hit: Hit) -> str:
    """Title of the document and heading of the passage, `title > heading`, without repetition."""
    title, label = hit.title, hit.passage.label
    if not title or label == title or label.startswith(f"{title} > "):
        return label or title
    return f"{title} > {label}" if label else title


def show(answer: Answer, format: str, warn: Callable[[str], None]) -> None:
    """Write the hits of all queries to stdout. `warn`: called with a line on ids that were encoded."""
    if format == "json":
        _write([dumps(answer_json(answer))])
    elif format == "text":
        _text(answer)
    elif format == "trec":
        write_trec(as_run(answer), sys.stdout, warn)
    else:
        for results in answer.results:
            _write(_LINES[format](results))


def _write(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


def _jsonl(results: Results) -> Iterable[str]:
    return (dumps(hit_json(results, n, h)) for n, h in enumerate(results.hits, 1))


_CELL = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def _tsv(results: Results) -> Iterable[str]:
    for n, h in enumerate(results.hits, 1):
        p = h.passage
        cells = [results.query.id, str(n), f"{h.score:.6f}", h.document, str(p.line), p.text]
        yield "\t".join(c.translate(_CELL) for c in cells)


def _paths(results: Results) -> Iterable[str]:
    terminal, folder = sys.stdout.isatty(), _current_folder()
    for h, _ in best_documents(results):
        path = shown_path(h, folder)
        yield safe(path) if terminal else path


_LINES = {"jsonl": _jsonl, "tsv": _tsv, "paths": _paths}


def _text(answer: Answer) -> None:
    from rich.console import Console
    from rich.text import Text

    # styles by weight and the terminal's own palette: readable on light and on dark
    console = Console(file=sys.stdout, highlight=False, soft_wrap=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    # rich also takes FORCE_COLOR for a terminal, and leaves bold where NO_COLOR is set
    coloured = sys.stdout.isatty() and bool(console.color_system) and not console.no_color
    folder, indent = _current_folder(), Text(" " * INDENT)
    for results in answer.results:
        if len(answer.results) > 1:
            console.print(
                Text(f"query {safe(results.query.id)}: {safe(results.query.text)}", "bold")
            )
        if not results.hits:
            console.print("no hits")
        for n, hit in enumerate(results.hits, 1):
            head = Text(f"{n:>2}  {hit.score:.3f}  ")
            head.append(f"{safe(shown_path(hit, folder))}:{hit.passage.line}", "bold cyan")
            title = Text(safe(shown_title(hit)), "dim")
            if title and head.cell_len + 2 + title.cell_len <= console.width:
                head.append("  ")
                head.append_text(title)
                title = Text()
            console.print(head, no_wrap=True, overflow="ellipsis")
            if title:
                console.print(indent + title, no_wrap=True, overflow="ellipsis")
            for line in _body(hit, coloured).wrap(console, console.width - INDENT)[:BODY_LINES]:
                line.rstrip()
                console.print(indent + line)
        if len(answer.results) > 1:
            console.print()


def _body(hit: Hit, marked: bool) -> RichText:
    """The hit's snippet. `marked`: with the query's words in colour, and the rest of the paragraph."""
    from rich.text import Text

    text, snippet = hit.passage.text, hit.snippet or Snippet(0, len(hit.passage.text))
    body = Text(safe(text[snippet.start : snippet.end]), overflow="fold")
    if marked:
        for start, end in snippet.matches:  # `safe` leaves every character in its place
            body.stylize("bold red", start, end)
        body.append(safe(_rest_of_paragraph(text, snippet.end)), "dim")
    return body


def _rest_of_paragraph(text: str, at: int) -> str:
    """Text from position `at` to the next empty line, on one line."""
    gap = _EMPTY_LINE.search(text, at)
    rest = text[at:] if gap is None else text[at : gap.start()]
    return (" " if rest[:1].isspace() else "") + " ".join(rest.split())
