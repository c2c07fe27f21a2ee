"""Queries of an index of sequences: whether they are sequences, as they are encoded; files of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import InputError, UsageError
from qembed.sequences.alphabet import Alphabet
from qembed.sequences.recipe import sequence_recipe
from qembed.types import Document, Query, Recipe, Snippet, Unreadable

if TYPE_CHECKING:
    from qembed.types import Passage

SHOWN = 60
"""Characters of a sequence that are shown of a hit."""


def alphabet_of(recipe: Recipe) -> Alphabet | None:
    """Alphabet of an index, None for one of texts."""
    found = sequence_recipe(recipe.chunker)
    return None if found is None else found.alphabet


def check_sequences(recipe: Recipe, queries: Sequence[Query], asked: bool, encodes: bool) -> None:
    """Raise UsageError for queries of sequences in an index of texts, InputError for words where it encodes.

    `asked`: the queries are said to be sequences. `encodes`: vectors are made of them.
    """
    alphabet = alphabet_of(recipe)
    if alphabet is None:
        if asked:
            raise UsageError("--sequence: this is an index of texts (qembed index --alphabet NAME)")
        return
    if not asked and not encodes:
        return
    problems = [
        f"query {q.id}: {problem}" for q in queries if (problem := alphabet.problem(q.text))
    ]
    if problems:
        raise InputError(
            f"this is an index of {alphabet.name} sequences (words of names and descriptions are found by "
            "--mode lexical):",
            problems,
        )


def read_sequences(path: str, stdin: bytes | None = None) -> list[Query]:
    """Queries of a file of sequences, or of FASTA or one bare sequence on standard input.

    Raises UsageError, InputError with all that cannot be read.
    """
    from qembed.corpus import ReadOptions, read
    from qembed.corpus.source_files import walk
    from qembed.types import SourceFile

    if stdin is not None:
        return _from_text(stdin)
    queries: list[Query] = []
    problems: list[str] = []
    for file in walk(Path(path)):
        items = [file] if not isinstance(file, SourceFile) else read(file, ReadOptions())
        for item in items:
            if isinstance(item, Unreadable):
                problems.append(str(item))
            elif isinstance(item, Document):
                queries.append(Query(item.id, "".join(item.text.split("\n"))))
    return _checked(queries, problems, path)


def _from_text(data: bytes) -> list[Query]:
    import codecs
    import io

    from qembed.corpus.readers.sequences.fasta import Wrong, fasta_records

    if not data.removeprefix(codecs.BOM_UTF8).lstrip().startswith((b">", b";")):
        text = data.decode("utf-8-sig", "replace").strip()
        if " " not in text:  # of letters, in lines; gates have blanks between them
            text = "".join(text.split())
        return _checked([Query("1", text)] if text else [], [], "-")
    found = list(fasta_records(io.BytesIO(data)))
    problems = [f"-:{r.line}: {r.error}" for r in found if isinstance(r, Wrong)]
    records = [r for r in found if not isinstance(r, Wrong)]
    names = [r.name or str(n) for n, r in enumerate(records, 1)]
    return _checked(
        [Query(name, r.residues) for name, r in zip(names, records, strict=True)], problems, "-"
    )


def _checked(queries: list[Query], problems: list[str], name: str) -> list[Query]:
    ids = [q.id for q in queries]
    problems += [
        f"{name}: query id {i!r} is given twice" for i in dict.fromkeys(ids) if ids.count(i) > 1
    ]
    if problems:
        raise InputError("sequences that cannot be read:", problems)
    if not queries:
        raise InputError(f"{name}: no sequences there")
    return queries


def sequence_snippets(recipe: Recipe, query: str, passages: Sequence[Passage]) -> list[Snippet]:
    """Stretch of each passage with most letters in k-mers of the query, and these k-mers' places."""
    from qembed.search.lexical.kmers import kmer_spans

    found = sequence_recipe(recipe.chunker)
    assert found is not None
    best = []
    for p in passages:
        spans = kmer_spans(p.text, query, found)
        start = _densest(spans)
        end = min(len(p.text), start + SHOWN)
        start = max(0, end - SHOWN)
        best.append(Snippet(start, end, spans))
    return best


def _densest(spans: Sequence[tuple[int, int]]) -> int:
    """Start of the span from which on most of SHOWN characters lie in spans, 0 without any."""

    def covered(start: int) -> int:
        return sum(max(0, min(b, start + SHOWN) - max(a, start)) for a, b in spans)

    return max((a for a, _ in spans), key=covered, default=0)
