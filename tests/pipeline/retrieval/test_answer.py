"""Answers as data: snippets, truncated texts, timings, and the JSON that users get."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.answer import SHARED_STAGES, Answer, answer_json, as_run
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.snippets.snippet import sentences
from qembed.types import Query

TEXT = """# Fruit

Apples keep for months in a cellar. Pears do not. Eat them within a week!

Plums are best dried.
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answer")
    (folder / "fruit.md").write_text(TEXT)
    (folder / "other.txt").write_text("Nothing of the kind.")
    paths = (str(folder / "fruit.md"), str(folder / "other.txt"))
    recipe = RecipeOptions(model="py:tests.encoders:bag", chunker="none")
    build(folder / ".qembed", IndexOptions(paths=paths, recipe=recipe))
    return folder / ".qembed"


def answer(root: Path, *words: str, **options: object) -> Answer:
    with Session(root) as session:
        queries = [Query(str(i), w) for i, w in enumerate(words, 1)]
        return Retriever(session, QueryOptions(**options)).answer(queries)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["auto", "dense", "lexical"])
def test_a_snippet_is_the_sentence_with_the_querys_words(root: Path, mode: str) -> None:
    found = answer(root, "pears do not", mode=mode, snippets=True)
    hit = found.results[0].hits[0]
    assert hit.snippet is not None
    sentence = hit.passage.text[hit.snippet.start : hit.snippet.end]
    assert sentence == "Pears do not."
    assert "Pears" in [hit.passage.text[a:b] for a, b in hit.snippet.matches]


def test_snippets_are_found_only_if_asked_for(root: Path) -> None:
    hits = answer(root, "pears").results[0].hits
    assert hits
    assert all(h.snippet is None for h in hits)


def test_every_snippet_is_a_sentence_of_its_passage(root: Path) -> None:
    found = answer(root, "apples", "plums dried", "nothing", snippets=True)
    for results in found.results:
        for hit in results.hits:
            assert hit.snippet is not None
            assert (hit.snippet.start, hit.snippet.end) in sentences(hit.passage.text)


def test_texts_longer_than_the_model_reads_are_named(root: Path) -> None:
    long = "pears " * 300
    found = answer(root, "pears", long, "apples")
    assert list(found.truncated) == [long]


def test_a_retriever_keeps_nothing_of_an_answer(root: Path) -> None:
    with Session(root) as session:
        retriever = Retriever(session, QueryOptions(rerank="late"))
        before = dict(vars(retriever))
        first = retriever.answer([Query("1", "pears " * 300)])
        assert vars(retriever) == before
        second = retriever.answer([Query("1", "pears")])
    assert first.truncated
    assert not second.truncated
    assert first.reranked is not None
    assert second.reranked is not None
    assert first.reranked.pairs == second.reranked.pairs == 2


def test_loading_a_reranker_is_a_phase_and_a_stage_of_its_own(root: Path) -> None:
    told: list[tuple[str, str, int | None]] = []
    progress = Progress(phase=lambda *phase: told.append(phase))
    with Session(root) as session:
        retriever = Retriever(session, QueryOptions(rerank="late"))
        first = retriever.answer([Query("1", "pears")], progress)
        assert told == [("load reranker", "", None), ("rerank", "pairs", 2)]
        assert "load reranker" in first.seconds
        assert "load reranker" not in answer_json(first)["queries"][0]["seconds"]
        retriever.answer([Query("2", "apples")], progress)
        assert told[2:] == [("rerank", "pairs", 2)]


def test_the_json_has_timings_of_the_call_and_of_each_query(root: Path) -> None:
    found = answer(root, "pears", "apples")
    body = answer_json(found)
    assert {"open", "encode", "search"} <= body["seconds"].keys()
    for query in body["queries"]:
        assert query["seconds"].keys() == body["seconds"].keys() - set(SHARED_STAGES)
        encode = found.seconds["encode"] / 2
        assert query["seconds"]["encode"] == pytest.approx(encode, abs=1e-4)


def test_a_run_has_each_document_with_its_best_passage(root: Path) -> None:
    found = answer(root, "pears")
    hits = found.results[0].hits
    assert as_run(found) == {"1": {h.document: h.score for h in hits}}
