"""Answers of a batch: the server hands them to the loop of HTTP together, and keeps none back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from qembed.web.http.calls import MAX_HELD
from tests.web.http.conftest import Site, queries, wait


def stalled(site: Site) -> threading.Event:
    """Event until which the server's event loop answers nothing."""
    go_on = threading.Event()

    def stall() -> None:
        assert go_on.wait(20)

    site.server._loop.call_soon(stall)
    return go_on


@pytest.mark.parametrize("n", [1, MAX_HELD - 1, MAX_HELD, 2 * MAX_HELD + 3])
@pytest.mark.slow
def test_answers_of_a_batch_wake_the_loop_together(
    site: Site, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    wakes: list[str] = []
    call = site.face._loop.call_soon_threadsafe

    def noted(job: Callable[..., Any], *args: Any, **more: Any) -> Any:
        wakes.append(getattr(job, "__name__", ""))
        return call(job, *args, **more)

    monkeypatch.setattr(site.face._loop, "call_soon_threadsafe", noted)
    texts = [f"{text} of {n}" for text in queries(n)]
    expected = [site.get("/search", params={"q": t, "mode": "lexical"})["hits"] for t in texts]
    go_on = stalled(site)
    with ThreadPoolExecutor(n) as pool:
        asked = [
            pool.submit(site.get, "/search", params={"q": t, "mode": "lexical"}) for t in texts
        ]
        wait(lambda: len(site.server._dispatcher._encoded) == n)  # all are ready to be answered
        wakes.clear()
        go_on.set()
        found = [a.result(20)["hits"] for a in asked]
    assert found == expected
    assert wakes.count("take_all") == -(-n // MAX_HELD)
    assert not site.face._service.calls._held
