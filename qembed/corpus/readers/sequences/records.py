"""A sequence as a document: its id, its metadata, and where it stands in its file."""

from __future__ import annotations

from typing import Any

from qembed.corpus.read_options import ReadOptions
from qembed.sequences.alphabet import alphabet_named, guess_alphabet
from qembed.types import Document, SourceFile

KIND = "sequence"
"""Value of the metadata `kind` of every sequence."""


def sequence_document(
    file: SourceFile,
    options: ReadOptions,
    name: str,
    description: str,
    text: str,
    line: int | None,
    meta: dict[str, Any],
    alphabet: str | None = None,
) -> Document:
    """Make the document of a sequence. `name`: its id, "" for one of the file and the record's number.

    `meta`: has at least `record`, its number in the file, from 1. `alphabet` None: guessed by its letters.
    The title is id and description, by which words find it.
    """
    own = name or f"{file.name}#{meta['record']}"
    if name and options.id_prefix == "file":
        own = f"{file.name}#{name}"
    found = guess_alphabet(text) if alphabet is None else alphabet
    length = len(text) if not found else len(alphabet_named(found).bounds(text)[0])
    facts: dict[str, Any] = {"kind": KIND, "length": length}
    if found:
        facts["alphabet"] = found
    if description:
        facts["description"] = description
    title = f"{name} {description}".strip()
    return Document(own, text, title, {**facts, **meta}, line)
