"""Hits in all formats. What a document contains never reaches the terminal as anything but text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from qembed.cli.console import dumps
from qembed.types import Hit, Results, Run

if TYPE_CHECKING:
    from rich.text import Text as RichText

    from qembed.pipeline.retrieval.retriever import Answer, Retriever

SCHEMA = 1


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


def hit_json(results: Results, rank: int, hit: Hit) -> dict[str, Any]:
    """A hit as one line of `--format jsonl`."""
    p = hit.passage
    return {
        "schema": SCHEMA,
        "query_id": results.query.id,
        "query": results.query.text,
        **({} if results.query.task is None else {"task": results.query.task}),
        "rank": rank,
        "score": _round(hit.score),
        "scores": {k: None if v is None else _round(v) for k, v in hit.scores.items()},
        "document": hit.document,
        "path": hit.path,
        "passage": {
            "seq": p.seq,
            "start": p.start,
            "end": p.end,
            "line": p.line,
            "end_line": p.end_line,
            "heading": p.heading,
            "symbol": p.symbol,
        },
        "text": p.text,
        "title": hit.title,
        "meta": dict(hit.meta),
    }


def _round(value: float) -> float:
    return round(value, 6)


def show(answer: Answer, retriever: Retriever, format: str, screen: Screen) -> None:
    """Writes the hits of all queries to the screen."""
    if format == "json":
        screen.line(dumps(_json(answer, retriever)))
    elif format == "text":
        _text(answer, retriever, screen)
    elif format == "trec":
        from qembed.evaluation import write_run

        write_run(as_run(answer), screen.file)
    else:
        for results in answer.results:
            for line in _LINES[format](results, screen):
                screen.line(line)


def _json(answer: Answer, retriever: Retriever) -> dict[str, Any]:
    manifest = retriever.session.snapshot.manifest
    return {
        "schema": SCHEMA,
        "generation": manifest.generation,
        "recipe": manifest.recipe.fingerprint,
        "search": answer.plan,
        "queries": [
            {
                "query_id": r.query.id,
                "query": r.query.text,
                "instruction": r.instruction,
                "hits": [hit_json(r, n, h) for n, h in enumerate(r.hits, 1)],
                "seconds": {},
            }
            for r in answer.results
        ],
        "seconds": {k: round(v, 4) for k, v in retriever.session.seconds.items()},
    }


def _jsonl(results: Results, _: Screen) -> Iterable[str]:
    return (dumps(hit_json(results, n, h)) for n, h in enumerate(results.hits, 1))


_CELL = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def _tsv(results: Results, _: Screen) -> Iterable[str]:
    for n, h in enumerate(results.hits, 1):
        p = h.passage
        cells = [results.query.id, str(n), f"{h.score:.6f}", h.document, str(p.line), p.text]
        yield "\t".join(c.translate(_CELL) for c in cells)


def _best_documents(results: Results) -> Iterable[tuple[Hit, int]]:
    """Each document once, at its best passage: what a TREC run and a list of paths hold."""
    seen: set[str] = set()
    for h in results.hits:
        if h.document not in seen:
            seen.add(h.document)
            yield h, len(seen)


def as_run(answer: Answer) -> Run:
    """The hits as a run: each document once, scored by its best passage."""
    return {
        r.query.id: {h.document: h.score for h, _ in _best_documents(r)} for r in answer.results
    }


def _paths(results: Results, screen: Screen) -> Iterable[str]:
    quiet = screen.file.isatty()
    for h, _ in _best_documents(results):
        path = shown_path(h, screen.folder)
        yield safe(path) if quiet else path


_LINES = {"jsonl": _jsonl, "tsv": _tsv, "paths": _paths}


def _text(answer: Answer, retriever: Retriever, screen: Screen) -> None:
    from rich.console import Console
    from rich.text import Text

    from qembed.pipeline.retrieval.snippet import best_sentences

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
    for results, vector in zip(answer.results, answer.vectors, strict=True):
        if len(answer.results) > 1:
            console.print(
                Text(f"query {safe(results.query.id)}: {safe(results.query.text)}", "bold")
            )
        if not results.hits:
            console.print("no hits")
        asked, passages = results.query.text, [h.passage for h in results.hits]
        found = best_sentences(retriever.session, asked, vector, passages)
        for n, (hit, place) in enumerate(zip(results.hits, found, strict=True), 1):
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
            body = _body(hit.passage.text, place, asked if coloured else None)
            for line in body.wrap(console, console.width - 11)[:3]:
                line.rstrip()
                console.print(Text(" " * 11).append_text(line))
        if len(answer.results) > 1:
            console.print()


def _body(text: str, place: tuple[int, int], query: str | None) -> RichText:
    """The best sentence. With the query's words, for eyes: those marked, and how the paragraph goes on."""
    from rich.text import Text

    start, end = place
    body = Text(safe(text[start:end]), overflow="fold")
    if query is not None:
        from qembed.pipeline.retrieval.snippet import matched, rest_of_paragraph

        for a, b in matched(text[start:end], query):  # `safe` leaves every character in its place
            body.stylize("bold red", a, b)
        body.append(safe(rest_of_paragraph(text, end)), "dim")
    return body
