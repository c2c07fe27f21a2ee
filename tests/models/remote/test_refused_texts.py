"""One text that a server refuses or fails at, told from an outage; pauses that a server asks for."""

from __future__ import annotations

import email.utils
import threading
import time
from typing import Any

import numpy as np
import pytest

from qembed.errors import EncodingError, ModelUnavailable, TextsRefused
from qembed.models import open_model
from qembed.protocols import Encoder
from tests import stub
from tests.encoders import DIM, Bag
from tests.stub import Handler, Server, Trick

TEXTS = [f"text number {i}" for i in range(31)] + ["some poison here"]
"""One request."""


@pytest.fixture(autouse=True)
def retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "2")


@pytest.fixture
def encoder(server: Server) -> Encoder:
    made = open_model(f"{server.base}#bag").encoder()
    server.bodies.clear()
    return made


def spoiled(*values: object) -> Trick:
    """Puts `values` in the place of the vector of the text with "poison"."""

    def trick(handler: Handler, body: dict[str, Any]) -> bool:
        vectors: list[Any] = handler.vectors(body)
        at = next(i for i, text in enumerate(body["input"]) if "poison" in text)
        handler.embeddings([*vectors[:at], *values, *vectors[at + 1 :]])
        return True

    return trick


@pytest.mark.parametrize(
    "trick",
    [
        *(stub.status(code, "too strange") for code in (400, 413, 422, 500)),
        stub.drop,
        spoiled(),
        spoiled(None),
        spoiled([0.0] * DIM),
        spoiled([float("nan")] * DIM),
        spoiled([float("inf")] * DIM),
        spoiled([1.0] * 5),
    ],
)
@pytest.mark.slow
def test_one_text_is_refused_and_the_others_have_vectors(
    server: Server, encoder: Encoder, trick: Trick
) -> None:
    server.always = stub.on_poison(trick)
    texts = [*TEXTS[:10], TEXTS[-1], *TEXTS[10:-1]]
    with pytest.raises(TextsRefused) as caught:
        encoder.encode(texts)
    assert list(caught.value.reasons) == [10]
    assert "some poison here" in caught.value.reasons[10]
    others = [i for i in range(32) if i != 10]
    wanted = Bag().encode([texts[i] for i in others])
    np.testing.assert_allclose(caught.value.vectors[others], wanted, rtol=0, atol=1e-6)
    assert not caught.value.vectors[10].any()
    assert len(server.bodies) <= 1 + 2 * 5 + 2, "halves of 32, the probe, and once more"


@pytest.mark.parametrize("trick", [stub.status(500), stub.drop], ids=["500", "drop"])
def test_a_failure_that_passes_refuses_nothing(
    server: Server, encoder: Encoder, trick: Trick
) -> None:
    server.tricks = [trick]
    np.testing.assert_allclose(encoder.encode(TEXTS), Bag().encode(TEXTS), rtol=0, atol=1e-6)
    server.tricks = [trick]
    assert encoder.encode(["alone"]).shape == (1, DIM)


@pytest.mark.parametrize("trick", [stub.status(500), stub.drop], ids=["500", "drop"])
def test_an_outage_is_no_refusal(server: Server, encoder: Encoder, trick: Trick) -> None:
    assert encoder.encode(["it works"]).shape == (1, DIM)
    server.bodies.clear()
    server.always = trick
    with pytest.raises(ModelUnavailable, match="failed 3 times"):
        encoder.encode(TEXTS)
    assert len(server.bodies) <= 6 + 1 + 3, "halves down to one text, the probe, three tries"


def test_a_server_that_refuses_every_text_is_asked_a_few_times(
    server: Server, encoder: Encoder
) -> None:
    server.always = stub.status(400, "no such model")
    with pytest.raises(EncodingError, match="no such model") as caught:
        encoder.encode(TEXTS)
    assert not isinstance(caught.value, TextsRefused)
    assert len(server.bodies) <= 6 + 1


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.slow
def test_a_pause_that_is_asked_for_is_told(
    server: Server, encoder: Encoder, caplog: pytest.LogCaptureFixture, as_date: bool
) -> None:
    until = email.utils.formatdate(time.time() + 2.5, usegmt=True) if as_date else "1"
    server.tricks = [stub.status(429, retry_after=until)]
    began = time.monotonic()
    assert encoder.encode(["x"]).shape == (1, DIM)
    assert time.monotonic() - began >= 1
    assert f"{server.base}/embeddings asks for a pause of " in caplog.text


def test_more_than_two_minutes_are_not_waited_for(server: Server, encoder: Encoder) -> None:
    server.always = stub.status(429, retry_after="121")
    began = time.monotonic()
    with pytest.raises(ModelUnavailable, match="wants a pause of 121 s, and 120 s are the longest"):
        encoder.encode(["x"])
    assert time.monotonic() - began < 5


def test_a_stop_ends_a_pause_at_once(server: Server) -> None:
    model = open_model(f"{server.base}#bag")
    stopped = threading.Event()
    model.prepare(print, stopped.is_set)
    encoder = model.encoder()
    server.always = stub.status(429, retry_after="60")
    threading.Timer(0.2, stopped.set).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        encoder.encode(TEXTS)
    assert time.monotonic() - began < 5
