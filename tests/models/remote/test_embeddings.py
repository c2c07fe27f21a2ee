"""An encoder behind an address: as good as the same encoder here, whatever the server does to it."""

from __future__ import annotations

import email.utils
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models import Model, open_model, open_reranker
from qembed.models.remote import retry_policy
from qembed.models.remote.address import Address, parse_address
from tests import stub
from tests.encoders import DIM, Bag
from tests.stub import Server, Trick

TEXTS = [f"text {i} " + "word " * (i % 13) for i in range(150)] + ["火星是红色的行星", "x"]
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses, no proxy, no key of the developer's."""
    monkeypatch.setattr(retry_policy, "FIRST_PAUSE", 0.005)
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("QEMBED_API_KEY", "QEMBED_RERANK_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with stub.serving() as made:
        yield made


def model_at(server: Server, name: str = "bag", dim: int | None = None) -> Model:
    return open_model(f"{server.base}#{name}", dim=dim)


# ── what it gives ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trick", [None, stub.shuffled, stub.in_base64, stub.at_most(5)])
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


# ── what goes wrong and passes ───────────────────────────────────────────────────────────────────

date = email.utils.formatdate(time.time() - 5, usegmt=True)


@pytest.mark.parametrize(
    "tricks",
    [
        [stub.status(429)],
        [stub.status(429, retry_after="0.02")],
        [stub.status(503, retry_after=date)],
        [stub.status(429, retry_after="soon")],
        [stub.status(500), stub.status(502), stub.status(504)],
        [stub.status(408), stub.drop],
        [stub.drop, stub.status(429), stub.drop],
    ],
)
def test_it_is_tried_again(server: Server, tricks: list[Trick]) -> None:
    model = model_at(server)
    encoder = model.encoder()
    server.tricks = list(tricks)
    got = encoder.encode(TEXTS)
    np.testing.assert_allclose(got, Bag().encode(TEXTS), rtol=0, atol=1e-6)
    assert server.tricks == []


@pytest.mark.slow
def test_a_pause_that_is_asked_for_is_kept_by_all(server: Server) -> None:
    encoder = model_at(server).encoder()
    server.tricks = [stub.status(429, retry_after="0.3")]
    began = time.monotonic()
    encoder.encode(TEXTS)
    assert time.monotonic() - began >= 0.3


@pytest.mark.slow
def test_a_hanging_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_REMOTE_TIMEOUT", "0.15")
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "1")
    encoder = model_at(server).encoder()
    server.tricks = [stub.hang]
    assert encoder.encode(["x"]).shape == (1, DIM)
    server.always = stub.hang
    with pytest.raises(ModelUnavailable, match=r"failed 2 times: no answer within 0\.15 s"):
        encoder.encode(["x"])


# ── what goes wrong and stays ────────────────────────────────────────────────────────────────────


def bad(x: object) -> Trick:
    """Puts `x` into the last vector."""
    return stub.changed(lambda vectors: [*vectors[:-1], [*vectors[-1][:-1], x]])


@pytest.mark.parametrize(
    ("trick", "error", "message"),
    [
        (
            stub.status(500, "out of memory"),
            ModelUnavailable,
            "failed 3 times: status 500: .*memory",
        ),
        (stub.status(500), ModelUnavailable, "what is committed stays"),
        (stub.status(429, retry_after="3600"), ModelUnavailable, "wants a pause of 3600 s"),
        (stub.status(401), ModelUnavailable, r"a key is wanted \(\$QEMBED_API_KEY\)"),
        (stub.status(404), ModelUnavailable, r"status 404: .*usually ends in /v1"),
        (stub.status(307, location="http://x/"), ModelUnavailable, "status 307"),
        (
            stub.status(400, "too long"),
            EncodingError,
            "does not take the text 'a longer .*: status 400",
        ),
        (
            stub.says("<html>Bad gateway"),
            ModelUnavailable,
            "not answer in JSON: '<html>Bad gateway'",
        ),
        (stub.says({"error": "x"}), EncodingError, "no embeddings in its answer"),
        (stub.says([]), EncodingError, "no embeddings in its answer"),
        (stub.says({"data": [1]}), EncodingError, "no embeddings in its answer"),
        (stub.changed(lambda v: v[:-1]), EncodingError, "gave 0 vectors for 1 texts"),
        (stub.changed(lambda v: [*v, v[0]]), EncodingError, "gave 2 vectors for 1 texts"),
        (
            stub.changed(lambda v: [x[:20] for x in v]),
            EncodingError,
            r"vectors of \[20\] dimensions",
        ),
        (stub.changed(lambda v: [v[0], v[1][:9]]), EncodingError, r"gave 9 dimensions for 'fox'"),
        (stub.changed(lambda v: [v[0], [0.0] * DIM]), EncodingError, "zeros only .* 'fox'"),
        (stub.changed(lambda v: [v[0], None]), EncodingError, "no vector for the text 'fox': None"),
        (stub.changed(lambda v: [v[0], "%%%"]), EncodingError, "no vector for the text 'fox'"),
        (bad(None), EncodingError, "no vector for the text 'fox'"),
        (bad("high"), EncodingError, "no vector for the text 'fox'"),
        (bad(float("nan")), EncodingError, "NaN, infinity or zeros only for the text 'fox'"),
        (bad(float("inf")), EncodingError, "NaN, infinity or zeros only for the text 'fox'"),
    ],
)
def test_it_ends_with_a_clear_message(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    trick: Trick,
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "2")
    encoder = model_at(server).encoder()
    server.always = trick
    with pytest.raises(error, match=message) as caught:
        encoder.encode(["a longer text than the other", "fox"])
    assert server.base in str(caught.value)
    server.always = None  # and it can be used again
    assert encoder.encode(["fox"]).shape == (1, DIM)


