"""`query --open`: a hit in the user's editor or pager, at its line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.cli.console import Console, counted
from qembed.cli.programs.command_lines import (
    at_line,
    from_stdin,
    pager,
    program_name,
    takes_line,
    viewer,
)
from qembed.errors import QembedError, UsageError, refusal
from qembed.inputs import sees_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qembed.pipeline.retrieval.answer import Answer
    from qembed.types import Hit


def check_open(number: int, k: int, formatted: bool, piped: bool) -> None:
    """Raise UsageError where no hit can be opened. `number`: of the hit, from 1.

    `formatted`: another format than text was asked for. `piped`: queries are read from stdin.
    """
    if number < 1:
        raise UsageError(f"--open {number}: hits count from 1")
    if number > k:
        raise UsageError(f"--open {number}: more than the hits of -k {k}")
    if piped:
        raise UsageError("--open goes with one TEXT, not with queries on stdin")
    if formatted:
        raise UsageError("--open goes with --format text")
    if not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout)):
        raise UsageError("--open wants a terminal (--format paths and vimgrep are for pipes)")
    viewer(os.environ)
    pager(os.environ)


def _is_terminal(stream: object) -> bool:
    return stream is not None and bool(stream.isatty())  # type: ignore[attr-defined]


def open_hit(roots: Sequence[Path], answer: Answer, number: int, talk: Console) -> None:
    """Open the hit of this number, from 1, in the program that the environment names, and wait for its end.

    A hit of a file with known lines opens the file; any other its stored text. `roots`: of the indexes that
    were searched. Raises UsageError for a number that no hit has, and for a program that cannot be started.
    """
    hits = answer.results[0].hits
    if not hits:
        return
    if number > len(hits):
        raise UsageError(f"--open {number}: {counted(len(hits), 'hit was', 'hits were')} found")
    hit = hits[number - 1]
    sys.stdout.flush()
    line = hit.shown_line
    if hit.path is not None and line is not None:
        if sees_file(Path(hit.path)):
            variable, words = viewer(os.environ)
            if not takes_line(words):
                talk.say(f"{program_name(words)} is not told the line, which is {line}")
            _run(at_line(words, hit.path, line), variable)
            return
        talk.warn(f"{hit.path} is gone: this is what the index has of it")
    places = {str(i["name"]): Path(str(i["path"])) for i in answer.indexes}
    _show_stored(roots[0] if hit.index is None else places[hit.index], hit)


def _show_stored(index: Path, hit: Hit) -> None:
    """Show the stored text of a hit's document in the pager, at the passage."""
    from qembed.cli.render.text import safe_lines
    from qembed.pipeline.retrieval.documents.read import DocumentRequest, read_stored

    found = read_stored(index, DocumentRequest(hit.own_id))
    variable, words = pager(os.environ)
    line = max(1, hit.passage.line - found.line + 1)
    _run(from_stdin(words, line), variable, safe_lines(found.text) + "\n")


def _run(command: list[str], variable: str, text: str | None = None) -> None:
    """Run a command on the terminal. `text`: its stdin. Raises UsageError if it cannot be started."""
    data = None if text is None else text.encode("utf-8", "replace")
    try:
        with _signals_left_to_it():
            subprocess.run(command, input=data, check=False)
    except OSError as e:
        named = f" (from ${variable})" if variable else ""
        hint = "set $EDITOR or $PAGER to a program that is there"
        raise QembedError(f"cannot start {command[0]}{named}: {refusal(e)}; {hint}") from e


@contextmanager
def _signals_left_to_it() -> Iterator[None]:
    """Let Ctrl-C be the program's own: it is sent to us, too. A handler, as what is ignored is inherited."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
