"""Windows of sequences: whole units, exact places, nothing left out, as long as the model allows."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from qembed.corpus.chunking.sequence_windows import SequenceChunker
from qembed.sequences.alphabet import ALPHABETS
from qembed.types import Document

COUNTS: dict[str, Callable[[str], int]] = {
    "residues": lambda text: len(text) + 2,
    "threes": lambda text: (len(text) + 2) // 3 + 2,
}


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize(("most", "overlap"), [(16, 0), (16, 4), (50, 25), (700, 80)])
def test_windows_are_as_long_as_they_may_be(kind: str, most: int, overlap: int) -> None:
    count = COUNTS[kind]
    cut = SequenceChunker(ALPHABETS["protein"], max_tokens=most, overlap=overlap, count=count)
    rng = random.Random(most + overlap)
    for length in (1, 13, 14, 15, 47, 48, 49, 300, 1000):
        text = "".join(rng.choices("MKTAYIAKQR", k=length))
        found = cut.split(Document("a", text))
        assert [p.seq for p in found] == list(range(len(found)))
        assert all(p.text == text[p.start : p.end] for p in found)
        assert all(count(p.text) <= most for p in found)
        assert found[0].start == 0
        assert found[-1].end == length
        for before, after in pairwise(found):
            assert before.start < after.start <= before.end
            assert count(text[before.start : before.end + 1]) > most
            shared = count(text[after.start : before.end]) - count("")
            assert abs(shared - overlap) <= 3


def test_no_unit_is_cut() -> None:
    gates = "INPUT INPUT NAND -1 -2 NOT -1 DFF +12"
    cut = SequenceChunker(
        ALPHABETS["gate"], max_tokens=5, overlap=1, count=lambda t: len(t.split())
    )
    found = cut.split(Document("g", gates))
    assert [p.text for p in found] == [
        "INPUT INPUT NAND -1 -2",
        "-2 NOT -1 DFF +12",
    ]
    assert all(gates[p.start : p.end] == p.text for p in found)


def test_a_unit_that_is_too_long_is_a_passage() -> None:
    cut = SequenceChunker(ALPHABETS["smiles"], max_tokens=3, overlap=0, count=len)
    found = cut.split(Document("m", "CC[13CH2]C"))
    assert [p.text for p in found] == ["CC", "[13CH2]", "C"]


def test_a_model_with_one_token_for_all_of_it_gets_windows_all_the_same() -> None:
    cut = SequenceChunker(ALPHABETS["protein"], max_tokens=10, overlap=5, count=lambda t: 3)
    text = "MKTAYIAK" * 50
    found = cut.split(Document("p", text))
    assert [(p.start, p.end) for p in found] == [(0, 160), (80, 240), (160, 320), (240, 400)]
    assert all(p.text == text[p.start : p.end] for p in found)