def test_indexes_that_are_none(server: Server) -> None:
    encoder = model_at(server).encoder()
    v = [1.0] * DIM
    for indexes in ([0, 0], [1, 2], ["a", "b"]):
        server.always = stub.says({"data": [{"index": i, "embedding": v} for i in indexes]})
        with pytest.raises(EncodingError, match="gave vectors with indexes"):
            encoder.encode(["a", "b"])
    server.always = stub.says({"data": [{"embedding": v}, {"embedding": v}]})
    assert encoder.encode(["a", "b"]).shape == (2, DIM)  # none at all: in the order they came


def test_a_dead_port() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(ModelUnavailable, match=f"127.0.0.1:{port}/v1/embeddings cannot be reached"):
        _ = open_model(f"http://127.0.0.1:{port}/v1#bag").dim
    assert time.monotonic() - began < 2  # at the first contact nothing is waited for


def test_one_failure_ends_the_others(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_policy, "FIRST_PAUSE", 5.0)
    encoder = model_at(server).encoder()
    together = threading.Barrier(3)  # all three are on their way before any is answered

    def met(trick: Trick) -> Trick:
        def first(handler: stub.Handler, body: dict) -> bool:
            together.wait(10)
            return trick(handler, body)

        return first

    server.tricks = [met(stub.status(code)) for code in (500, 500, 401)]
    began = time.monotonic()
    with pytest.raises(ModelUnavailable):
        encoder.encode(TEXTS)
    assert time.monotonic() - began < 2


# ── the key ──────────────────────────────────────────────────────────────────────────────────────


def test_the_key_is_sent_and_never_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_at(server)
    assert model.encoder().encode(["x"]).shape == (1, DIM)
    assert set(server.keys) == {None}
    monkeypatch.setenv("QEMBED_API_KEY", KEY)
    model.encoder().encode(["x"])
    assert server.keys[-1] == f"Bearer {KEY}"
    for code in (400, 401, 404, 500):
        monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "0")
        server.always = stub.status(code, f"Incorrect API key provided: {KEY}")
        with pytest.raises((ModelUnavailable, EncodingError)) as caught:
            model_at(server).encoder().encode(["x"])
        assert KEY not in str(caught.value)
    assert KEY not in repr(vars(model))
    monkeypatch.setenv("QEMBED_API_KEY", "two\nlines")
    with pytest.raises(UsageError, match="holds characters that no key has"):
        model.encoder().encode(["x"])


@pytest.mark.parametrize(
    "spec",
    [
        f"http://me:{KEY}@host/v1#m",
        f"http://{KEY}@host/v1#m",
        f"https://host/v1?api_key={KEY}#m",
    ],
)
def test_an_address_with_a_key_is_refused_and_not_repeated(spec: str) -> None:
    with pytest.raises(UsageError, match="the key goes into") as caught:
        open_model(spec)
    assert KEY not in str(caught.value)


# ── addresses ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("http://h:80/v1#a/b", Address("http://h:80/v1", "a/b")),
        ("https://h/v1/#m:latest", Address("https://h/v1", "m:latest")),
        ("http://[::1]:8/v1#m", Address("http://[::1]:8/v1", "m")),
        ("http://h#m&tokenizer=~/t#1", Address("http://h", "m", "~/t#1")),
    ],
)
def test_addresses(spec: str, address: Address) -> None:
    assert parse_address(spec) == address


@pytest.mark.parametrize(
    "spec", ["http://", "http://h/v1", "http://h/v1#", "http://:80/v1#m", "http://h:port/v1#m"]
)
def test_addresses_that_are_none(spec: str) -> None:
    with pytest.raises(UsageError, match=r"http\(s\)://host:port/v1#model is wanted"):
        open_model(spec)


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "1e9"])
def test_numbers_of_the_environment(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("QEMBED_REMOTE_TIMEOUT", value)
    with pytest.raises(UsageError, match=rf"\$QEMBED_REMOTE_TIMEOUT={value}: a number"):
        open_model("http://h/v1#m")
