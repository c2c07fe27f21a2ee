"""Tokenizers whose vocabulary stays on disk: the whole tokenizer's tokens, for any text."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from qembed.models.onnx import tokens
from qembed.models.onnx.cache import ExportDamaged
from qembed.models.onnx.pieces import PieceTokenizer, stretch_keys
from qembed.models.onnx.tokens import ExportTokenizer
from qembed.models.onnx_export import pieces as writer
from tests.models.unigram import ALPHABET, LIMIT, export_of, unigram, written


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FEWEST", 1)


def same(whole: Tokenizer, few: PieceTokenizer, texts: list[str]) -> None:
    found = few.encode(texts)
    assert found is not None
    whole.enable_truncation(LIMIT)
    for text, a, b in zip(texts, found, whole.encode_batch(texts), strict=True):
        assert a.ids == b.ids, text
        assert [len(o.ids) for o in a.overflowing] == [len(o.ids) for o in b.overflowing]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=60) | st.text(max_size=20), max_size=4))
@pytest.mark.parametrize("bytes_too", [False, True])
@pytest.mark.slow
def test_tokens_are_the_whole_tokenizers(
    tmp_path_factory: pytest.TempPathFactory, bytes_too: bool, texts: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"pieces-{bytes_too}"
    whole = unigram(bytes_too=bytes_too)
    if not folder.exists():
        folder.mkdir()
        few = written(whole, folder)
        NAMED[bytes_too] = few
    same(whole, NAMED[bytes_too], texts)


NAMED: dict[bool, PieceTokenizer] = {}


def test_without_normaliser_and_splitter(tmp_path: Path) -> None:
    made = Tokenizer(models.Unigram([("<u>", 0.0), ("ab", -1.0), ("a", -2.0), ("b", -2.5)], 0))
    same(made, written(made, tmp_path), ["abab", "ba", "", "abc a b"])


def test_a_text_with_an_added_token_is_for_the_whole_one(tmp_path: Path) -> None:
    few = written(unigram(), tmp_path)
    assert few.encode(["a <mask> b"]) is None
    assert few.encode(["a mask b"]) is not None
    assert few.num_special_tokens_to_add(False) == 2


def test_another_text_with_the_same_key_is_no_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = unigram()
    few = written(whole, tmp_path)
    monkeypatch.setattr(few, "_texts", bytes(len(few._texts)))
    (found,) = few.encode(["abcd"]) or []
    assert set(found.ids) <= {0, 2, 3}  # nothing is found where the text differs


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["model"].update(type="BPE"),
        lambda t: t["model"]["vocab"].append(t["model"]["vocab"][8]),
        lambda t: t.update(post_processor={"type": "Unheard"}),
        lambda t: t["post_processor"]["special_tokens"]["<s>"].update(ids=[9999]),
    ],
)
def test_other_tokenizers_have_no_such_files(tmp_path: Path, change: Any) -> None:
    body = json.loads(unigram().to_str())
    change(body)
    assert writer.write_pieces(body, tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_small_vocabularies_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FEWEST", 50_000)
    assert writer.checked_pieces(unigram(), tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_files_with_other_tokens_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert writer.checked_pieces(unigram(), tmp_path) is not None
    monkeypatch.setattr(writer, "stretch_keys", lambda text, n: [(n, stretch_keys_of_zero(text))])
    assert writer.checked_pieces(unigram(), tmp_path) is None
    assert not list(tmp_path.iterdir())


def stretch_keys_of_zero(text: str) -> Any:
    """Keys in the order of the characters, unlike the reader's."""
    return np.arange(len(text), dtype=np.uint64) + np.uint64(sum(map(ord, text)) * 1000)


def test_keys_depend_on_the_stretch_only() -> None:
    line = "abc退钱abc🚀"
    for length, keys in stretch_keys(line, 4):
        for i, key in enumerate(keys.tolist()):
            *_, (_, alone) = stretch_keys(line[i : i + length], length)
            assert alone.tolist() == [key]
    assert list(stretch_keys("", 4)) == []


# ── an export's tokenizer ────────────────────────────────────────────────────────────────────────


def test_an_export_loads_its_vocabulary_only_where_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = unigram()
    export = export_of(whole, tmp_path)
    loads: list[int] = []
    real = tokens.load_tokenizer
    monkeypatch.setattr(tokens, "load_tokenizer", lambda *a: loads.append(1) or real(*a))
    ours = ExportTokenizer(export, LIMIT)
    monkeypatch.setattr(tokens, "SLICE_CHARS", 50)
    texts = ["abc 退钱", "", *("ab cd ef " * n for n in range(12)), "fgh"]
    encoded = ours.encode(texts)
    assert not loads
    whole.enable_truncation(LIMIT)
    assert [e.ids for e in encoded] == [e.ids for e in whole.encode_batch(texts)]
    whole.no_truncation()
    assert ours.lengths(encoded) == [len(e.ids) for e in whole.encode_batch(texts)]
    assert [e.ids for e in ours.encode(["x <mask> y"])] == [whole.encode("x <mask> y").ids]
    assert loads == [1]


def test_a_server_loads_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = export_of(unigram(), tmp_path)
    monkeypatch.setattr(tokens, "cores_shared", lambda: True)
    assert ExportTokenizer(export, LIMIT)._pieces is None


def test_threads_get_their_own_tokens(tmp_path: Path) -> None:
    whole = unigram()
    ours = ExportTokenizer(export_of(whole, tmp_path), LIMIT)
    texts = [f"{a}{b} 退钱{b}" for a in "abcdefgh" for b in "abcdefgh"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda t: ours.encode([t])[0].ids, texts))
    assert found == [e.ids for e in whole.encode_batch(texts)]


@pytest.mark.parametrize("name", ["pieces.json", "pieces.keys.npy", "pieces.entries.npy"])
def test_broken_files_are_damage(tmp_path: Path, name: str) -> None:
    export = export_of(unigram(), tmp_path)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ExportDamaged):
        ExportTokenizer(export, LIMIT)
