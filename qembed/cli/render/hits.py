"""Hits in the formats of programs. Control characters of documents never reach a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from qembed.cli.console import dumps
from qembed.cli.render.places import current_folder, file_path, shell_word
from qembed.pipeline.retrieval.answer import (
    Answer,
    answer_json,
    as_run,
    best_documents,
    hit_json,
    write_trec,
)
from qembed.types import Hit, Results

if TYPE_CHECKING:
    from qembed.cli.render.pictures.thumbnails import Thumbnails


def safe(text: str) -> str:
    """Text on one line, with control and direction characters replaced by visible ones."""
    return "".join(_VISIBLE.get(c, c) for c in text)


_VISIBLE: Mapping[str, str] = {
    **{chr(c): chr(0x2400 + c) for c in range(0x20)},
    **{chr(c): "\ufffd" for c in range(0x7F, 0xA0)},
    **{chr(c): "\ufffd" for c in [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]},
    **dict.fromkeys("\t\n\r\x0b\x0c\u2028\u2029\x85", " "),
}


def show(
    answer: Answer,
    format: str,
    warn: Callable[[str], None],
    *,
    whole: bool = False,
    null: bool = False,
    thumbnails: Thumbnails | None = None,
) -> None:
    """Write the hits of all queries to stdout.

    `warn`: called with a line on ids that were encoded. `whole`: text shows all of a hit. `null`: paths end
    with a zero byte. `thumbnails`: of pictures, beside text.
    """
    if format == "json":
        _write([dumps(answer_json(answer))])
    elif format == "text":
        from qembed.cli.render.text import write_text

        write_text(answer, whole, thumbnails)
    elif format == "trec":
        write_trec(as_run(answer), sys.stdout, warn)
    elif format == "paths":
        for results in answer.results:
            _write(_paths(results, null), "\0" if null else "\n")
        _warn_of_no_file(answer, warn)
    else:
        for results in answer.results:
            _write(_LINES[format](results))
        if format == "vimgrep":
            _warn_of_no_file(answer, warn)


def _warn_of_no_file(answer: Answer, warn: Callable[[str], None]) -> None:
    """Warn of hits that formats of files leave out."""
    without = {h.document for r in answer.results for h in r.hits if h.path is None}
    if without:
        more = f" and {len(without) - 1:,} more" if len(without) > 1 else ""
        said = min(without) + more
        warn(f"records of no file are not shown: {said} (--format jsonl and text show them)")


def _write(lines: Iterable[str], end: str = "\n") -> None:
    for line in lines:
        sys.stdout.write(line + end)


def _jsonl(results: Results) -> Iterable[str]:
    return (dumps(hit_json(results, n, h)) for n, h in enumerate(results.hits, 1))


_CELL = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def _tsv(results: Results) -> Iterable[str]:
    for n, h in enumerate(results.hits, 1):
        line = "" if h.line is None else str(h.line)
        cells = [results.query.id, str(n), f"{h.score:.6f}", h.document, line, h.passage.text]
        yield "\t".join(c.translate(_CELL) for c in cells)


def _paths(results: Results, null: bool) -> Iterable[str]:
    """Paths of the files, best first, each once; nothing for records of no file."""
    terminal, folder = sys.stdout.isatty() and not null, current_folder()
    paths = (file_path(h, folder) for h, _ in best_documents(results))
    for path in dict.fromkeys(p for p in paths if p is not None):
        yield shell_word(path) if terminal else path


def _vimgrep(results: Results) -> Iterable[str]:
    """Lines `path:line:column:text` of the best sentences; columns count bytes from 1, as in vim.

    A record is at column 1 of its line. The path alone where no line of the file is known; nothing for
    records of no file. Each line once: passages of one definition have one.
    """
    terminal = sys.stdout.isatty()
    folder = current_folder()
    written: set[str] = set()
    for h in results.hits:
        path = file_path(h, folder)
        if path is None:
            continue
        number = h.shown_line
        before, line = _line_around(h)
        column = len(before.encode("utf-8", "surrogatepass")) + 1 if h.end_line is not None else 1
        text = shell_word(path) if terminal or "\n" in path else path
        if number is not None:
            text += f":{number}:{column}:{safe(line.rstrip())}"
        if text not in written:
            written.add(text)
            yield text


def _line_around(hit: Hit) -> tuple[str, str]:
    """(text of the line before what is shown, the whole line)."""
    snippet, text = hit.snippet, hit.passage.text
    if snippet is not None and snippet.definition:
        return " " * snippet.column, " " * snippet.column + snippet.definition
    at = 0 if snippet is None else snippet.start
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return text[begin:at], text[begin:] if end < 0 else text[begin:end]


_LINES = {"jsonl": _jsonl, "tsv": _tsv, "vimgrep": _vimgrep}
