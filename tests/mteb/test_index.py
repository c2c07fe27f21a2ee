"""qembed.mteb.Index: what mteb measures is what `qembed query` and `qembed eval` answer."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qembed.errors import UsageError
from qembed.mteb import Encoder, Index
from qembed.mteb.index import query_words

pytestmark = pytest.mark.slow

BAG = "py:tests.encoders:bag"


CORPUS = [
    {"id": "it's", "title": "", "text": "mars is a planet"},
    {"id": "7", "title": "Fox", "text": "a lazy dog " * 40 + "\n\nfoxes jump high"},
    {"id": "d,3)", "title": "", "text": "tokens become states"},
]


def task() -> Any:
    from tests.mteb.kinds import metadata

    return metadata("Own", "Retrieval", "ndcg_at_10", prompt="Which planet?")


def search(index: Index, *queries: str, **options: Any) -> list[dict[str, float]]:
    rows = [{"id": f"q{i}", "text": text} for i, text in enumerate(queries)]
    found = index.search(rows, task_metadata=task(), top_k=options.pop("top_k", 10), **options)
    assert list(found) == [row["id"] for row in rows]
    return list(found.values())


@pytest.fixture
def index(kinds: ModuleType) -> Any:
    with Index(BAG) as made:
        made.index(CORPUS, task_metadata=task())
        yield made


@pytest.mark.parametrize("kind", ["retrieval", "reranking"])
def test_whole_documents_by_exact_dense_search_are_the_encoder_s(
    kind: str, kinds: ModuleType
) -> None:
    with Index(BAG, mode="dense", search="exact", chunker="none") as index:
        assert kinds.scores(index, kinds.KINDS[kind]()) == pytest.approx(
            kinds.scores(Encoder(BAG), kinds.KINDS[kind]()), abs=1e-6
        )


def test_other_kinds_go_to_the_model(kinds: ModuleType) -> None:
    with Index(BAG) as index:
        assert kinds.scores(index, kinds.KINDS["clustering"]()) == kinds.scores(
            Encoder(BAG), kinds.KINDS["clustering"]()
        )


def test_modes_and_rerankers_are_measured(kinds: ModuleType) -> None:
    found = []
    for options in ({}, {"mode": "lexical"}, {"rerank": "py:tests.encoders:shouting"}):
        with Index(BAG, **options) as index:
            found.append(kinds.scores(index, kinds.KINDS["retrieval"]())["ndcg_at_10"])
    assert len(set(found)) == 3


class TestSearch:
    def test_a_document_counts_by_its_best_passage(self, index: Index) -> None:
        found = search(index, "foxes jump high")[0]
        assert next(iter(found)) == "7"
        assert sorted(found) == ["7", "d,3)", "it's"]

    def test_one_more_than_asked(self, index: Index) -> None:
        """As mteb's own search: a task may leave the query itself out."""
        assert len(search(index, "planet", top_k=1)[0]) == 2

    def test_candidates_of_a_reranking_task(self, index: Index) -> None:
        named = {"q0": ["it's", "d,3)"], "q1": [], "q2": ["7", "7", "gone"]}
        found = search(index, "foxes jump", "mars", "states", top_ranked=named)
        assert [sorted(f) for f in found] == [["d,3)", "it's"], [], ["7"]]

    def test_many_candidates(self, kinds: ModuleType) -> None:
        rows = [{"id": f"d{i}", "text": f"word{i} planet", "title": ""} for i in range(400)]
        with Index(BAG) as index:
            index.index(rows, task_metadata=task())
            names = [r["id"] for r in rows[::2]]
            (found,) = search(index, "planet", top_k=10, top_ranked={"q0": names})
            assert sorted(found) == sorted(names)

    def test_a_query_without_words(self, index: Index) -> None:
        assert [len(f) for f in search(index, " ", "mars")] == [0, 3]

    def test_words_of_a_query(self, kinds: ModuleType) -> None:
        turns = [{"role": "user", "content": "hi"}, {"role": "bot", "content": "yes"}]
        assert query_words({"text": "who?"}) == "who?"
        assert query_words({"text": "who?", "instruction": None}) == "who?"
        assert query_words({"text": "who?", "instruction": "Not Mars."}) == "who? Not Mars."
        assert query_words({"text": ["hi", "yes"]}) == "hi; yes"
        assert query_words({"text": turns, "instruction": "Go."}) == "Go. user: hi; bot: yes"

    def test_words_are_mteb_s(self, kinds: ModuleType) -> None:
        from datasets import Dataset
        from mteb._create_dataloaders import create_dataloader
        from mteb.types import PromptType

        rows = Dataset.from_list([{"id": "1", "text": "who?", "instruction": "Not Mars."}])
        (batch,) = create_dataloader(rows, task_metadata=task(), prompt_type=PromptType.query)
        assert batch["text"] == [query_words(rows[0])]

    def test_tasks_of_mteb_if_asked(
        self, monkeypatch: pytest.MonkeyPatch, kinds: ModuleType
    ) -> None:
        seen: list[Any] = []
        with Index(BAG, template="{task}: {query}", task_prompts=True) as index:
            index.index(CORPUS, task_metadata=task())
            assert index._session is not None
            encoder = index._session.loaded.encoder
            encode = encoder.encode
            monkeypatch.setattr(
                encoder, "encode", lambda texts, **_: [seen.extend(texts), encode(texts)][1]
            )
            search(index, "mars")
        assert seen == ["Which planet?: mars"]

    def test_before_a_corpus(self, kinds: ModuleType) -> None:
        with pytest.raises(UsageError, match=r"index\(corpus\) comes before search"):
            search(Index(BAG), "mars")

    def test_the_second_corpus_replaces_the_first(self, index: Index) -> None:
        index.index([{"id": "n", "text": "new words"}], task_metadata=task())
        assert list(search(index, "words")[0]) == ["n"]


def test_a_second_run_encodes_nothing(cache: Path, kinds: ModuleType) -> None:
    rows = [{"id": f"d{i}", "text": f"w{i % 3} {i}"} for i in range(9)]
    counts = []
    for _ in range(2):
        with Index(BAG) as index:
            index.index(rows, task_metadata=task())
            counts.append(index.indexed and index.indexed.passages["encoded"])
    assert counts == [9, 0]
