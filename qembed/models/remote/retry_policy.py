"""Retry policy of requests: how often, how long to pause, how long to wait for an answer."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass

from qembed.errors import UsageError

TIMEOUT = 60.0
"""Seconds for one answer; $QEMBED_REMOTE_TIMEOUT."""
RETRIES = 6
"""Tries after the first; $QEMBED_REMOTE_RETRIES."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds: the first pause, doubled for each further try; the longest of these."""
LONGEST_RETRY_AFTER = 120.0
"""Seconds that a server's `Retry-After` may ask for."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter. `retries`: tries after the first; the others in seconds."""

    retries: int
    timeout: float
    first_pause: float
    longest_pause: float
    longest_retry_after: float = LONGEST_RETRY_AFTER

    @classmethod
    def from_environment(cls) -> RetryPolicy:
        """Policy of the environment variables, else of the defaults. Raises UsageError."""
        return cls(
            retries=int(_number("QEMBED_REMOTE_RETRIES", RETRIES)),
            timeout=_number("QEMBED_REMOTE_TIMEOUT", TIMEOUT),
            first_pause=FIRST_PAUSE,
            longest_pause=LONGEST_PAUSE,
        )

    def pause(self, attempt: int, retry_after: float | None) -> float | None:
        """Seconds before the next try, at least `retry_after`; None if that is above what is allowed.

        `attempt`: tries that failed before this one.
        """
        if retry_after is not None and retry_after > self.longest_retry_after:
            return None
        backoff = min(self.first_pause * 2.0**attempt, self.longest_pause) * random.uniform(0.5, 1)
        return max(backoff, retry_after or 0)


def parse_retry_after(text: str) -> float | None:
    """Seconds in a `Retry-After` header, which holds a number or a date; None if it holds neither."""
    from email.utils import parsedate_to_datetime

    try:
        return max(float(text), 0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0)
    except (ValueError, TypeError):
        return None


def _number(name: str, default: float) -> float:
    """Number in an environment variable, `default` without one. Raises UsageError."""
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1e6:
        raise UsageError(f"${name}={text}: a number from 0 on is wanted")
    return value
