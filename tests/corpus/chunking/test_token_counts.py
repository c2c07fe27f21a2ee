"""Tokens counted word by word are those of the whole text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qembed.corpus.chunking import token_counts
from qembed.corpus.chunking.token_counts import MAX_WORD, counter
from tests.corpus.chunking.texts import texts
from tests.corpus.counts import byte_level, minilm
from tests.models import tiny


@settings(max_examples=500, deadline=None)
@given(texts | st.text(max_size=60))
@example("a\x1cb c\x0bd e\x85f g\u2028h i\xa0j k\u3000l\x00 \x00m")
@example("A[MASK]b [SEP] [ SEP ] [UNK]x ##ing # #ing")
@example("ΟΔΟΣ ΟΔΟΣ. ΟΔΟΣ\u0301 İ ß ŉ \u0301 a \u0301b \u200d \u200b")
@example("x" * 99 + " " + "x" * 100 + " " + "x" * 101 + "," + "x" * 101)
@example("中文 句子。 你好！ 没有标点的很长的一段文字" * 30)
@example("")
@example("one two " * 30)
@pytest.mark.slow
def test_equals_the_tokenizer(text: str) -> None:
    count = counter(minilm())
    for _ in range(2):  # with and without words that are known
        assert count(text) == len(minilm().encode(text).ids)


def test_words_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def tokens(text: str) -> int:
        asked.append(text)
        return 2 + len(text.split())

    monkeypatch.setattr(token_counts, "MAX_WORDS", 3)
    count = token_counts._by_words(tokens)
    assert (count("a b a"), count("b a"), count("b c"), count("d")) == (5, 4, 4, 3)
    assert asked == ["", "a", "b", "c", "d"]
    assert (count("e"), count("a a")) == (3, 4)  # forgotten, as there were too many
    assert asked[5:] == ["e", "a"]
    long = "y" * (MAX_WORD + 1)
    assert count(f"a {long}") == count(f"a {long}") == 4
    assert asked[7:] == [f"a {long}"] * 2


def _changed(tokenizer: Any, **parts: Any) -> Any:
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(tokenizer.to_str())
    for name, part in parts.items():
        setattr(copy, name, part)
    return copy


def test_only_where_words_are_apart(tmp_path: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers

    assert token_counts._splits_at_spaces(minilm())
    tiny.wordpiece(tmp_path)
    own = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert token_counts._splits_at_spaces(own)
    assert not token_counts._splits_at_spaces(byte_level())
    assert not token_counts._splits_at_spaces(_changed(own, normalizer=normalizers.NFC()))
    joined = pre_tokenizers.Metaspace()
    assert not token_counts._splits_at_spaces(_changed(own, pre_tokenizer=joined))
    two = _changed(own)
    two.add_tokens([AddedToken("two words", normalized=False, special=True)])
    assert not token_counts._splits_at_spaces(two)
    two.add_tokens([AddedToken("fox", normalized=True)])
    assert counter(two)("the two words") == len(two.encode("the two words").ids)


def test_a_tokenizer_that_truncates_or_pads_is_refused() -> None:
    for change in ("enable_truncation", "enable_padding"):
        tokenizer = _changed(minilm())
        getattr(tokenizer, change)(**({"max_length": 8} if change.endswith("truncation") else {}))
        with pytest.raises(ValueError, match="that truncates or pads cannot count"):
            counter(tokenizer)
