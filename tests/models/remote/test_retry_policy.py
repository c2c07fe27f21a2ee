"""Pauses between tries, and what a server says of them."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from qembed.errors import UsageError
from qembed.models.remote.retry_policy import RetryPolicy, parse_retry_after

POLICY = RetryPolicy(retries=6, timeout=60, first_pause=0.5, longest_pause=8)


@pytest.mark.parametrize(("attempt", "seconds"), [(0, 0.5), (1, 1), (4, 8), (9, 8)])
def test_pauses_double_up_to_the_longest(attempt: int, seconds: float) -> None:
    pauses = [POLICY.pause(attempt, None) for _ in range(50)]
    assert all(p is not None and seconds / 2 <= p <= seconds for p in pauses)
    assert len(set(pauses)) > 1


def test_a_server_may_ask_for_more_but_not_for_too_much() -> None:
    assert POLICY.pause(0, 7) == 7
    assert POLICY.pause(0, 120) == 120
    assert POLICY.pause(0, 121) is None


def test_retry_after_is_a_number_or_a_date() -> None:
    assert parse_retry_after("2.5") == 2.5
    assert parse_retry_after("-1") == 0
    assert parse_retry_after(formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=3)
    assert parse_retry_after(formatdate(0, usegmt=True)) == 0
    assert parse_retry_after("soon") is None
    assert parse_retry_after("") is None


def test_the_environment_sets_retries_and_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "2")
    monkeypatch.setenv("QEMBED_REMOTE_TIMEOUT", "1.5")
    policy = RetryPolicy.from_environment()
    assert (policy.retries, policy.timeout) == (2, 1.5)
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "many")
    with pytest.raises(UsageError, match="QEMBED_REMOTE_RETRIES=many: a number from 0 on"):
        RetryPolicy.from_environment()
