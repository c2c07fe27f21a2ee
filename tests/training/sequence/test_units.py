"""Tokenizers of sequences: one token a unit, in either case, between a begin and an end."""

from __future__ import annotations

import pytest

from qembed.errors import UsageError
from qembed.sequences.alphabet import ALPHABETS
from qembed.training.sequence.units import (
    BEGIN,
    END,
    UNKNOWN,
    check_units,
    make_tokenizer,
    parse_units,
)


@pytest.mark.parametrize(
    ("units", "alphabet", "text", "tokens"),
    [
        ("residue", "protein", "MKtaX*", list("mktax*")),
        ("kmer:3", "protein", "MKTAYIA", ["mkt", "ayi", "a"]),
        ("kmer:2", "dna", "ACGTA", ["ac", "gt", "a"]),
        (
            "atom",
            "smiles",
            "CC(=O)[O-].[Na+]",
            ["C", "C", "(", "=", "O", ")", "[O-]", ".", "[Na+]"],
        ),
        ("gate", "gate", "INPUT NAND -1 -2", ["INPUT", "NAND", "-1", "-2"]),
    ],
)
def test_a_token_a_unit(units: str, alphabet: str, text: str, tokens: list[str]) -> None:
    tokenizer = make_tokenizer(
        parse_units(units), ALPHABETS[alphabet], [ALPHABETS[alphabet].written(text)]
    )
    assert tokenizer.encode(text).tokens == [BEGIN, *tokens, END]
    assert tokenizer.encode(f"{text}[MASK]").tokens[-2] == "[MASK]"


def test_units_that_no_text_had_are_unknown() -> None:
    tokenizer = make_tokenizer(parse_units("kmer:3"), ALPHABETS["protein"], ["MKTAYIA"])
    assert tokenizer.encode("WWWM").tokens == [BEGIN, UNKNOWN, "m", END]
    # frames that a view may have were in the text
    assert tokenizer.encode("TAYIA").tokens == [BEGIN, "tay", "ia", END]


@pytest.mark.parametrize("text", ["kmer", "kmer:9", "residue:2", "word"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--units"):
        parse_units(text)


def test_units_and_alphabet_go_together() -> None:
    for units, alphabet in (("gate", "protein"), ("residue", "gate"), ("kmer:3", "smiles")):
        with pytest.raises(UsageError, match=f"--units {units}"):
            check_units(parse_units(units), ALPHABETS[alphabet])
    check_units(parse_units("kmer:6"), ALPHABETS["dna"])
