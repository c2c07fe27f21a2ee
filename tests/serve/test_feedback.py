"""Logged queries through a server: the client logs, in whatever environment the server was started."""

from __future__ import annotations

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from tests.serve.conftest import Running

pytestmark = pytest.mark.slow


def test_a_served_query_is_logged_by_its_client(running: Running) -> None:
    docs, store = running.shell, LogStore(running.index)
    args = ("query", "money", "--format", "json")
    before = running.requests
    done = docs(*args, QEMBED_LOG="1", QEMBED_CLIENT="agent:a", QEMBED_SESSION="s")
    assert running.requests == before + 1
    (query,) = read_records(store)
    assert query.query_id == done.json["queries"][0]["logged_as"]
    assert (query.client_id, query.client_kind, query.session_id) == ("a", "agent", "s")
    assert docs("feedback", "log", "on").code == 0  # noticed without another start
    assert "logged as " in docs("query", "money").err
    assert running.requests == before + 2
    own = docs(*args, "--log", "--no-server").json["queries"][0]
    served = docs(*args, "--log").json["queries"][0]
    assert running.requests == before + 3
    assert own["hits"][0]["document"] == served["hits"][0]["document"]
    _, _, one, two = read_records(store)
    assert (one.text, one.settings, one.shown) == (two.text, two.settings, two.shown)
