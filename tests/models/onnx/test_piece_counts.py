"""Token counts by a vocabulary on disk: the whole tokenizer's counts, for any stretch in any order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from qembed.models import open_model
from qembed.models.folder_model import FolderModel
from qembed.models.onnx import piece_counts
from qembed.models.onnx.cache import write_facts
from qembed.models.onnx.piece_counts import PieceCounter
from qembed.models.onnx.pieces import PieceTokenizer
from qembed.models.onnx.tokens import ExportTokenizer
from qembed.models.onnx_export import pieces as writer
from qembed.pipeline.passage_builder import PassageBuilder
from qembed.pipeline.recipe import RecipeOptions, make_recipe
from qembed.types import Document
from tests.models import tiny
from tests.models.unigram import ALPHABET, LIMIT, export_of, unigram, written


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FEWEST", 1)


@pytest.fixture(scope="module", params=[False, True], ids=["letters", "bytes"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tokenizer, PieceTokenizer]:
    whole = unigram(bytes_too=request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "FEWEST", 1)
        return whole, written(whole, tmp_path_factory.mktemp("pieces"))


def whole_counts(whole: Tokenizer, texts: list[str]) -> list[int]:
    whole.no_truncation()
    return [len(e.ids) for e in whole.encode_batch(texts)]


@settings(max_examples=100, deadline=None)
@given(st.text(ALPHABET, max_size=120) | st.text(max_size=40), st.data())
@pytest.mark.slow
def test_stretches_of_a_text_count_as_the_whole_tokenizer_counts_them(
    both: tuple[Tokenizer, PieceTokenizer], text: str, data: st.DataObject
) -> None:
    whole, few = both
    ours = PieceCounter(few)
    places = st.integers(0, len(text))
    for start, end in data.draw(st.lists(st.tuples(places, places), max_size=6)):
        stretch = text[min(start, end) : max(start, end)]
        texts = [stretch, f"passage: 退 {stretch}", stretch[:7]]
        assert ours.count(texts) == whole_counts(whole, texts)


def test_what_is_remembered_is_limited_and_changes_no_count(
    both: tuple[Tokenizer, PieceTokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, few = both
    monkeypatch.setattr(piece_counts, "MAX_WORDS", 3)
    monkeypatch.setattr(piece_counts, "MAX_WORD", 5)
    ours = PieceCounter(few)
    for n in range(40):
        texts = [f"abc{n} 退钱 {'退钱الف' * (n % 5)} fgh", "abc 退钱"]
        assert ours.count(texts) == whole_counts(whole, texts)
        assert len(ours._known) <= 3 + 8
        assert all(len(word) <= 5 for word in ours._known)


def test_parts_of_a_long_word_are_looked_up_once(
    both: tuple[Tokenizer, PieceTokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, few = both
    looked_up: list[int] = []
    real = few.occurring
    monkeypatch.setattr(
        few, "occurring", lambda words: looked_up.append(sum(map(len, words))) or real(words)
    )
    text = "退钱abcالف1A" * 30
    ours = PieceCounter(few)
    stretches = [text, *(text[n : n + 90] for n in range(0, 90, 7))]
    assert [ours.count([s]) for s in stretches] == [[n] for n in whole_counts(whole, stretches)]
    # then only the pieces at their beginnings
    assert looked_up[0] > len(text)
    assert all(n <= few.longest for n in looked_up[1:])


def test_a_tokenizer_without_normaliser_and_splitter(tmp_path: Path) -> None:
    whole = Tokenizer(models.Unigram([("<u>", 0.0), ("ab", -1.0), ("a", -2.0), ("b", -2.5)], 0))
    ours = PieceCounter(written(whole, tmp_path))
    texts = ["abab", "ba", "", "abc a b", "▁ab", "\0ab"]
    for text in texts:
        assert ours.count([text]) == whole_counts(whole, [text])


def test_an_export_counts_added_tokens_and_long_texts_too(tmp_path: Path) -> None:
    whole = unigram()
    ours = ExportTokenizer(export_of(whole, tmp_path), LIMIT)
    assert ours._counter is None
    texts = ["abc " * 99, "", "退钱"]
    assert ours.count(texts) == whole_counts(whole, texts)
    assert ours._whole is None
    texts.append("a <mask> b" * LIMIT)
    assert ours.count(texts) == whole_counts(whole, texts)


def test_threads_get_their_own_counts(tmp_path: Path) -> None:
    whole = unigram()
    ours = ExportTokenizer(export_of(whole, tmp_path), LIMIT)
    texts = [f"{a}{b} 退钱{b}" for a in "abcdefgh" for b in "abcdefgh"]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda t: ours.count([t])[0], texts)) == whole_counts(whole, texts)


def test_a_model_counts_by_the_files_of_its_export(bert: Path, tmp_path: Path) -> None:
    whole = unigram()
    folder = tiny.copy(bert, tmp_path / "model")
    whole.save(str(folder / "tokenizer.json"))
    before = open_model(str(folder), device="cpu")
    assert isinstance(before, FolderModel)
    text = "退钱abc الف. " * 60 + "\n\n" + "fgh 1A! " * 50
    document = Document("a.txt", text, title="abc")
    recipe = make_recipe(before, RecipeOptions(max_tokens=32))
    cut = PassageBuilder(before, recipe).passages(document)
    assert before.tokenizer() is not None

    slot = before.export_request().slot()
    slot.folder.mkdir(parents=True)
    write_facts(slot.folder, export_of(whole, slot.folder).facts)
    model = open_model(str(folder), device="cpu")
    assert model.tokenizer() is None
    assert model.count([text, "", "abc"]) == whole_counts(whole, [text, "", "abc"])
    assert PassageBuilder(model, recipe).passages(document) == cut
    assert len(cut) > 5

    (slot.folder / "pieces.json").write_bytes(b"x")
    assert open_model(str(folder), device="cpu").tokenizer() is not None
