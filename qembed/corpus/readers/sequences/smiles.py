"""SMILES: a molecule a line, with its name behind a blank."""

from __future__ import annotations

import os
from collections.abc import Iterator

from qembed.corpus.file_contents import open_stream
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.sequences.records import sequence_document
from qembed.errors import refusal
from qembed.sequences.alphabet import ALPHABETS
from qembed.types import ReadItem, SourceFile, Unreadable

_LONGEST = 1 << 20


def read_smiles(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a molecule; lines that begin with `#` are comments, a line of heads is left out."""
    where = os.fspath(file.location)
    alphabet = ALPHABETS["smiles"]
    at = record = 0
    try:
        with open_stream(file) as stream:
            for number, raw in enumerate(iter(lambda: stream.readline(_LONGEST), b""), 1):
                start, at = at, at + len(raw)
                text, _, rest = raw.decode("utf-8", "replace").strip().partition(" ")
                text, _, tabbed = text.partition("\t")
                name = " ".join(f"{tabbed} {rest}".split())
                is_head = number == 1 and text.lower() in ("smiles", "canonical_smiles")
                if not text or text.startswith("#") or is_head:
                    continue
                if problem := alphabet.problem(text):
                    yield Unreadable(where, problem, number)
                    continue
                record += 1
                meta = {"record": record, "start": start, "end": at}
                yield sequence_document(file, options, name, "", text, number, meta, "smiles")
    except OSError as e:
        yield Unreadable(where, refusal(e))
