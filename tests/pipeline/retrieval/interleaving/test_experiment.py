"""Mixed answers in one process: which requests take part, what is encoded, whose scores hits have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.interleaving.experiment import (
    answer_interleaved,
    parse_experiment,
    takes_part,
)
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.serve.trial import Trial
from qembed.types import Query
from tests.encoders import Bag

ASKED = QueryRequest(
    [Query("1", "parcel yard"), Query("2", "Parcel 7")], QueryOptions(k=6, given=()), log=True
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    lines = [{"_id": f"d{i}", "text": f"{'PARCEL' * (i % 3)} parcel {i}"} for i in range(30)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe = RecipeOptions(model="py:tests.encoders:bag")
    build(tmp_path / ".qembed", IndexOptions(paths=(str(tmp_path / "c.jsonl"),), recipe=recipe))
    with Session(tmp_path / ".qembed") as opened:
        yield opened


def test_texts_are_encoded_once_for_both(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    _ = session.loaded.encoder  # it is probed
    encoded: list[str] = []
    encode = Bag.encode

    def counted(self: Bag, texts: Sequence[str]) -> Any:
        encoded.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(Bag, "encode", counted)
    answer_interleaved(session, ASKED, parse_experiment("A=mode=dense,B=mode=hybrid"))
    assert encoded == [q.text for q in ASKED.queries]


def test_hits_have_the_scores_of_the_one_that_picked_them(session: Session) -> None:
    two = parse_experiment("A=mode=lexical,B=mode=dense rerank=py:tests.encoders:shouting")
    found = answer_interleaved(session, ASKED, two)
    own = [
        Retriever(session, options).answer(ASKED.queries).results
        for options in two.options(ASKED.options)
    ]
    for n, r in enumerate(found.results):
        assert r.interleaved is not None
        scores = [{h.document: h.score for h in side[n].hits} for side in own]
        assert len(r.hits) == 6
        for hit, team in zip(r.hits, r.interleaved["teams"], strict=True):
            assert hit.score == pytest.approx(scores["AB".index(team)][hit.document])
            assert (hit.scores["rerank"] is None) == (team == "A")
    assert found.reranked is not None
    copy = Answer.from_json(json.loads(json.dumps(found.to_json())))
    assert [r.interleaved for r in copy.results] == [r.interleaved for r in found.results]


def test_what_one_setting_cannot_answer_is_answered_all_the_same(session: Session) -> None:
    plain = Retriever(session, ASKED.options).answer(ASKED.queries)
    trial = Trial(parse_experiment("A=,B=rerank=py:tests.encoders:faulty"))
    found = trial.answer(session, ASKED, (None, None))
    assert [h.document for r in found.results for h in r.hits] == [
        h.document for r in plain.results for h in r.hits
    ]
    assert found.warnings[-1].startswith("not interleaved: ")
    assert trial.queries == 0


def test_requests_that_take_part() -> None:
    assert takes_part(ASKED, logs=False)
    asked = replace(ASKED, log=None)
    assert takes_part(asked, logs=True)
    assert not takes_part(asked, logs=False)
    assert not takes_part(replace(ASKED, log=False), logs=True)
    assert not takes_part(replace(ASKED, model="minilm"), logs=True)
    for field, value in (("given", ("mode",)), ("given", None), ("min_score", 0.1), ("context", 1)):
        options = replace(ASKED.options, **{field: value})
        assert not takes_part(replace(ASKED, options=options), logs=True)


def test_a_retriever_keeps_no_vectors_unless_it_is_told_to(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a measured query would cost nothing the second time."""
    retriever = Retriever(session, QueryOptions())
    _ = session.loaded.encoder
    calls: list[int] = []
    encode = Bag.encode
    monkeypatch.setattr(Bag, "encode", lambda self, t: calls.append(len(t)) or encode(self, t))
    retriever.rank(ASKED.queries)
    retriever.rank(ASKED.queries)
    assert calls == [2, 2]
