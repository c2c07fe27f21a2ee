"""The plan of docs/scale.md: its simulation against closed forms, its tables against its assumptions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import billion
from tests.bench.queueing import Cluster, erlang_c, latencies, mean_wait, waits, waits_longer


def test_erlangs_formula_gives_published_values() -> None:
    assert erlang_c(1, 2, 1) == pytest.approx(0.5)  # one server: the load
    assert erlang_c(2, 1, 3) == pytest.approx(4 / 9)  # c = 3, load 2
    assert erlang_c(8, 1, 10) == pytest.approx(0.4092, abs=1e-4)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (2, 0.8), (8, 0.7)])
def test_the_simulation_agrees_with_the_closed_form(servers: int, load: float) -> None:
    rng = np.random.default_rng(servers)
    service = 10.0
    rate = load * servers * service
    n = 200_000
    arrivals = np.cumsum(rng.exponential(1 / rate, n))
    found = waits(arrivals, rng.exponential(1 / service, n), servers)[n // 10 :]
    assert found.mean() == pytest.approx(mean_wait(rate, service, servers), rel=0.06)
    assert np.mean(found > 0) == pytest.approx(erlang_c(rate, service, servers), abs=0.01)
    for seconds in (0.05, 0.2):
        expected = waits_longer(seconds, rate, service, servers)
        assert np.mean(found > seconds) == pytest.approx(expected, abs=0.01)


def test_the_slowest_of_idle_shards_is_the_maximum_of_their_times() -> None:
    # exponential times, no queue: the mean of the slowest of n is the n-th harmonic number
    cluster = Cluster(shards=10, replicas=1, cores=64, service=0.01, spread=1.0, rest=0.005)
    found = latencies(cluster, rate=1.0, queries=20_000, seed=3)
    harmonic = sum(1 / k for k in range(1, 11))
    assert found.mean() == pytest.approx(0.005 + 0.01 * harmonic, rel=0.02)


def test_more_replicas_never_wait_longer_at_one_rate() -> None:
    means = [
        latencies(Cluster(4, r, 2, 0.01, 0.5, 0.0), rate=150, queries=20_000, seed=4).mean()
        for r in (1, 2, 4)
    ]
    assert means[0] > means[1] > means[2]


@pytest.mark.slow
def test_the_tables_are_what_the_assumptions_give() -> None:
    page = billion.PAGE.read_text("utf-8")
    assert billion.rewritten(page) == page, "python -m tests.bench.billion --write"
