"""SMILES: a molecule a line, with its name behind a blank."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from qembed.corpus.decode import EMPTY
from qembed.corpus.file_contents import open_stream
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.sequences.lines import sequence_lines
from qembed.corpus.readers.sequences.records import sequence_document
from qembed.errors import refusal
from qembed.sequences.alphabet import ALPHABETS
from qembed.types import ReadItem, Skipped, SourceFile, Unreadable

_LONGEST = 1 << 20
_EXTENSION = re.compile(r"\|[^|]*\|\s*")
"""Behind a molecule: what ChemAxon's extended SMILES say beside it."""


def read_smiles(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a molecule; lines that begin with `#` are comments, a line of heads is left out."""
    where = os.fspath(file.location)
    alphabet = ALPHABETS["smiles"]
    record, seen, is_empty = 0, False, True
    try:
        with open_stream(file, options.position) as stream:
            for line in sequence_lines(stream, _LONGEST):
                text, *rest = line.text.split(None, 1)[:2] or [""]
                if not text or text.startswith("#"):
                    continue
                is_head = not seen and text.lower() in ("smiles", "canonical_smiles")
                seen = True
                if is_head:
                    continue
                is_empty = False
                record += 1
                if problem := alphabet.record_problem(text):
                    yield Unreadable(where, problem, line.number)
                    continue
                meta = {"record": record, "start": line.start, "end": line.end}
                yield sequence_document(
                    file, options, _name(*rest), "", text, line.number, meta, "smiles"
                )
        if is_empty:
            yield Skipped(where, EMPTY)
    except (OSError, ValueError) as e:
        yield Unreadable(where, refusal(e) if isinstance(e, OSError) else str(e))


def _name(rest: str = "") -> str:
    """Name behind a molecule, "" for none, or for a comment in its place."""
    name = " ".join(_EXTENSION.sub("", rest, count=1).split() if rest[:1] == "|" else rest.split())
    return "" if name.startswith("#") else name
