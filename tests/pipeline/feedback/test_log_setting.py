"""Whether queries are logged, how, and as whose."""

from __future__ import annotations

import pytest

from qembed.errors import UsageError
from qembed.pipeline.feedback.log_setting import Client, log_mode, parse_client


def test_the_first_that_says_something_decides() -> None:
    none: dict[str, str] = {}
    assert log_mode(None, None, None, none) == "off"
    assert log_mode(None, None, "on", none) == "on"
    assert log_mode(None, False, "on", none) == "off"
    assert log_mode(None, False, "on", {"QEMBED_LOG": "1"}) == "on"
    assert log_mode(False, True, "on", {"QEMBED_LOG": "1"}) == "off"
    assert log_mode(True, None, None, none) == "on"
    for hashed in ((True, "hashed", None, none), (True, None, "hashed", none),
                   (True, None, None, {"QEMBED_LOG": "hashed"}), (None, True, "hashed", none),
                   (None, None, "hashed", {"QEMBED_LOG": "1"}), (None, "hashed", None, none)):  # fmt: skip
        assert log_mode(*hashed) == "hashed"
    assert log_mode(None, "hashed", "on", {"QEMBED_LOG": "0"}) == "off"
    assert log_mode(False, None, "hashed", none) == "off"
    with pytest.raises(UsageError, match="QEMBED_LOG=maybe"):
        log_mode(None, None, None, {"QEMBED_LOG": "maybe"})


@pytest.mark.parametrize(
    ("text", "client"),
    [
        (None, Client()),
        ("alice", Client("alice")),
        ("agent:x", Client("x", "agent")),
        ("test:", Client("", "test")),
        ("urn:x:1", Client("urn:x:1")),
    ],
)
def test_clients(text: str | None, client: Client) -> None:
    assert parse_client(text) == client
