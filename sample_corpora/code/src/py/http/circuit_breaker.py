"""Stop calling a remote service for a while once it keeps failing."""

import enum
import threading
import time


class State(enum.Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Rejected(Exception):
    """The breaker is open; the call was not even tried."""


class CircuitBreaker:
    def __init__(self, threshold=5, cooldown=20.0, clock=time.monotonic):
        self.threshold = threshold
        self.cooldown = cooldown
        self._clock = clock
        self._failures = 0
        self._opened_at = None
        self._lock = threading.Lock()

    @property
    def state(self):
        if self._opened_at is None:
            return State.CLOSED
        if self._clock() - self._opened_at >= self.cooldown:
            return State.HALF_OPEN
        return State.OPEN

    def call(self, func, *args, **kwargs):
        with self._lock:
            if self.state is State.OPEN:
                raise Rejected()
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._on_failure()
            raise
        self._on_success()
        return result

    def _on_failure(self):
        with self._lock:
            self._failures += 1
            if self._opened_at is not None or self._failures >= self.threshold:
                self._opened_at = self._clock()

    def _on_success(self):
        with self._lock:
            self._failures = 0
            self._opened_at = None
