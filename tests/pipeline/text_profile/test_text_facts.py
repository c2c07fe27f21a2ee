"""Counts of texts: words and pieces by the tokenizer itself, scripts, words that are not read, terms."""

from __future__ import annotations

from typing import Any

import pytest

from qembed.models import open_model
from qembed.pipeline.text_profile.text_facts import (
    TextCounter,
    hash_term,
    term_hashes,
    written_forms,
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return open_model("minilm").tokenizer()


def test_pieces_are_those_of_the_tokenizer(tokenizer: Any) -> None:
    text = "Refunds of electroencephalographic devices, arrive quickly"
    facts = TextCounter(tokenizer).count([text])[0]
    tokens = [t for t in tokenizer.encode(text, add_special_tokens=False).tokens if t != ","]
    assert facts.words == 6
    assert facts.pieces == len(tokens)
    assert facts.unread == 0
    assert facts.scripts == {"Latin": (6, 0)}
    word = "electroencephalographic"
    assert facts.fragmented == {word: len(tokenizer.encode(word, add_special_tokens=False).ids)}


def test_chinese_is_mostly_not_read_by_an_english_model(tokenizer: Any) -> None:
    facts = TextCounter(tokenizer).count(["退款 refund 申请表格说明"])[0]
    words, unread = facts.scripts["Han"]
    assert words == 8
    assert unread >= 3
    assert facts.scripts["Latin"] == (1, 0)
    assert facts.unread == unread
    assert len(facts.unread_words) == unread


def test_without_a_tokenizer_words_and_terms_are_counted() -> None:
    facts = TextCounter(None).count(["three little words", ""])
    assert [(f.words, f.pieces, f.unread) for f in facts] == [(3, 0, 0), (0, 0, 0)]
    assert len(facts[1].terms) == 0


def test_terms_are_distinct_ascending_and_without_stop_words() -> None:
    found = term_hashes("The refunds and the refund of a parcel").tolist()
    assert found == sorted({hash_term("refund"), hash_term("parcel")})


def test_written_forms_are_the_most_frequent_ones() -> None:
    texts = ["Refunds take days", "refunds, a refund", "getUserName()"]
    forms = written_forms([hash_term("refund"), hash_term("getusernam")], texts)
    assert forms[hash_term("refund")] == "refunds"
    assert written_forms([1], texts) == {}
