"""Hits in all formats. What a document contains never reaches the terminal as anything but text."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from qembed.cli.console import dumps
from qembed.pipeline.retrieval.answer import (
    Answer,
    answer_json,
    as_run,
    best_documents,
    hit_json,
)
from qembed.types import Hit, Results, Snippet

if TYPE_CHECKING:
    from rich.text import Text as RichText

_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")


def safe(text: str) -> str:
    """`text` on one line, with control and direction characters made visible instead of obeyed."""
    return "".join(_VISIBLE.get(c, c) for c in text)


_VISIBLE: Mapping[str, str] = {
    **{chr(c): chr(0x2400 + c) for c in range(0x20)},
    **{chr(c): "\ufffd" for c in range(0x7F, 0xA0)},
    **{chr(c): "\ufffd" for c in [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]},
    **dict.fromkeys("\t\n\r\x0b\x0c\u2028\u2029\x85", " "),
}


@dataclass(frozen=True, slots=True)
class Screen:
    """Where hits are printed: here, or where a server's client stands."""

    file: TextIO
    folder: Path
    environ: Mapping[str, str]

    @classmethod
    def here(cls) -> Screen:
        """This process's stdout."""
        return cls(sys.stdout, Path.cwd(), os.environ)

    def line(self, text: str) -> None:
        """One line of data."""
        self.file.write(text + "\n")


def shown_path(hit: Hit, folder: Path) -> str:
    """A path that opens from `folder`; the id for a record that has no file of its own."""
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
    """A document's title and where in it a passage stands: `title > heading`, nothing said twice."""
    title, label = hit.title, hit.passage.label
    if not title or label == title or label.startswith(f"{title} > "):
        return label or title
    return f"{title} > {label}" if label else title


def show(answer: Answer, format: str, screen: Screen) -> None:
    """Write the hits of all queries to the screen."""
    if format == "json":
        screen.line(dumps(answer_json(answer)))
    elif format == "text":
        _text(answer, screen)
    elif format == "trec":
        from qembed.evaluation import write_run

        write_run(as_run(answer), screen.file)
    else:
        for results in answer.results:
            for line in _LINES[format](results, screen):
                screen.line(line)


def _jsonl(results: Results, _: Screen) -> Iterable[str]:
    return (dumps(hit_json(results, n, h)) for n, h in enumerate(results.hits, 1))


_CELL = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def _tsv(results: Results, _: Screen) -> Iterable[str]:
    for n, h in enumerate(results.hits, 1):
        p = h.passage
        cells = [results.query.id, str(n), f"{h.score:.6f}", h.document, str(p.line), p.text]
        yield "\t".join(c.translate(_CELL) for c in cells)


def _paths(results: Results, screen: Screen) -> Iterable[str]:
    quiet = screen.file.isatty()
    for h, _ in best_documents(results):
        path = shown_path(h, screen.folder)
        yield safe(path) if quiet else path


_LINES = {"jsonl": _jsonl, "tsv": _tsv, "paths": _paths}


def _text(answer: Answer, screen: Screen) -> None:
    from rich.console import Console
    from rich.text import Text

    # styles by weight and the terminal's own palette: readable on light and on dark
    console = Console(
        file=screen.file,
        highlight=False,
        soft_wrap=False,
        emoji=False,
        markup=False,
        _environ=screen.environ,
    )
    if not console.is_terminal:
        console.width = 80
    # rich also takes FORCE_COLOR for a terminal, and leaves bold where NO_COLOR is set
    coloured = screen.file.isatty() and bool(console.color_system) and not console.no_color
    for results in answer.results:
        if len(answer.results) > 1:
            console.print(
                Text(f"query {safe(results.query.id)}: {safe(results.query.text)}", "bold")
            )
        if not results.hits:
            console.print("no hits")
        for n, hit in enumerate(results.hits, 1):
            where = f"{safe(shown_path(hit, screen.folder))}:{hit.passage.line}"
            head = Text(f"{n:>2}  {hit.score:.3f}  ")
            head.append(where, "bold cyan")
            title = Text(safe(shown_title(hit)), "dim")
            if title and head.cell_len + 2 + title.cell_len <= console.width:
                head.append("  ")
                head.append_text(title)
                title = Text()
            console.print(head, no_wrap=True, overflow="ellipsis")
            if title:
                console.print(Text(" " * 11).append_text(title), no_wrap=True, overflow="ellipsis")
            body = _body(hit, coloured)
            for line in body.wrap(console, console.width - 11)[:3]:
                line.rstrip()
                console.print(Text(" " * 11).append_text(line))
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
