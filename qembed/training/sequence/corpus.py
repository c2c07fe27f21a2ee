"""Sequences of files and folders, as an index of their alphabet would read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from qembed.corpus import ReadOptions, read, walk
from qembed.corpus.formats import format_of
from qembed.errors import InputError
from qembed.pipeline.sequences.files import TYPED, other_type
from qembed.sequences.alphabet import Alphabet, alphabet_named, guess_alphabet
from qembed.types import Document, SourceFile, Unreadable

FEWEST = 20
"""Sequences below which nothing is trained."""
SHOWN = 20


def read_corpus(
    paths: Sequence[Path], alphabet: str | None, warn: Callable[[str], None] = lambda _: None
) -> tuple[Alphabet, list[str]]:
    """Read all sequences, each once, as written; and their alphabet, the commonest one where None is named.

    What cannot be read, or is of another alphabet, is told and left out. Raises InputError for too few,
    UsageError for a path that is not there.
    """
    documents: list[tuple[str, Document]] = []
    typed: set[str] = set()
    problems: list[str] = []
    for path in paths:
        for file in walk(path):
            items = [file] if isinstance(file, Unreadable) else read(file, ReadOptions())
            where = str(file.path) if isinstance(file, SourceFile) else file.path
            if isinstance(file, SourceFile) and format_of(file.name) in TYPED:
                typed.add(where)
            for item in items:
                if isinstance(item, Document):
                    documents.append((where, item))
                elif isinstance(item, Unreadable):
                    problems.append(str(item))
    found = _alphabet([d for _, d in documents], alphabet)
    texts: dict[str, None] = {}
    for where, d in documents:
        other = other_type(d, found) if where in typed else None
        problem = f"a {other} sequence" if other else found.record_problem(d.text)
        if problem is not None:
            line = "" if d.line is None else f":{d.line}"
            problems.append(f"{where}{line}: {d.id}: {problem}")
        else:
            texts[found.written(d.text)] = None
    for problem in problems[:SHOWN]:
        warn(problem)
    if len(problems) > SHOWN:
        warn(f"and {len(problems) - SHOWN:,} more like these")
    if len(texts) < FEWEST:
        raise InputError(
            f"{len(texts)} {found.name} sequences in {', '.join(map(str, paths))}: {FEWEST} are the least"
        )
    return found, list(texts)


def _alphabet(documents: Sequence[Document], name: str | None) -> Alphabet:
    if name is not None:
        return alphabet_named(name)
    names = Counter(str(d.meta.get("alphabet") or guess_alphabet(d.text)) for d in documents)
    names.pop("", None)
    if not names:
        raise InputError("no sequences of a known alphabet (--alphabet names one)")
    return alphabet_named(names.most_common(1)[0][0])
