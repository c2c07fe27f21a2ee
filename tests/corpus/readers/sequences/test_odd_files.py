"""Files as other programs leave them, and damaged ones: documents with exact places, or a reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from qembed.corpus import ReadOptions, read
from qembed.types import Document, LeftOut, SourceFile, Unreadable
from tests.corpus.sequence_samples import CIF, GENBANK

ONE = b">a one\nMKTAYI\nAKQR\n>b\nGGGS\n"


def reading(path: Path, data: bytes) -> tuple[list[Document], list[str]]:
    path.write_bytes(data)
    file = SourceFile("s", path.name, str(path), len(data), 1)
    found = list(read(file, ReadOptions()))
    others = [str(i).removeprefix(f"{path}") for i in found if isinstance(i, Unreadable)]
    others += [f"left out: {i.count} {i.what}" for i in found if isinstance(i, LeftOut)]
    return [i for i in found if isinstance(i, Document)], others


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_ends_of_lines_and_a_byte_order_mark(tmp_path: Path, mark: bytes, end: bytes) -> None:
    data = mark + ONE.replace(b"\n", end)
    found, problems = reading(tmp_path / "a.fasta", data)
    assert problems == []
    assert [(d.id, d.text, d.title, d.line) for d in found] == [
        ("a", "MKTAYIAKQR", "a one", 1),
        ("b", "GGGS", "b", 4),
    ]
    places = [data[d.meta["start"] : d.meta["end"]] for d in found]
    assert b"".join(places) == data[len(mark) :]
    assert places[1].startswith(b">b")

    data = mark + end.join([b"# heads below", b"smiles name", b"CCO\tethanol", b"CCN amine", b""])
    found, problems = reading(tmp_path / "a.smi", data)
    assert [(d.id, d.line) for d in found] == [("ethanol", 3), ("amine", 4)]
    assert data[found[1].meta["start"] : found[1].meta["end"]] == b"CCN amine" + end
    data = mark + end.join([b"@r x", b"ACGT", b"+", b"IIII", b""])
    found, _ = reading(tmp_path / "a.fq", data)
    assert [(d.id, d.text, d.meta["end"]) for d in found] == [("r", "ACGT", len(data))]


def test_odd_headers_and_letters(tmp_path: Path) -> None:
    data = b">x\tby tab\nmkTA*\n>y a > b >c\nMK\n> z blank\nMK\n>\nMK\n>w prot\xe9ine\nMK\n"
    found, problems = reading(tmp_path / "a.fasta", data)
    assert problems == []
    assert [(d.id, d.title) for d in found] == [
        ("x", "x by tab"),
        ("y", "y a > b >c"),
        ("z", "z blank"),
        ("a.fasta#4", ""),
        ("w", "w prot\u00e9ine"),
    ]
    assert found[0].text == "mkTA*"


def test_names_of_molecules(tmp_path: Path) -> None:
    data = b"CCO # a comment\nCCN |c:1| amine\nC#N\nCCC cell # 3\n"
    found, _ = reading(tmp_path / "a.smi", data)
    assert [(d.id, d.text) for d in found] == [
        ("a.smi#1", "CCO"),
        ("amine", "CCN"),
        ("a.smi#3", "C#N"),
        ("cell # 3", "CCC"),
    ]


def test_molecules_that_fail_keep_their_number(tmp_path: Path) -> None:
    lines = b"smiles\nC1CC bad\n# none\n%s\n\nC(C\nCCN\n"
    broken, problems = reading(tmp_path / "a.smi", lines % b"C)C")
    whole, _ = reading(tmp_path / "a.smi", lines % b"CCO")
    assert [(d.id, d.meta["record"], d.text) for d in broken] == [("a.smi#4", 4, "CCN")]
    assert [d.id for d in whole] == ["a.smi#2", "a.smi#4"]
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.fasta", "\ufeff>a\nMK\n".encode("utf-16-le"), ": UTF-16: sequences are read as"),
        ("a.fasta.gz", gzip.compress(ONE * 99)[:-9], ": cannot be unpacked: "),
        ("b.fasta.gz", ONE, ": cannot be unpacked: "),
        ("a.fq", b"@a\nAC\n+\nI", ":1: @a: 2 residues, 1 qualities"),
    ],
    ids=["utf-16", "cut off", "not packed", "fastq"],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    _, (said,) = reading(tmp_path / name, data)
    assert said.startswith(problem)


def test_broken_records_of_genbank_cost_themselves_alone(tmp_path: Path) -> None:
    pytest.importorskip("Bio.SeqIO")
    names = [GENBANK.replace(b"NM_1", b"NM_%d" % n) for n in range(6)]
    bare = names[1][: names[1].index(b"ORIGIN")] + b"//\n"
    short = names[2].replace(b"12 bp", b"13 bp")
    cut = names[5][:-16]
    data = b"".join([names[0], bare, short, names[3].replace(b"\n", b"\r\n"), names[4], cut])
    found, problems = reading(tmp_path / "a.gb", data)
    assert [d.id for d in found] == ["a.gb#NM_0.1", "a.gb#NM_3.1", "a.gb#NM_4.1"]
    assert problems == [
        ":25: NM_2: LOCUS says 13 letters, 12 are there",
        ":64: NM_5 ends without its line of //",
        "left out: 1 record without a sequence",
    ]
    for d in found:
        part = data[d.meta["start"] : d.meta["end"]]
        assert part.startswith(b"LOCUS       " + d.id[5:9].encode())
        assert part.rstrip().endswith(b"//")
        assert data.count(b"\n", 0, d.meta["start"]) + 1 == d.line


def test_chains_of_mmcif(tmp_path: Path) -> None:
    pytest.importorskip("Bio.PDB.MMCIF2Dict")
    rows = b"""B 1 1 MET B
