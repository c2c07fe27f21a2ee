"""Queues of a search over shards: a simulation, and the closed form of one shard (M/M/c)."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]


def erlang_c(arrival: float, service: float, servers: int) -> float:
    """Probability that a customer of M/M/c waits. `arrival`, `service`: rates a second."""
    load = arrival / service
    if load >= servers:
        return 1.0
    term, below = 1.0, 1.0
    for k in range(1, servers):
        term *= load / k
        below += term
    full = term * load / servers * servers / (servers - load)
    return full / (below + full)


def mean_wait(arrival: float, service: float, servers: int) -> float:
    """Mean wait of M/M/c in seconds, those included who do not wait."""
    return erlang_c(arrival, service, servers) / (servers * service - arrival)


def waits_longer(seconds: float, arrival: float, service: float, servers: int) -> float:
    """Probability that a customer of M/M/c waits longer."""
    rate = servers * service - arrival
    return erlang_c(arrival, service, servers) * float(np.exp(-rate * seconds))


def waits(arrivals: Times, services: Times, servers: int) -> Times:
    """Waits of customers who are served in their order by the first of `servers` that is free."""
    free = [0.0] * servers
    out = np.empty(len(arrivals))
    for i, (at, takes) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        begin = max(at, free[0])
        heapq.heapreplace(free, begin + takes)
        out[i] = begin - at
    return out


class Cluster(NamedTuple):
    """Shards, each searched by `replicas` nodes of `cores`; a query goes to one node of every shard.

    `service`: mean seconds of a search of one shard on one core; `spread`: its coefficient of variation, of
    a gamma distribution; `rest`: seconds of a query beside it (network, merge, the query's vector).
    """

    shards: int
    replicas: int
    cores: int
    service: float
    spread: float
    rest: float

    @property
    def capacity(self) -> float:
        """Queries a second beyond which queues grow without end."""
        return self.replicas * self.cores / self.service


def latencies(cluster: Cluster, rate: float, queries: int, seed: int) -> Times:
    """Seconds of each query of a Poisson stream: the slowest of its shards counts.

    The first tenth is left out. Queries go to the replicas of a shard by chance, as a balancer sends them
    that does not know of queues.
    """
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, queries))
    shape = 1 / cluster.spread**2
    slowest = np.zeros(queries)
    for _ in range(cluster.shards):
        services = rng.gamma(shape, cluster.service / shape, queries)
        node = rng.integers(cluster.replicas, size=queries)
        for r in range(cluster.replicas):
            mine = np.flatnonzero(node == r)
            took = services[mine] + waits(arrivals[mine], services[mine], cluster.cores)
            slowest[mine] = np.maximum(slowest[mine], took)
    return slowest[queries // 10 :] + cluster.rest
