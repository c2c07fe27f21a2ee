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


def test_atoms_of_smiles() -> None:
    smiles = ALPHABETS["smiles"]
    assert smiles.units("BrC(=O)[13CH3]c1cc%12cc1Cl") == [
        *("Br", "C", "(", "=", "O", ")", "[13CH3]", "c", "1", "c", "c", "%12", "c", "c", "1", "Cl"),
    ]
    assert smiles.problem("CC[N") == "'[' at 3 is no SMILES"


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
