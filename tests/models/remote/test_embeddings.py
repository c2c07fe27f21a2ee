"""An encoder behind an address gives what the same encoder gives here."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import ModelUnavailable, UsageError
from qembed.models import open_model, open_reranker
from tests import stub
from tests.encoders import DIM, Bag
from tests.models.remote.conftest import TEXTS, model_at
from tests.stub import Server, Trick


@pytest.mark.parametrize("trick", [None, stub.shuffled, stub.in_base64, stub.at_most(5)])
@pytest.mark.slow
def test_the_same_vectors_as_here(server: Server, trick: Trick | None) -> None:
    server.always = trick
    model = model_at(server)
    assert (model.name, model.dim, model.pooling, model.device) == ("bag", DIM, "remote", None)
    got = model.encoder().encode(TEXTS)
    assert (got.dtype, got.shape) == (np.float32, (len(TEXTS), DIM))
    np.testing.assert_allclose(got, Bag().encode(TEXTS), rtol=0, atol=1e-6)
    assert model.encoder().encode([]).shape == (0, DIM)
    assert set(server.paths) == {"/v1/embeddings"}


def test_batches_at_the_same_time(server: Server) -> None:
    def slow(handler: stub.Handler, body: dict) -> bool:
        time.sleep(0.05)
        return False

    server.always = slow
    model_at(server).encoder().encode(TEXTS)
    sizes = [len(body["input"]) for body in server.bodies]
    assert max(sizes) <= 32
    assert sum(sizes) == len(TEXTS) + 1  # the handshake
    assert 1 < server.most <= 4


def test_vectors_are_cut_and_normalised_here(server: Server) -> None:
    server.always = stub.changed(lambda vectors: [[7 * x for x in v] for v in vectors])
    model = model_at(server, "Qwen/Qwen3-Embedding-0.6B", dim=32)
    got = model.encoder().encode(TEXTS[:5])
    cut = Bag().encode(TEXTS[:5])[:, :32]
    expected = cut / np.linalg.norm(cut, axis=1, keepdims=True)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)
    with pytest.raises(
        UsageError, match=r"--dim 31: Qwen/Qwen3-Embedding-0.6B can be cut to 32 to"
    ):
        _ = model_at(server, "Qwen/Qwen3-Embedding-0.6B", dim=31).dim
    with pytest.raises(UsageError, match="--dim 32: bag was not trained to be cut"):
        _ = model_at(server, "bag", dim=32).dim


def test_templates_are_ours(server: Server) -> None:
    model = model_at(server, "intfloat/e5-base-v2")
    assert (model.profile.query, model.profile.passage) == ("query: {query}", "passage: {text}")
    assert model.warning is None
    assert "bag: no profile" in str(model_at(server).warning)


def test_one_model_at_two_addresses_is_one(server: Server) -> None:
    here = model_at(server, "BAAI/bge-m3")
    assert here.revision == open_model("https://elsewhere:1/x#bge-M3").revision
    assert here.revision != model_at(server, "BAAI/bge-small-en").revision
    assert server.bodies == []  # a revision asks nobody


def test_tokens(server: Server, bert: Path) -> None:
    model = model_at(server)
    assert model.count(["", "a fox, here!", "火星是红色的行星"]) == [2, 7, 10]
    assert model.count(["parse_line_into_fields_of_a_record"]) == [13]
    assert model.tokenizer() is None
    known = open_model(f"{server.base}#bag&tokenizer={bert}")
    assert known.count(TEXTS[:20]) == open_model(str(bert)).count(TEXTS[:20])
    assert known.tokenizer() is not None
    with pytest.raises(ModelUnavailable, match=r"nowhere/tokenizer\.json"):
        open_model(f"{server.base}#bag&tokenizer=/nowhere").count(["x"])


def test_no_token_vectors(server: Server) -> None:
    with pytest.raises(UsageError, match="an endpoint gives no token vectors"):
        open_reranker("late", model_at(server))
