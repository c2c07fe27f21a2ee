"""Two or more small files of each format of sequences, with what has to come out of them.

Each is (name, bytes, documents or the words of the error, the words of other items), as Sample wants it.
"""

from __future__ import annotations

import gzip
from typing import Any

FASTA = b"""; made by hand
>s1 first one
MKTAYIAK
QRQISF

>s2
acgtn
"""
FASTQ = b"@r1 lane 3\nACGT\nAC\n+r1\nIIII\n@!\n@r2\nGG\n+\n!I\n"
SMILES = b"smiles name\nCCO\tethanol\n# none\nc1ccccc1C(=O)[O-].[Na+] sodium benzoate\n"
BENCH = b"# a latch\nINPUT(a)\nINPUT(b)\nOUTPUT(y)\nq = DFF(y)\ny = NAND(n, q)\nn = and(b, a)\n"
VERILOG = b"""// an adder
module half (input a, b, output s, c);
  xor x1 (s, a, b);
  AND2X1 u1 (.A(a), .B(b), .Y(c)); /* a cell
  */
endmodule
module two (p, q);
  input [1:0] p;
  output q;
  wire n;
  half h (.a(p[1]), .b(p[0]), .s(n), .c());
  assign q = n;
endmodule
"""
GENBANK = b"""LOCUS       NM_1                      12 bp    DNA     linear   PRI 01-JAN-2026
DEFINITION  A short one.
ACCESSION   NM_1
VERSION     NM_1.1
KEYWORDS    .
SOURCE      Homo sapiens
  ORGANISM  Homo sapiens
            Eukaryota.
FEATURES             Location/Qualifiers
     source          1..12
ORIGIN
        1 acgtacgtac gt
//
"""
CIF = b"""data_1ABC
#
loop_
_pdbx_poly_seq_scheme.asym_id
_pdbx_poly_seq_scheme.entity_id
_pdbx_poly_seq_scheme.seq_id
_pdbx_poly_seq_scheme.mon_id
_pdbx_poly_seq_scheme.pdb_strand_id
A 1 1 MET A
A 1 2 LYS A
A 1 3 THR A
#
"""


def meta(alphabet: str, length: int, record: int = 1, **more: Any) -> dict[str, Any]:
    return {"kind": "sequence", "length": length, "alphabet": alphabet, "record": record, **more}


def sequence_samples() -> list[tuple[str, bytes, Any, tuple[str, ...]]]:
    fasta = [
        ("s1", "MKTAYIAKQRQISF", "s1 first one",
         meta("protein", 14, description="first one", start=15, end=46)),
        ("s2", "acgtn", "s2", meta("dna", 5, 2, start=46, end=56)),
    ]  # fmt: skip
    molecules = [
        ("ethanol", "CCO", "ethanol", meta("smiles", 3, start=12, end=24)),
        ("sodium benzoate", "c1ccccc1C(=O)[O-].[Na+]", "sodium benzoate",
         meta("smiles", 16, 2, start=31, end=71)),
    ]  # fmt: skip
    half = "INPUT INPUT XOR -1 -2 AND2X1 -3 -2"
    gates = {"gates": 2, "inputs": 2, "outputs": 2}
    return [
        ("a.fasta", FASTA, fasta, ()),
        ("b.fa.gz", gzip.compress(FASTA), fasta, ()),
        ("bad.faa", b"MKT\n", "text before the first line that begins with >", ()),
        ("half.fas", b">a\n>b\nMK\n", [("b", "MK", "b", meta("protein", 2, 2, start=3, end=9))],
         ("half.fas:1: no residues under >a",)),
        ("a.fastq", FASTQ, [
            ("r1", "ACGTAC", "r1 lane 3",
             meta("dna", 6, description="lane 3", start=0, end=31, quality=31.83)),
            ("r2", "GG", "r2", meta("dna", 2, 2, start=31, end=43, quality=20.0)),
        ], ()),
        ("b.fq", b"@a\nAC\n+\nI\n", "2 residues, 1 qualities", ()),
        ("c.fq", b"@a\nAC\n+\nII\n", [
            ("a", "AC", "a", meta("dna", 2, start=0, end=11, quality=40.0)),
        ], ()),
        ("a.gb", GENBANK, [
            ("#NM_1.1", "ACGTACGTACGT", "NM_1.1 A short one",
             meta("dna", 12, description="A short one", organism="Homo sapiens", molecule="DNA",
                  start=0, end=len(GENBANK))),
        ], ()),
        ("b.gbk", GENBANK.replace(b"acgtacgtac gt", b"acgtacgtac ga"), [
            ("#NM_1.1", "ACGTACGTACGA", "NM_1.1 A short one",
             meta("dna", 12, description="A short one", organism="Homo sapiens", molecule="DNA",
                  start=0, end=len(GENBANK))),
        ], ()),
        ("bad.gb", b"just words", "there is no record (LOCUS) in it", ()),
        ("a.cif", CIF, [("#1ABC:A", "MKT", "1ABC:A", meta("protein", 3, chain="A"))], ()),
        ("b.mmcif", CIF.replace(b"1ABC", b"2XYZ"),
         [("#2XYZ:A", "MKT", "2XYZ:A", meta("protein", 3, chain="A"))], ()),
        ("a.smi", SMILES, molecules, ()),
        ("b.smi", b"CCO\nCQ\n((( bad\n", [
            ("#1", "CCO", "", meta("smiles", 3, start=0, end=4)),
        ], ("b.smi:2: 'Q' at 2 is no SMILES", "b.smi:3: '(' at 1: a branch behind no atom")),
        ("a.bench", BENCH, [
            ("#1", "INPUT INPUT DFF +2 AND -2 -3 NAND -1 -2", "",
             meta("gate", 10, gates=3, inputs=2, outputs=1)),
        ], ()),
        ("b.bench", b"INPUT(a)\ny = NOT(b)\n", "b is read by NOT, and nothing drives it", ()),
        ("c.bench", b"INPUT(a)\ny = NOT(a)\n", [
            ("#1", "INPUT NOT -1", "", meta("gate", 3, gates=1, inputs=1, outputs=0)),
        ], ()),
        ("a.v", VERILOG, [
            ("#half", half, "half", meta("gate", 8, **gates)),
            ("#two", "INPUT INPUT HALF -2 -1 BUF -1", "two",
             meta("gate", 7, 2, gates=2, inputs=2, outputs=1)),
        ], ()),
        ("bad.vg", b"module m (a);\n  input a;\n  always @(a) a = 1;\nendmodule\n",
         "always: behaviour, and no netlist of gates", ()),
        ("b.vg", b"module m(a,y);input a;output y;not(y,a);endmodule", [
            ("#m", "INPUT NOT -1", "m", meta("gate", 3, gates=1, inputs=1, outputs=1)),
        ], ()),
    ]  # fmt: skip
