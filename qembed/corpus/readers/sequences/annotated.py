"""GenBank and mmCIF by Biopython, in the sandbox: a document a record, or a chain."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from qembed.corpus.readers.converted import Converted, Omitted, Text
from qembed.sequences.alphabet import guess_alphabet


def genbank(data: bytes) -> Iterator[Converted]:
    """Read the records of GenBank. Raises ValueError."""
    from Bio import SeqIO

    text = data.decode("utf-8", "replace")
    empty = number = 0
    for record in SeqIO.parse(io.StringIO(text), "genbank"):  # type: ignore[no-untyped-call]
        number += 1
        if not record.seq.defined:
            empty += 1
            continue
        facts = {
            "organism": record.annotations.get("organism", ""),
            "molecule": record.annotations.get("molecule_type", ""),
        }
        yield _text(record.id, record.description, str(record.seq), number, facts)
    if not number:
        raise ValueError("there is no record (LOCUS) in it")
    if empty:
        yield Omitted("record without a sequence", empty)


def mmcif(data: bytes) -> Iterator[Converted]:
    """Read the chains of an mmCIF file whose sequences it states (_pdbx_poly_seq_scheme).

    Raises ValueError.
    """
    from Bio import SeqIO

    text = data.decode("utf-8", "replace")
    entry = re.search(r"^data_(\S+)", text, re.MULTILINE)
    number = 0
    for record in SeqIO.parse(io.StringIO(text), "cif-seqres"):  # type: ignore[no-untyped-call]
        number += 1
        chain = str(record.annotations["chain"])
        name = chain if entry is None else f"{entry[1]}:{chain}"
        described = "" if record.description.startswith("<unknown") else record.description
        yield _text(name, described, str(record.seq), number, {"chain": chain})
    if not number:
        raise ValueError("it states no sequence of a polymer (_pdbx_poly_seq_scheme)")


def _text(
    name: str, description: str, residues: str, number: int, facts: dict[str, Any]
) -> Converted:
    meta: dict[str, Any] = {"kind": "sequence", "length": len(residues)}
    if alphabet := guess_alphabet(residues):
        meta["alphabet"] = alphabet
    if description and description != name:
        meta["description"] = description
        title = f"{name} {description}"
    else:
        title = name
    meta |= {key: value for key, value in facts.items() if value}
    return Text(f"#{name}", residues, title, {**meta, "record": number})
