"""Measurements of the HTTP face in Prometheus' text form."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from qembed.serve.server import Server
    from qembed.web.http.calls import Calls

TEXT = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Measurements of one face."""

    def __init__(self, server: Server, calls: Calls, connections: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "qembed_http_requests",
            "Requests by endpoint and status.",
            ("endpoint", "status"),
            registry=self._registry,
        )
        self._errors = Counter(
            "qembed_http_errors", "Errors by their code.", ("code",), registry=self._registry
        )
        self._seconds = Histogram(
            "qembed_http_request_seconds",
            "Seconds from a request's head to its answer.",
            ("endpoint",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "qembed_stage_seconds",
            "Seconds of the stages of answers.",
            ("stage",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_ServerState(server, calls, connections))

    def request(self, endpoint: str, status: int, code: str | None, seconds: float) -> None:
        """Count a request. `code`: of its error, None without one."""
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)
        if code is not None:
            self._errors.labels(code).inc()

    def answered(self, seconds: Mapping[str, float]) -> None:
        """Count the stages of an answer."""
        for stage, took in seconds.items():
            self._stages.labels(stage).observe(took)

    def text(self) -> bytes:
        """All measurements, in the form that Prometheus reads."""
        return generate_latest(self._registry)


class _ServerState(Collector):
    """State of the server, looked at when it is asked for."""

    def __init__(self, server: Server, calls: Calls, connections: Callable[[], int]) -> None:
        self._server = server
        self._calls = calls
        self._connections = connections

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not look at the server to know the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Present values."""
        index = self._server.index
        session, encoder = index.session, index.encoder
        yield _gauge("qembed_http_connections", "Open connections.", self._connections())
        calls = GaugeMetricFamily(
            "qembed_http_calls", "Calls that are answered, by state.", labels=["state"]
        )
        calls.add_metric(["queued"], self._calls.queued)
        calls.add_metric(["running"], self._calls.running)
        yield calls
        yield _counter("qembed_requests", "Requests by any way in.", self._server.requests)
        yield _gauge("qembed_index_generation", "Generation that is served.", index.generation)
        if session is not None:
            manifest = session.snapshot.manifest
            age = time.time() - manifest.committed
            yield _gauge("qembed_index_generation_age_seconds", "Seconds since its commit.", age)
            counts = manifest.counts
            yield _gauge("qembed_index_documents", "Documents.", counts.get("documents", 0))
            yield _gauge("qembed_index_passages", "Passages.", counts.get("passages", 0))
        if encoder is not None:
            yield _counter(
                "qembed_encoder_cache_hits", "Calls answered from the cache.", encoder.hits
            )
            yield _counter(
                "qembed_encoder_cache_misses", "Calls that were encoded.", encoder.misses
            )
            yield _gauge("qembed_encoder_cache_vectors", "Vectors kept.", encoder.cached_vectors)
            yield _gauge("qembed_encoder_waiting", "Calls that wait for a batch.", encoder.waiting)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)
