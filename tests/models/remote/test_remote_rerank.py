"""A reranker behind an address, in the two forms there are."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models import open_model, open_reranker
from qembed.protocols import Scorer
from tests import stub
from tests.stub import Handler, Server, Trick

QUERIES = ["the red planet", "fox and dog"]
PASSAGES = [f"{w} number {i}" for i in range(40) for w in ("planet", "red fox", "the dog")]
PAIRS = [(q, p) for p in PASSAGES for q in QUERIES]
EXPECTED = [Handler.scores(q, [p])[0] for q, p in PAIRS]


@pytest.fixture(autouse=True)
def retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "2")


def reranker_at(server: Server, path: str = "") -> Scorer:
    bag = open_model("py:tests.encoders:bag")
    return open_reranker(f"{server.base}{path}#some/reranker", bag)


@pytest.mark.parametrize("path", ["", "/", "/rerank"])
@pytest.mark.parametrize("trick", [None, stub.tei_rerank, stub.at_most(7)])
@pytest.mark.slow
def test_scores_in_the_order_of_the_pairs(server: Server, path: str, trick: Trick | None) -> None:
    server.always = trick
    reranker = reranker_at(server, path)
    seen: list[int] = []
    got = reranker.score(PAIRS, seen.append)
    assert (got.dtype, got.shape) == (np.float32, (len(PAIRS),))
    np.testing.assert_allclose(got, EXPECTED, rtol=0, atol=1e-6)
    assert sum(seen) == len(PAIRS)
    assert set(server.paths) == {"/v1/rerank"}
    assert (reranker.kind, reranker.calibrated) == ("remote", True)
    assert reranker.score([]).shape == (0,)


def test_which_form_is_asked_once(server: Server) -> None:
    server.always = stub.tei_rerank
    reranker = reranker_at(server)
    reranker.score(PAIRS)
    reranker.score(PAIRS)
    assert ["documents" in body for body in server.bodies].count(True) == 1


def test_scores_beyond_one_are_no_probabilities(server: Server) -> None:
    reranker = reranker_at(server)
    server.always = stub.says({"results": [{"index": 0, "relevance_score": -3.5}]})
    assert reranker.score([("q", "p")]).tolist() == [-3.5]
    assert not reranker.calibrated
    assert "raw" in reranker.meaning


def test_it_is_tried_again(server: Server) -> None:
    server.tricks = [stub.status(429), stub.drop]
    np.testing.assert_allclose(reranker_at(server).score(PAIRS), EXPECTED, rtol=0, atol=1e-6)


def one(**more: object) -> Trick:
    return stub.says({"results": [{"index": 0, **more}]})


@pytest.mark.parametrize(
    ("trick", "error", "message"),
    [
        (stub.status(500), ModelUnavailable, "failed 3 times: status 500"),
        (stub.status(401), ModelUnavailable, r"\$QEMBED_RERANK_API_KEY or \$QEMBED_API_KEY"),
        (
            stub.status(422, "no"),
            EncodingError,
            r"does not take the query 'q' with the passage 'p'",
        ),
        (stub.says("<html>"), ModelUnavailable, "did not answer in JSON"),
        (stub.says({"data": []}), ModelUnavailable, "no rerank results"),
        (stub.says({"results": []}), EncodingError, "gave a wrong number of scores: 0 for 1"),
        (one(relevance_score=None), EncodingError, "this is no result"),
        (one(), EncodingError, "this is no result"),
        (one(score=float("nan")), EncodingError, "gave NaN or infinity for the query 'q'"),
    ],
)
@pytest.mark.slow
def test_it_ends_with_a_clear_message(
    server: Server, trick: Trick, error: type[Exception], message: str
) -> None:
    server.always = trick
    with pytest.raises(error, match=message):
        reranker_at(server).score([("q", "p")])


def test_a_key_of_its_own(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_API_KEY", "for-embeddings")
    reranker_at(server).score([("q", "p")])
    monkeypatch.setenv("QEMBED_RERANK_API_KEY", "for-reranking")
    reranker_at(server).score([("q", "p")])
    assert server.keys == ["Bearer for-embeddings", "Bearer for-reranking"]


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────

CODE = "Given a coding query, retrieve relevant code snippets"


def told(server: Server) -> list[tuple[str, str | None, str | None]]:
    """(query, instruction, instruct) of each request."""
    return [(b["query"], b.get("instruction"), b.get("instruct")) for b in server.bodies]


def test_each_query_with_its_task(server: Server) -> None:
    pairs = [("fox", "red fox"), ("fox", "a dog"), ("dog", "the dog"), ("dog", "red fox")]
    reranker = reranker_at(server)
    assert reranker.instructed
    got = reranker.score(pairs, None, ["code", None, "find dogs", "find dogs"])
    assert got.tolist() == [1, 0, 1, 0]
    wanted = [("fox", CODE, CODE), ("fox", None, None), ("dog", "find dogs", "find dogs")]
    assert sorted(told(server), key=str) == sorted(wanted, key=str)
    assert reranker.note is None
    with pytest.raises(UsageError, match="did you mean 'code'"):
        reranker.score(pairs, None, ["coed"] * 4)


def test_without_a_task_none_is_sent(server: Server) -> None:
    reranker_at(server).score(PAIRS)
    assert {(i, j) for _, i, j in told(server)} == {(None, None)}


def test_the_task_it_was_opened_with(server: Server) -> None:
    bag = open_model("py:tests.encoders:bag")
    reranker = open_reranker(f"{server.base}#some/reranker", bag, task="code")
    reranker.score([("q", "p"), ("r", "p")], None, [None, "find poems"])
    assert sorted(told(server)) == [("q", CODE, CODE), ("r", "find poems", "find poems")]


@pytest.mark.parametrize("form", ["documents", "texts"])
def test_a_server_that_refuses_an_instruction_is_asked_without(server: Server, form: str) -> None:
    def strict(handler: Handler, body: dict[str, object]) -> bool:
        if "instruct" in body:
            handler.answer({"detail": "extra inputs are not permitted"}, 422)
            return True
        return form == "texts" and stub.tei_rerank(handler, body)

    server.always = strict
    reranker = reranker_at(server)
    got = reranker.score(PAIRS, None, ["code"] * len(PAIRS))
    np.testing.assert_allclose(got, EXPECTED, rtol=0, atol=1e-6)
    assert reranker.note == f"{server.base}/rerank takes no instruction: the task was left out"
    refused = [b for b in server.bodies if "instruct" in b]
    assert len(refused) == 2  # once in each form, and never again
    reranker.score(PAIRS, None, ["code"] * len(PAIRS))
    assert [b for b in server.bodies if "instruct" in b] == refused


def test_an_instruction_that_was_taken_is_not_left_out_later(server: Server) -> None:
    """A text that is refused is refused, and not asked for under another task."""
    reranker = reranker_at(server)
    assert reranker.score([("fox", "red fox")], None, ["code"]).tolist() == [1]
    server.always = stub.status(422, "too long")
    with pytest.raises(EncodingError, match="does not take the query 'fox'"):
        reranker.score([("fox", "red fox")], None, ["code"])
    assert all("instruct" in b for b in server.bodies)
    assert reranker.note is None
