"""Hits in the formats of programs. Control characters of documents never reach a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping

from qembed.cli.console import dumps
from qembed.cli.render.places import current_folder, file_path, line_of
from qembed.pipeline.retrieval.answer import (
    Answer,
    answer_json,
    as_run,
    best_documents,
    hit_json,
    write_trec,
)
from qembed.types import Results


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
) -> None:
    """Write the hits of all queries to stdout.

    `warn`: called with a line on ids that were encoded. `whole`: text shows all of a hit. `null`: paths end
    with a zero byte.
    """
    if format == "json":
        _write([dumps(answer_json(answer))])
    elif format == "text":
        from qembed.cli.render.text import write_text

        write_text(answer, whole)
    elif format == "trec":
        write_trec(as_run(answer), sys.stdout, warn)
    elif format == "paths":
        for results in answer.results:
            _write(_paths(results, null), "\0" if null else "\n")
    else:
        for results in answer.results:
            _write(_LINES[format](results))


def _write(lines: Iterable[str], end: str = "\n") -> None:
    for line in lines:
        sys.stdout.write(line + end)


def _jsonl(results: Results) -> Iterable[str]:
    return (dumps(hit_json(results, n, h)) for n, h in enumerate(results.hits, 1))


_CELL = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def _tsv(results: Results) -> Iterable[str]:
    for n, h in enumerate(results.hits, 1):
        p = h.passage
        cells = [results.query.id, str(n), f"{h.score:.6f}", h.document, str(p.line), p.text]
        yield "\t".join(c.translate(_CELL) for c in cells)


def _paths(results: Results, null: bool) -> Iterable[str]:
    """Paths of the files, best first, each once; a record has its id in their place."""
    terminal, folder = sys.stdout.isatty() and not null, current_folder()
    seen: set[str] = set()
    for h, _ in best_documents(results):
        path = h.document if h.is_record else file_path(h, folder) or h.document
        if path not in seen:
            seen.add(path)
            yield safe(path) if terminal else path


def _vimgrep(results: Results) -> Iterable[str]:
    """Lines `path:line:column:text` of the best sentences; columns count bytes from 1, as in vim."""
    folder = current_folder()
    for h in results.hits:
        at = h.snippet.start if h.snippet else 0
        text = h.passage.text
        begin = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        line = text[begin:] if end < 0 else text[begin:end]
        number = h.passage.line + text.count("\n", 0, begin) if line_of(h) else 1
        column = len(text[begin:at].encode("utf-8", "surrogatepass")) + 1
        yield f"{safe(file_path(h, folder) or h.document)}:{number}:{column}:{safe(line)}"


_LINES = {"jsonl": _jsonl, "tsv": _tsv, "vimgrep": _vimgrep}
