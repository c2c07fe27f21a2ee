"""Addresses of endpoints, and the key, which is sent and never said."""

from __future__ import annotations

import pytest

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models import open_model
from qembed.models.remote.address import Address, parse_address, without_credentials
from tests import stub
from tests.encoders import DIM
from tests.models.remote.conftest import model_at
from tests.stub import Server

KEY = "sk-very-secret-0123456789"


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
        f"http://me:{KEY}/x@host/v1#m",
    ],
)
def test_an_address_with_a_key_is_refused_and_not_repeated(spec: str) -> None:
    with pytest.raises(UsageError, match="the key goes into") as caught:
        open_model(spec)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ("http://me:pw@h:80/v1?key=k#a@b", "http://***@h:80/v1?***#a@b"),
        ("http://me:p/w@h/v1#m", "http://***@h/v1#m"),
        ("ftp://me@h/x", "ftp://***@h/x"),
        ("http://[::1]:8/v1#m@rev", "http://[::1]:8/v1#m@rev"),
        ("org/name@rev", "org/name@rev"),
        ("py:a:b", "py:a:b"),
    ],
)
def test_what_is_shown_of_an_address(spec: str, shown: str) -> None:
    assert without_credentials(spec) == shown


# ── addresses ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("http://h:80/v1#a/b", Address("http://h:80/v1", "a/b")),
        ("https://h/v1/#m:latest", Address("https://h/v1", "m:latest")),
        ("http://[::1]:8/v1#m", Address("http://[::1]:8/v1", "m")),
        ("http://h/v1?#m?x", Address("http://h/v1", "m?x")),
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
