"""What goes wrong with an endpoint: tried again where it passes, told where it stays."""

from __future__ import annotations

import email.utils
import socket
import threading
import time

import numpy as np
import pytest

from qembed.errors import EncodingError, ModelUnavailable
from qembed.models import open_model
from qembed.models.remote import retry_policy
from tests import stub
from tests.encoders import DIM, Bag
from tests.models.remote.conftest import TEXTS, model_at
from tests.stub import Server, Trick

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
@pytest.mark.slow
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
        (stub.changed(lambda v: v[:-1]), EncodingError, "gave a wrong number of vectors: 0 for 1"),
        (
            stub.changed(lambda v: [*v, v[0]]),
            EncodingError,
            "gave a wrong number of vectors: 2 for 1",
        ),
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
@pytest.mark.slow
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
