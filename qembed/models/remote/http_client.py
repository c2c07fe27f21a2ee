"""HTTP endpoint: JSON requests from several threads, repeated where that can help.

429, 408, 5xx, timeouts and lost connections are retried with exponential backoff and jitter, or after the
server's `Retry-After`; all threads pause meanwhile. A status 500 or a connection lost in the middle may also
be one text's doing: the caller can have that raised at once, to send the texts in smaller requests. The key
is read from the environment at each request and stands in no message.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.remote.retry_policy import RetryPolicy, parse_retry_after

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
"""Seconds."""
THREADS = 4
"""Requests in flight at a time."""


class Rejected(Exception):
    """Refusal of a request (400, 413, 422): a smaller one, or another form, may pass."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Crashed(Rejected):
    """Failure that a text of the request may have caused: status 500, a connection lost in the middle."""


class Endpoint:
    """Posts JSON to `url`, from several threads.

    `keys`: environment variables; the first that is set holds the key. `policy`: None for the
    environment's. `hint`: end of the message when retries are used up. `stop`: asked during pauses; True
    ends the request with KeyboardInterrupt.
    """

    stop: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(
        self,
        url: str,
        keys: tuple[str, ...] = ("QEMBED_API_KEY",),
        policy: RetryPolicy | None = None,
        hint: str = "what is committed stays: the same command goes on from there",
    ) -> None:
        self.url = url
        self._hint = hint
        self._keys = keys
        self._policy = policy or RetryPolicy.from_environment()
        self._lock = threading.Lock()
        self._resume_at = 0.0
        self._connected = False
        self._stop = threading.Event()
        self._http: Any = None

    def many(self, calls: Sequence[Callable[[], T]]) -> Iterator[tuple[int, T]]:
        """(position, result) of each call as it completes, THREADS at a time.

        The first error cancels the calls that wait, and ends pauses at once.
        """
        if not calls:
            return
        # imported only where an endpoint is asked
        from concurrent.futures import ThreadPoolExecutor, as_completed

        try:
            with ThreadPoolExecutor(min(THREADS, len(calls))) as pool:
                waiting = {pool.submit(call): i for i, call in enumerate(calls)}
                try:
                    for future in as_completed(waiting):
                        yield waiting[future], future.result()
                except BaseException:
                    self._stop.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            self._stop.clear()

    def post(self, body: dict[str, Any], *, divisible: bool = False) -> Any:
        """Post a request; returns the JSON of the answer. `divisible`: raise Crashed instead of a retry.

        Raises Rejected for a refused request, ModelUnavailable if the server cannot be reached, refuses
        the key, or fails until the retries are used up.
        """
        import httpx2

        timeout = self._policy.timeout
        for attempt in range(self._policy.retries + 1):
            self._wait()
            if self._stop.is_set() and attempt:
                break
            retry_after: float | None = None
            try:
                answer = self._client().post(self.url, json=body, headers=self._headers())
            except httpx2.TimeoutException:
                reason = f"no answer within {timeout:g} s"
            except httpx2.TransportError as e:
                reason = self._clean(str(e)) or type(e).__name__
                if isinstance(e, httpx2.ConnectError) and not self._connected:
                    raise ModelUnavailable(f"{self.url} cannot be reached: {reason}") from e
                if divisible and not isinstance(e, httpx2.ConnectError):
                    raise Crashed(0, reason) from None
            else:
                self._connected = True
                if answer.status_code == 200:
                    return self._json(answer)
                reason = f"status {answer.status_code}: {self._clean(answer.text)}"
                self._check_status(answer.status_code, reason)
                if divisible and answer.status_code == 500:
                    raise Crashed(500, reason)
                retry_after = parse_retry_after(answer.headers.get("retry-after", ""))
            if attempt == self._policy.retries:
                attempt += 1
                break
            self._pause(attempt, retry_after, reason)
        times = "once" if attempt == 1 else f"{attempt} times"
        raise ModelUnavailable(f"{self.url} failed {times}: {reason} ({self._hint})")

    def _check_status(self, status: int, reason: str) -> None:
        """Raise for a status that a retry will not change."""
        if status in (401, 403):
            names = " or ".join(f"${k}" for k in self._keys)
            problem = "the key is not accepted" if self._key() else "a key is wanted"
            raise ModelUnavailable(f"{self.url}: {problem} ({names}): {reason}")
        if status in (400, 413, 422):
            raise Rejected(status, reason)
        if status not in (408, 425, 429) and status < 500:
            raise ModelUnavailable(
                f"{self.url}: {reason} (is the address right? it usually ends in /v1)"
            )

    def _json(self, answer: Any) -> Any:
        try:
            return answer.json()
        except ValueError:
            shown = self._clean(answer.text)
            raise ModelUnavailable(f"{self.url} did not answer in JSON: {shown!r}") from None

    def _pause(self, attempt: int, retry_after: float | None, reason: str) -> None:
        """Delay the next request of every thread. Raises ModelUnavailable for too long a `retry_after`."""
        seconds = self._policy.pause(attempt, retry_after)
        if seconds is None:
            limit = self._policy.longest_retry_after
            raise ModelUnavailable(
                f"{self.url} wants a pause of {retry_after:.0f} s, and {limit:.0f} s are the longest that "
                f"is waited for: {reason}"
            )
        with self._lock:
            now = time.monotonic()
            is_new, self._resume_at = now >= self._resume_at, max(self._resume_at, now + seconds)
        if is_new and retry_after is not None and retry_after >= 1:
            # without a handler, logging prints the bare message on stderr
            _LOG.warning("qembed: %s asks for a pause of %.0f s", self.url, retry_after)

    def _wait(self) -> None:
        with self._lock:
            seconds = self._resume_at - time.monotonic()
        # jitter, so that the threads don't resume in one instant
        until = time.monotonic() + seconds + random.uniform(0, 0.1 * max(seconds, 0))
        while (left := until - time.monotonic()) > 0 and not self._stop.wait(min(left, 0.1)):
            if self.stop():
                raise KeyboardInterrupt

    def _client(self) -> Any:
        import httpx2

        with self._lock:
            if self._http is None:
                timeout = self._policy.timeout
                connect = min(CONNECT_TIMEOUT, timeout)
                self._http = httpx2.Client(timeout=httpx2.Timeout(timeout, connect=connect))
                weakref.finalize(self, self._http.close)
            return self._http

    def _key(self) -> str:
        return next((v for k in self._keys if (v := os.environ.get(k, "").strip())), "")

    def _headers(self) -> dict[str, str]:
        key = self._key()
        if not key.isascii() or not key.isprintable():
            raise UsageError(f"${self._keys[0]} holds characters that no key has")
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _clean(self, text: str) -> str:
        """Shorten a server's text to one line, and remove the key should it repeat that."""
        if key := self._key():
            text = text.replace(key, "…")
        return " ".join(text.split())[:200]
