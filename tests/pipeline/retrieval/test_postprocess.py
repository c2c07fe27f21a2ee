"""Diversity against the definition written out; context against the document's own text."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.postprocess import NEAR_DUPLICATE, maximal_marginal_relevance
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query


def by_definition(scores: np.ndarray, vectors: np.ndarray, k: int, d: float) -> list[int]:
    spread = scores.max() - scores.min()
    worth = [(s - scores.min()) / spread if spread > 0 else 1.0 for s in scores]
    taken: list[int] = []
    while len(taken) < k:
        best, value = None, -np.inf
        for i in range(len(scores)):
            near = max((float(vectors[i] @ vectors[j]) for j in taken), default=-1.0)
            if i in taken or near >= NEAR_DUPLICATE:
                continue
            v = (1 - d) * worth[i] - d * max(near, 0.0)
            if v > value + 1e-6:
                best, value = i, v
        if best is None:
            break
        taken.append(best)
    return taken


@given(st.integers(1, 25), st.integers(1, 12), st.floats(0, 0.9), st.integers(0, 999))
def test_it_is_maximal_marginal_relevance(n: int, k: int, d: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.sort(rng.random(n).astype(np.float32))[::-1]
    assert maximal_marginal_relevance(scores, vectors, k, d).tolist() == by_definition(
        scores, vectors, k, d
    )


def test_near_duplicates_are_folded() -> None:
    v = np.eye(3, dtype=np.float32)[[0, 0, 1, 0, 2]]
    assert maximal_marginal_relevance(
        np.array([5, 4, 3, 2, 1], np.float32), v, 5, 0.3
    ).tolist() == [0, 2, 4]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("present")
    words = " ".join(f"Sentence {i} speaks of thing{i}." for i in range(200))
    (folder / "long.txt").write_text(words)
    for i in range(3):
        (folder / f"copy{i}.txt").write_text("The very same text about apples in every copy.")
    (folder / "other.txt").write_text("Another text about apples and pears.")
    options = IndexOptions(
        paths=tuple(str(p) for p in folder.glob("*.txt")),
        recipe=RecipeOptions(model="py:tests.encoders:bag", max_tokens=40, overlap=8),
    )
    build(folder / ".qembed", options)
    return folder


def hits(root: Path, words: str, **asked: object) -> list[tuple[str, int, int, str]]:
    with Session(root / ".qembed") as session:
        answer = Retriever(session, QueryOptions(**asked)).answer([Query("1", words)])  # type: ignore[arg-type]
    return [
        (h.document, h.passage.start, h.passage.end, h.passage.text) for h in answer.results[0].hits
    ]


def test_copies_give_way(root: Path) -> None:
    plain = [h[0] for h in hits(root, "apples text", k=3)]
    assert len({d for d in plain if d.startswith("copy")}) >= 2
    folded = [h[0] for h in hits(root, "apples text", k=3, diversity=0.3)]
    assert len([d for d in folded if d.startswith("copy")]) == 1
    assert "other.txt" in folded


def test_fewer_hits_than_asked_for_are_explained(root: Path) -> None:
    with Session(root / ".qembed") as session:

        def notes(k: int) -> list[str]:
            options = QueryOptions(k=k, diversity=0.3)
            return list(Retriever(session, options).answer([Query("1", "apples text")]).warnings)

        assert notes(2) == []
        (note,) = notes(50)
        assert re.fullmatch(
            r"--diversity: there are no more hits, \d+ were near-duplicates of better hits and left out",
            note,
        )


@pytest.mark.parametrize("n", [1, 3])
def test_context_is_the_text_around(root: Path, n: int) -> None:
    text = (root / "long.txt").read_text()
    plain = hits(root, "thing77 thing78", k=6)
    wide = hits(root, "thing77 thing78", k=6, context=n)
    first, around = plain[0], wide[0]
    assert around[1] < first[1]
    assert around[2] > first[2]
    assert first[3] in around[3]
    for document, start, end, shown in wide:
        if document == "long.txt":
            assert text[start:end].split() == shown.split()
            assert len(shown) == end - start
    spans = sorted((s, e) for d, s, e, _ in wide if d == "long.txt")
    assert len(spans) == len(set(spans))
    assert len(wide) <= len(plain)


def test_what_cannot_be(root: Path) -> None:
    with pytest.raises(UsageError, match="--diversity"):
        hits(root, "x", diversity=1.0)
    with pytest.raises(UsageError, match="--context"):
        hits(root, "x", context=-1)
