"""Format of sequences by their content, where no suffix tells it: on stdin, in a pipe, in `c17.txt`."""

from __future__ import annotations

import codecs
import re

from qembed.sequences.alphabet import ALPHABETS

NAMES = {
    ".fasta": "FASTA",
    ".fastq": "FASTQ",
    ".gb": "GenBank",
    ".cif": "mmCIF",
    ".bench": "a netlist in .bench form",
    ".v": "Verilog",
    ".smi": "SMILES",
}
"""Suffix of a format that is told by its content -> its name in messages."""
_MODULE = re.compile(
    rb"(?:\s|//[^\n]*|/\*.*?\*/|`[^\n]*|\(\*.*?\*\))*(?:module|macromodule)\s", re.DOTALL
)
_PORT = re.compile(rb"^[ \t]*(?:INPUT|OUTPUT)[ \t]*\([^()\n]*\)", re.IGNORECASE | re.MULTILINE)
_COMMENTS = re.compile(rb"(?:\s|#[^\n]*(?:\n|$))*")
_HEADS = ("smiles", "canonical_smiles")
_ATOMS_ONLY = re.compile(r"[()\[\]=#@/\\%0-9]")


def sequence_suffix(data: bytes) -> str | None:
    """Suffix of the format that unpacked bytes are in, one of NAMES; None where nothing tells it.

    A bare sequence, of letters or of gates, has no format.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    first = data.lstrip()
    if first.startswith((b">", b";")):
        return ".fasta"
    if first.startswith(b"@"):
        return ".fastq"
    if re.match(rb"LOCUS\s", first):
        return ".gb"
    if _MODULE.match(data):
        return ".v"
    if _PORT.search(data):
        return ".bench"
    comments = _COMMENTS.match(data)
    if comments is not None and data.startswith(b"data_", comments.end()):
        return ".cif"
    return ".smi" if _are_molecules(data) else None


def _are_molecules(data: bytes) -> bool:
    """Test for lines of molecules: more than one word, the first a molecule that is not letters alone."""
    lines = [line.split() for line in data.decode("utf-8", "replace").splitlines()]
    lines = [words for words in lines if words and not words[0].startswith("#")]
    if lines and lines[0][0].lower() in _HEADS:
        lines = lines[1:]
    if sum(map(len, lines)) < 2:
        return False
    if ALPHABETS["smiles"].record_problem(lines[0][0]) is not None:
        return False
    return any(_ATOMS_ONLY.search(words[0]) for words in lines)
