"""Formats told by content: of each sample, and of none of what is bare or something else."""

from __future__ import annotations

import pytest

from qembed.corpus.readers.sequences.by_content import NAMES, sequence_suffix

BENCH = b"# c17\nINPUT(a)\nOUTPUT(y)\ny = NOT(a)\n"
VERILOG = b"`timescale 1ns/1ps\n// half\n/* a\n b */ (* top *)\nmodule m(a, y);\nendmodule\n"


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"\xef\xbb\xbf>x\nMKT\n", ".fasta"),
        (b";comment\n>x\nMKT\n", ".fasta"),
        (b"\n@r1\nACGT\n+\nIIII\n", ".fastq"),
        (b"LOCUS       NM_1  12 bp\n", ".gb"),
        (b"# made by hand\n#\ndata_1ABC\nloop_\n", ".cif"),
        (BENCH, ".bench"),
        (b"OUTPUT(y)\r\ny = nand(a, b)\r\n  input ( a )\r\n", ".bench"),
        (VERILOG, ".v"),
        (b"CC(=O)O\nCCO\n", ".smi"),
        (b"# names\nC1CC1 ring\n", ".smi"),
        (b"smiles name\nCCO ethanol\nCC=O other\n", ".smi"),
    ],
)
def test_a_format_is_told(data: bytes, suffix: str) -> None:
    assert sequence_suffix(data) == suffix
    assert suffix in NAMES


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MKTAYIAKQR\nQISFVKSHFSRQ\n",
        b"CC(=O)O",
        b"C=C(C)",
        b"CC(=O",
        b"INPUT INPUT NAND -1 -2\nNOT -1\n",
        b"modules of a chip\n",
        b'{"_id": "x", "text": "INPUT(a)"}\n',
        b"/* never ended module m",
        b"# The inputs\n\nINPUT is what comes in (see below).\n",
        b"Carbon (C) has 4 bonds\nand more\n",
    ],
)
def test_no_format_is_told(data: bytes) -> None:
    assert sequence_suffix(data) is None
