"""GenBank by Biopython, in the sandbox: a document a record. A record that is broken costs that record."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

from qembed.corpus.readers.converted import Broken, Converted, Omitted, Text
from qembed.sequences.alphabet import guess_alphabet

_BEGIN = re.compile(rb"^LOCUS\b", re.MULTILINE)
_END = re.compile(rb"^//[ \t]*\r?$", re.MULTILINE)
_RESIDUES = re.compile(rb"^(?:ORIGIN|CONTIG|WGS)\b", re.MULTILINE)
_LENGTH = re.compile(rb"LOCUS\s+(\S+)\s+(\d+)\s+(bp|aa)\b")


def genbank(data: bytes) -> Iterator[Converted]:
    """Read the records of GenBank. Raises ValueError for none."""
    starts = [m.start() for m in _BEGIN.finditer(data)]
    if not starts:
        raise ValueError("there is no record (LOCUS) in it")
    empty = at = 0
    line = 1
    for number, (start, limit) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True), 1):
        line += data.count(b"\n", at, start)
        at = start
        ends = _END.search(data, start, limit)
        end = limit if ends is None else min(limit, data.find(b"\n", ends.end() - 1) + 1 or limit)
        part = data[start:end]
        if _RESIDUES.search(part) is None and ends is not None:
            empty += 1
            continue
        found = _record(part, number, line, ends is not None)
        if isinstance(found, Text):
            found.meta.update(start=start, end=end)
        if found is None:
            empty += 1
        else:
            yield found
    if empty:
        yield Omitted("record without a sequence", empty)


def _record(part: bytes, number: int, line: int, ended: bool) -> Text | Broken | None:
    """Document of a record, None for one whose sequence is elsewhere."""
    from Bio import SeqIO

    head = _LENGTH.match(part)
    name = f"record {number}" if head is None else head[1].decode("utf-8", "replace")
    if not ended:
        return Broken(f"{name} ends without its line of //", line)
    text = part.decode("utf-8", "replace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it only warns of is checked here
            record: Any = SeqIO.read(io.StringIO(text), "genbank")  # type: ignore[no-untyped-call]
        if not record.seq.defined or not len(record.seq):
            return None
        residues = str(record.seq)
    except Exception as e:  # a bad record makes it raise anything; the others are read
        return Broken(f"{name}: {' '.join(str(e).split())[:200] or type(e).__name__}", line)
    if head is not None and int(head[2]) != len(residues):
        return Broken(f"{name}: LOCUS says {int(head[2])} letters, {len(residues)} are there", line)
    facts = {
        "organism": record.annotations.get("organism", ""),
        "molecule": record.annotations.get("molecule_type", ""),
    }
    alphabet = _alphabet("" if head is None else head[3].decode(), facts["molecule"], residues)
    return record_text(record.id, record.description, residues, number, facts, alphabet, line)


def _alphabet(unit: str, molecule: str, residues: str) -> str:
    """Alphabet that a record states, "" for none. RNA is written with T, as DNA is, in most records."""
    if unit == "aa" or molecule.lower() == "protein":
        return "protein"
    if not unit and not molecule:
        return ""
    letters = set(residues.upper())
    return "rna" if "U" in letters and "T" not in letters else "dna"


def record_text(
    name: str,
    description: str,
    residues: str,
    number: int,
    facts: dict[str, Any],
    alphabet: str = "",
    line: int | None = None,
) -> Text:
    """Text of a record. `alphabet` "": guessed by its letters. `facts`: empty ones are left out."""
    meta: dict[str, Any] = {"kind": "sequence", "length": len(residues)}
    if found := alphabet or guess_alphabet(residues):
        meta["alphabet"] = found
    if description and description != name:
        meta["description"] = description
        title = f"{name} {description}"
    else:
        title = name
    meta |= {key: value for key, value in facts.items() if value}
    return Text(f"#{name}", residues, title, {**meta, "record": number}, line)
