"""BM25 over k-mers, beside a computation by its formula; the words of titles, and shown places."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from qembed.search.lexical.bm25 import LexicalIndex, idf
from qembed.search.lexical.kmers import kmer_spans, parse_sequence, query_parser
from qembed.search.lexical.query import parse_query
from qembed.search.lexical.scores import K1, B, stored_length
from qembed.search.lexical.writer import LexicalWriter
from qembed.sequences.recipe import SequenceRecipe, sequence_recipe


def recipe(chunker: str) -> SequenceRecipe:
    found = sequence_recipe(chunker)
    assert found is not None
    return found


def test_scores_are_bm25_of_kmers(tmp_path: Path) -> None:
    rng, threes = random.Random(3), recipe("sequence:protein:3")
    texts = ["".join(rng.choices("ACDEFG", k=rng.randint(5, 60))) for _ in range(60)]
    with LexicalWriter(tmp_path / "i", None, threes) as writer:
        writer.add(range(60), [""] * 60, texts)
        writer.commit()
    bags = [Counter(t[i : i + 3] for i in range(len(t) - 2)) for t in texts]
    average = sum(map(Counter.total, bags)) / len(bags)
    query = "".join(rng.choices("ACDEFG", k=40))
    asked = Counter(query[i : i + 3] for i in range(38))
    wanted = {}
    for row, bag in enumerate(bags):
        norm = K1 * (1 - B + B * stored_length(bag.total()) / average)
        wanted[row] = sum(
            n * idf(sum(t in b for b in bags), 60) * (K1 + 1) * bag[t] / (bag[t] + norm)
            for t, n in asked.items()
            if bag[t]
        )
    rows, scores = LexicalIndex.open(tmp_path / "i").search(
        parse_sequence(query.lower(), threes), 60
    )
    assert len(rows) == sum(score > 0 for score in wanted.values())
    assert scores.tolist() == pytest.approx([wanted[r] for r in rows.tolist()], rel=1e-4)
    assert rows[0] == max(wanted, key=lambda r: wanted[r])


def test_words_find_titles_and_no_residues(tmp_path: Path) -> None:
    threes = recipe("sequence:protein:3")
    with LexicalWriter(tmp_path / "i", None, threes) as writer:
        writer.add(range(2), ["P1 insulin, human", "P2 kinase"], ["MALWMRLLP", "INSULINAC"])
        writer.commit()
    index = LexicalIndex.open(tmp_path / "i")
    assert index.search(parse_sequence("human insulin", threes), 5)[0].tolist() == [0]
    # a word that could be a peptide is looked for as both
    assert index.search(parse_sequence("insulin", threes), 5)[0].tolist() == [1, 0]
    assert index.search(parse_sequence("WMR", threes), 5)[0].tolist() == [0]


def test_an_index_of_texts_parses_words() -> None:
    assert query_parser("auto") is parse_query
    assert query_parser("sequence:protein:3")("MKTAYIA").terms[0] == "=MKT"


def test_common_stretches() -> None:
    assert kmer_spans("aamktayCCCMKT", "MKTAY", recipe("sequence:protein:3")) == [(2, 7), (10, 13)]
    gates = "NAND -1 -2 NOT -1 INPUT"
    assert kmer_spans(gates, "XOR -2 NOT -1", recipe("sequence:gate:3")) == [(8, 17)]