B 1 1 LEU B
B 1 2 MSE B
C 2 1 DA C
C 2 2 5CM C
D 3 1 A D
D 3 2 U D
"""
    more = b"""_entity_poly.entity_id 2
_entity_poly.type polydeoxyribonucleotide
loop_
_entity.id
_entity.pdbx_description
1 'a protein'
2 ?
"""
    other = CIF.replace(b"1ABC", b"2ABC").replace(b"MET", b"GLY")
    data = CIF.replace(b"#\n", b"", 1).replace(b"THR A\n", b"THR A\n" + rows) + more + other
    found, problems = reading(tmp_path / "a.cif", data)
    assert problems == []
    assert [(d.id, d.text, d.meta["alphabet"]) for d in found] == [
        ("a.cif#1ABC:A", "MKT", "protein"),
        ("a.cif#1ABC:B", "MM", "protein"),
        ("a.cif#1ABC:C", "AC", "dna"),
        ("a.cif#1ABC:D", "AU", "rna"),
        ("a.cif#2ABC:A", "GKT", "protein"),
    ]
    assert found[1].title == "1ABC:B a protein"


def test_chains_of_mmcif_whose_sequence_is_in_letters(tmp_path: Path) -> None:
    pytest.importorskip("Bio.PDB.MMCIF2Dict")
    data = b"""data_3ABC
loop_
_entity_poly.entity_id
_entity_poly.type
_entity_poly.pdbx_seq_one_letter_code
_entity_poly.pdbx_seq_one_letter_code_can
_entity_poly.pdbx_strand_id
1 'polypeptide(L)'
;(MSE)KT
AY
;
;MKT
AY
;
A,B
2 polydeoxyribonucleotide '(DA)(5CM)(DG)' ? C
3 polyribonucleotide AUG AUG ?
4 'polysaccharide(D)' ? ? E
loop_
_struct_asym.id
_struct_asym.entity_id
A 1
D 3
_entity.id 1
_entity.pdbx_description 'a protein'
data_4ABC
_entity_poly.entity_id 1
_entity_poly.pdbx_seq_one_letter_code M(MSE)K
_entity_poly.pdbx_strand_id A
data_5ABC
_entity_poly.entity_id 1
_entity_poly.pdbx_seq_one_letter_code MK
"""
    found, problems = reading(tmp_path / "a.cif", data)
    assert problems == []
    assert [(d.id, d.text, d.meta["alphabet"]) for d in found] == [
        ("a.cif#3ABC:A", "MKTAY", "protein"),
        ("a.cif#3ABC:B", "MKTAY", "protein"),
        ("a.cif#3ABC:C", "ACG", "dna"),
        ("a.cif#3ABC:D", "AUG", "rna"),
        ("a.cif#4ABC:A", "MMK", "protein"),
        ("a.cif#5ABC:entity=1", "MK", "protein"),
    ]
    assert (found[1].title, found[1].meta["chain"]) == ("3ABC:B a protein", "B")
    assert (found[5].title, found[5].meta["entity"]) == ("5ABC:entity=1", "1")


def test_chains_of_mmcif_whose_entities_have_monomers_alone(tmp_path: Path) -> None:
    pytest.importorskip("Bio.PDB.MMCIF2Dict")
    data = b"""data_6ABC
loop_
_entity_poly_seq.entity_id
_entity_poly_seq.num
_entity_poly_seq.mon_id
_entity_poly_seq.hetero
1 1 MET n
1 2 SER y
1 2 THR y
1 3 MSE n
1 4 UNK n
2 1 DA n
2 2 5CM n
3 1 A n
3 2 U n
loop_
_struct_asym.id
_struct_asym.entity_id
A 1
B 1
W 9
loop_
_atom_site.label_asym_id
_atom_site.label_entity_id
A 1
C 2
C 2
. 3
"""
    found, problems = reading(tmp_path / "a.cif", data)
    assert problems == []
    assert [(d.id, d.text, d.meta["alphabet"]) for d in found] == [
        ("a.cif#6ABC:A", "MSMX", "protein"),
        ("a.cif#6ABC:B", "MSMX", "protein"),
        ("a.cif#6ABC:C", "AC", "dna"),
        ("a.cif#6ABC:entity=3", "AU", "rna"),
    ]
    found, (problem,) = reading(tmp_path / "b.cif", b"data_7ABC\n_entity.id 1\n")
    assert found == []
    assert "no sequence of a polymer (_pdbx_poly_seq_scheme, _entity_poly, _entity_poly" in problem
