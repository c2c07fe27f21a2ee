"""Encoded terms: an analyzer of the server leaves them as they are, and no two terms become one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from milvus_lite.analyzer.standard import StandardAnalyzer

from qembed.engines.milvus.terms import encode_character, encode_term, encode_words, split_words
from qembed.search.lexical.analyzer import characters_of, terms_of

TEXTS = st.text(max_size=80)


@given(text=TEXTS)
def test_the_servers_analyzer_leaves_them_as_they_are(text: str) -> None:
    words = encode_words(terms_of(text), characters_of(text))
    assert StandardAnalyzer().tokenize(words) == words.split()
    assert words.isascii()


@given(text=TEXTS)
def test_terms_and_characters_are_told_apart(text: str) -> None:
    terms, characters = terms_of(text), characters_of(text)
    found = split_words(encode_words(terms, characters))
    assert found == ([*map(encode_term, terms)], [*map(encode_character, characters)])


@given(terms=st.sets(st.text(min_size=1, max_size=6), max_size=30))
def test_different_terms_stay_different(terms: set[str]) -> None:
    assert len({encode_term(t) for t in terms}) == len(terms)


def test_examples() -> None:
    named = ["refund", "zzz", "退款", "c++", "水"]
    assert [encode_term(t) for t in named[:3]] == ["refund", "zzu007a007a007a", "zzu90006b3e"]
    assert encode_character("水") == "zzc6c34"
    assert encode_term("c++").startswith("zzu")
    assert encode_term("büroklammer").startswith("zzh")
