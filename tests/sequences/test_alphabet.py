"""Alphabets: what is a sequence of theirs, its units, its k-mers."""

from __future__ import annotations

import pytest

from qembed.errors import UsageError
from qembed.sequences.alphabet import ALPHABETS, alphabet_named, guess_alphabet
from qembed.sequences.recipe import make_chunker, sequence_recipe


def test_letters_in_either_case_are_residues() -> None:
    protein = ALPHABETS["protein"]
    assert protein.problem("mkTAy") is None
    assert protein.units(" mkT\n") == ["M", "K", "T"]
    assert protein.problem("MK-T") == (
        "'-' at 3 is no residue of the alphabet protein (an alignment? take its gaps out)"
    )
    assert protein.problem("") == "an empty sequence"
    assert ALPHABETS["dna"].problem("ACGU") == "'U' at 4 is no base of the alphabet dna"


def test_kmers_overlap_and_leave_out_vague_letters() -> None:
    protein = ALPHABETS["protein"]
    assert protein.kmers("mktay", 3) == ["MKT", "KTA", "TAY"]
    assert protein.kmers("MKXTAY", 3) == ["TAY"]
    assert protein.kmers("MK", 3) == []
    assert ALPHABETS["gate"].kmers("NAND -1 -2 NOT", 3) == ["NAND|-1|-2", "-1|-2|NOT"]


def test_words_are_no_gates() -> None:
    gate = ALPHABETS["gate"]
    for text in ("INPUT DFF +2 NAND -1 -2\nNOT -1", "$_DFF_P_ +0", "SKY130_FD_SC_HD__INV_1 -1"):
        assert gate.record_problem(text) is None
    for text in ("Full adder", "INPUT NAND -1 and", "A chip", "INPUT(a)", "[1]"):
        assert "is no gate (NAND -1 -2 …)" in (gate.record_problem(text) or "")


def test_atoms_of_smiles() -> None:
    smiles = ALPHABETS["smiles"]
    assert smiles.units("BrC(=O)[13CH3]c1cc%12cc1Cl") == [
        *("Br", "C", "(", "=", "O", ")", "[13CH3]", "c", "1", "c", "c", "%12", "c", "c", "1", "Cl"),
    ]
    assert smiles.problem("CC[N") == "'[' at 3 is no SMILES"


def test_whole_molecules() -> None:
    whole = [
        *(r"F/C=C\F", "[13CH4]", "[Na+].[Cl-]", "C=1CCCCC=1", "C%12CCCC%12", "C1.C1", "C(C)1CC1"),
        *("C12(CCCC1)CCCC2", "CC(C)(C)C", "*c1cc[nH]c1", "C:1:C:C:1", "[Cu+2].[O-]S(=O)(=O)[O-]"),
        *("OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O", "CC=O.O>[H+]>CCO", "C>>C", "[NH3]->[Fe]"),
        *(
            "[2H]O[2H]",
            "[D]",
            "[*:1]C",
            "[#6]",
            "[R1]C",
            "[se]1cccc1",
            "[C@TH1H](F)(Cl)Br",
            "[O--]",
            "[HH]",
        ),
        *(r"C/1=C/CCCCCC\1", "C=1CCCC1", "C1CCCC-1", "C(.C)C", "C1.C12.C2"),
        "O=C1C[C@H]2OCC=C3CN4CC[C@@]56[C@H]4C[C@H]3[C@H]2[C@H]6N1c1ccccc15",
    ]
    smiles = ALPHABETS["smiles"]
    assert [t for t in whole if smiles.record_problem(t) is not None] == []
    assert smiles.problem("C1CC(") is None  # of a query that is a part


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(((", "'(' at 1: a branch behind no atom"),
        ("CC(C", "'(' at 3 is never closed"),
        ("CC)C", "')' at 3 closes nothing"),
        ("CC()C", "')' at 4: no atom behind an open branch"),
        ("C1CC", "'1' at 2 is never closed: a ring needs its digit twice"),
        ("C%12CC%13", "'%12' at 2 is never closed: a ring needs its digit twice"),
        ("C11", "'1' at 3: a ring of one atom"),
        ("=CC", "'=' at 1: a bond behind no atom"),
        ("CC=", "no atom behind a bond at 3, its end"),
        ("CC(=)C", "')' at 5: no atom behind a bond"),
        ("C[N(+]C", "'[N(+]' at 2 is no atom"),
        ("C[Xx]C", "'[Xx]' at 2 is no atom"),
        ("[Cx]", "'[Cx]' at 1 is no atom"),
        ("[NH3+2-]", "'[NH3+2-]' at 1 is no atom"),
        ("C=1CC-1", "'1' at 7: a ring closed by -, and opened by ="),
        ("C+C", "'+' at 2 is no bond"),
        ("C(=1CC1)", "'1' at 4: a ring closure behind an open branch"),
        ("C1C1", "'1' at 4: a second bond between two atoms"),
        ("C12CCC12", "'2' at 8: a second bond between two atoms"),
        ("CC.", "no atom behind a dot at 3, its end"),
    ],
)
def test_what_is_no_molecule(text: str, problem: str) -> None:
    assert ALPHABETS["smiles"].record_problem(text) == problem


def test_an_alphabet_by_its_letters() -> None:
    own = alphabet_named("HPHPB")
    assert own.problem("HPB") is None
    assert own.problem("hp") == "'h' at 1 is no letter of the alphabet HPHPB"
    for name in ("protien", "A", "A B", "A:B"):
        with pytest.raises(UsageError, match="--alphabet"):
            alphabet_named(name)


def test_the_recipe_names_alphabet_and_k() -> None:
    assert make_chunker("protein", None) == "sequence:protein:3"
    found = sequence_recipe("sequence:HPB:5")
    assert found is not None
    assert (found.alphabet.letters, found.kmer, found.chunker) == ("HPB", 5, "sequence:HPB:5")
    assert sequence_recipe("auto") is None
    with pytest.raises(UsageError, match="--kmer 33: from 1 to 32"):
        make_chunker("dna", 33)


@pytest.mark.parametrize(
    ("text", "name"),
    [("ACGTN", "dna"), ("acgu", "rna"), ("MKTAYIA", "protein"), ("MK-T", ""), ("", "")],
)
def test_the_likeliest_alphabet(text: str, name: str) -> None:
    assert guess_alphabet(text) == name
