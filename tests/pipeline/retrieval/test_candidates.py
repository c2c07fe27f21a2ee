"""Candidates by meaning, by words and by both, and that nothing outside a filter is ever seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.candidates import CandidateRetriever
from qembed.pipeline.retrieval.fusion import DEFAULT_FUSION, interpolate_scores
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.retrieval.options import MODES, QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

BAG = RecipeOptions(model="py:tests.encoders:bag")
WORDS = (
    *("coffee", "black", "tea", "green", "milk", "sugar", "cup", "train", "bus", "late"),
    *("early", "home", "work", "E-1042", "sister", "garden"),
)
USERS = ("alice", "bob", "carol")


def text(i: int) -> str:
    rng = np.random.default_rng(i)
    return " ".join(rng.choice(WORDS, 6))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arms")
    with (folder / "m.jsonl").open("w") as f:
        for i in range(400):
            user = "rare" if i % 100 == 7 else USERS[i % 3]
            f.write(json.dumps({"_id": f"m{i}", "text": text(i), "user_id": user, "n": i}) + "\n")
    build(folder / ".qembed", IndexOptions(paths=(str(folder / "m.jsonl"),), recipe=BAG))
    return folder / ".qembed"


@pytest.fixture
def session(root: Path) -> Iterator[Session]:
    with Session(root) as s:
        yield s


def documents(session: Session, asked: QueryOptions, words: str) -> list[str]:
    answer = Retriever(session, asked).answer([Query("1", words)])
    return [h.document for h in answer.results[0].hits]


def test_every_candidate_has_both_scores(session: Session) -> None:
    arms = CandidateRetriever(session, "hybrid", "exact", None)
    vector = session.loaded.encoder.encode(["black coffee E-1042"])
    (found,), _ = arms.find(["black coffee E-1042"], vector, 20, None)
    exact = dict(
        zip(*[x.tolist() for x in session.search.exact.search(vector, 400)[0]], strict=True)
    )
    worded = session.search.lexical_search("black coffee E-1042", 400)
    assert worded is not None
    bm25 = dict(zip(*[x.tolist() for x in worded], strict=True))
    assert found.dense is not None
    assert found.lexical is not None
    for row, d, s in zip(found.rows.tolist(), found.dense, found.lexical, strict=True):
        assert d == pytest.approx(exact[row], abs=1e-5)
        assert s == pytest.approx(bm25.get(row, 0.0), abs=1e-5)
    pool = np.ones(len(found.rows), bool)
    again = interpolate_scores(found.dense, found.lexical, pool, 1.0)
    assert np.all(np.diff(again) <= 1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("where", ["user_id = 'rare'", "n < 40", "user_id != 'alice' and n >= 200"])
def test_nothing_outside_a_filter_is_found(session: Session, mode: str, where: str) -> None:
    asked = QueryOptions(k=10, mode=mode, where=(where,), search="exact")
    allowed = {d for d in session.documents.filters.documents()["id"] if _passes(where, int(d[1:]))}
    for words in ("black coffee", "train late home", "E-1042"):
        found = documents(session, asked, words)
        assert found
        assert set(found) <= allowed


def test_the_constants_of_a_query_decide_its_weights(session: Session) -> None:
    words = "black coffee E-1042"

    def found(mode: str, **changed: float) -> list[tuple[int, float]]:
        parameters = DEFAULT_FUSION._replace(**changed) if changed else None
        asked = QueryOptions(k=20, mode=mode, fusion_parameters=parameters)
        (ranked,) = Retriever(session, asked).rank([Query("1", words)]).queries
        return list(zip(ranked.rows.tolist(), ranked.scores.tolist(), strict=True))

    dense = found("dense")
    assert found("auto", trust=0.0) == dense != found("auto")
    assert found("auto", trust=DEFAULT_FUSION.trust) == found("auto") != found("auto", trust=1.0)
    assert found("hybrid", even=0.0) == dense != found("hybrid")
    assert found("hybrid", trust=9.0) == found("hybrid") != found("hybrid", even=9.0)


def _passes(where: str, n: int) -> bool:
    user = "rare" if n % 100 == 7 else USERS[n % 3]
    return {
        "user_id = 'rare'": user == "rare",
        "n < 40": n < 40,
        "user_id != 'alice' and n >= 200": user != "alice" and n >= 200,
    }[where]


@pytest.mark.parametrize("search", ["exact", "graph"])
@pytest.mark.parametrize("below", [0, 1, 4, 40, 399, 400])
def test_a_filter_finds_what_filtering_first_and_searching_exactly_finds(
    session: Session, search: str, below: int
) -> None:
    asked = QueryOptions(k=10, mode="dense", search=search, where=(f"n < {below}",))  # type: ignore[arg-type]
    vectors = session.loaded.encoder.encode(["green tea", "late bus home"])
    rows, stored = np.arange(400), session.snapshot.vectors(np.arange(400))
    order = session.snapshot.positions_of(rows)
    ids = session.snapshot.catalog.ids()
    for words, vector in zip(("green tea", "late bus home"), vectors, strict=True):
        inside = [r for r in rows if int(ids[order[r]][1:]) < below]
        best = sorted(inside, key=lambda r: (-float(stored[r] @ vector), r))[:10]
        got = Retriever(session, asked).answer([Query("1", words)]).results[0].hits
        assert [h.score for h in got] == pytest.approx(
            [float(stored[r] @ vector) for r in best], abs=1e-5
        )


def test_a_querys_own_filter_narrows_the_commands(session: Session) -> None:
    asked = QueryOptions(k=50, where=("n < 100",))
    answer = Retriever(session, asked).answer(
        [Query("1", "coffee", where="user_id = 'bob'"), Query("2", "coffee")]
    )
    first, second = ({h.document for h in r.hits} for r in answer.results)
    assert first < {f"m{i}" for i in range(100) if i % 3 == 1}
    assert second - first


def test_quoted_words_and_minus(session: Session) -> None:
    texts = {f"m{i}": text(i) for i in range(400)}
    for mode in ("auto", "hybrid", "lexical"):
        asked = QueryOptions(k=50, mode=mode)
        found = documents(session, asked, '"black coffee"')
        assert found
        assert all("black coffee" in texts[d] for d in found)
        found = documents(session, asked, "coffee -milk")
        assert found
        assert not any("milk" in texts[d].split() for d in found)


def test_a_phrase_that_nothing_has_is_searched_as_words(session: Session) -> None:
    assert documents(session, QueryOptions(k=5), '"coffee on the moon"')


def test_words_alone_need_no_model(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(root) as session:
        monkeypatch.setattr(
            LoadedModel, "encoder", property(lambda _: pytest.fail("the model was loaded"))
        )
        found = documents(session, QueryOptions(mode="lexical"), "E-1042")
        assert all("E-1042" in text(int(d[1:])) for d in found)


@pytest.mark.parametrize("words", ["the of and", "???", "🙂", '"', "-", "NOT (a OR", "x" * 100_000])
@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_asked(session: Session, mode: str, words: str) -> None:
    found = documents(session, QueryOptions(k=3, mode=mode), words)
    assert mode == "lexical" or len(found) == 3


def test_without_a_lexical_index(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(root) as session:
        monkeypatch.setattr(IndexSearch, "lexical", None)
        assert documents(session, QueryOptions(k=3), "coffee") == documents(
            session, QueryOptions(k=3, mode="dense"), "coffee"
        )
        with pytest.raises(UsageError, match="word index"):
            documents(session, QueryOptions(k=3, mode="lexical"), "coffee")


def test_a_list_does_not_depend_on_how_long_it_is(session: Session) -> None:
    short = documents(session, QueryOptions(k=5), "black tea sugar")
    assert documents(session, QueryOptions(k=300), "black tea sugar")[:5] == short


def test_documents_by_words_are_all_that_hold_them(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(
        " ".join(f"Apple number {i} is an apple." for i in range(600))
    )
    for i in range(4):
        (tmp_path / f"short{i}.txt").write_text(
            "Much else, and at the end of it an apple is named too."
        )
    for i in range(40):
        (tmp_path / f"other{i}.txt").write_text(f"Nothing of the kind in document {i}.")
    paths = tuple(str(p) for p in tmp_path.glob("*.txt"))
    recipe = RecipeOptions(model="py:tests.encoders:bag", max_tokens=24, overlap=0)
    build(tmp_path / ".qembed", IndexOptions(paths=paths, recipe=recipe))
    with Session(tmp_path / ".qembed") as session:
        found = documents(session, QueryOptions(k=5, mode="lexical", by="document"), "apple")
    assert sorted(found) == ["long.txt", *(f"short{i}.txt" for i in range(4))]
