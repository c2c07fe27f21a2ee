"""One HTTP endpoint: where it is, and requests that are sent again while that can help.

    http(s)://host:port/v1#model                        the model's name as the server knows it
    http(s)://host:port/v1#model&tokenizer=./folder     and a tokenizer.json to count tokens with

429, 408, 5xx, timeouts and lost connections are tried again with exponential backoff and jitter, or when
`Retry-After` says; meanwhile all threads wait. The key is read from the environment when a request is
made: it is in no message, and an address that holds one is refused, because addresses are stored.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from qembed.errors import ModelUnavailable, UsageError

T = TypeVar("T")

TIMEOUT = 60.0
"""Seconds for one answer; $QEMBED_REMOTE_TIMEOUT."""
CONNECT = 10.0
THREADS = 4
"""Requests on their way at a time."""
RETRIES = 6
"""Tries after the first; $QEMBED_REMOTE_RETRIES."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds: the first pause, doubled each time; the longest that a server may ask for."""


class Rejected(Exception):
    """The server will not have this request (400, 413, 422): a smaller one, or another form, may do."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """A spec taken apart. `tokenizer`: a local folder, "" if none was named."""

    url: str
    model: str
    tokenizer: str = ""


def parse_address(spec: str) -> Address:
    """The address that `spec` names. Raises UsageError."""
    form = "http(s)://host:port/v1#model is wanted"
    try:
        parts = urlsplit(spec)
        parts.port  # noqa: B018 - raises ValueError for a port that is none
    except ValueError as e:
        raise UsageError(f"{spec}: {e} ({form})") from None
    if parts.username is not None or parts.password is not None or parts.query:
        # not repeated: it may hold a key
        raise UsageError(
            "an address may hold no user, password or query, because it is stored with the index: the "
            "key goes into $QEMBED_API_KEY"
        )
    model, _, tokenizer = parts.fragment.partition("&tokenizer=")
    if not parts.hostname or not model:
        raise UsageError(f"{spec}: {form}")
    return Address(f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), model, tokenizer)


class Endpoint:
    """Posts JSON to `url`. Used from several threads. `keys`: environment variables, the first set one
    holds the key."""

    def __init__(self, url: str, keys: tuple[str, ...] = ("QEMBED_API_KEY",)) -> None:
        self.url = url
        self._keys = keys
        self._retries = int(_number("QEMBED_REMOTE_RETRIES", RETRIES))
        self._timeout = _number("QEMBED_REMOTE_TIMEOUT", TIMEOUT)
        self._lock = threading.Lock()
        self._resume = 0.0
        self._met = False
        self._stop = threading.Event()
        self._made: Any = None

    def many(self, calls: Sequence[Callable[[], T]]) -> Iterator[tuple[int, T]]:
        """(position, result) of each call as they come, THREADS at a time.

        The first that raises ends the others: what waits is not sent, and no pause is kept.
        """
        if not calls:
            return
        # not needed, and not paid for, where no endpoint is asked
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

    def post(self, body: dict[str, Any]) -> Any:
        """The answer's JSON.

        Raises Rejected for what the server does not take, ModelUnavailable when it cannot be reached, does
        not let us in, or fails until the tries are used up.
        """
        import httpx2

        for attempt in range(self._retries + 1):
            self._wait()
            if self._stop.is_set() and attempt:
                break
            asked: float | None = None
            try:
                answer = self._client().post(self.url, json=body, headers=self._headers())
            except httpx2.TimeoutException:
                reason = f"no answer within {self._timeout:g} s"
            except httpx2.TransportError as e:
                reason = self._clean(str(e)) or type(e).__name__
                if isinstance(e, httpx2.ConnectError) and not self._met:
                    raise ModelUnavailable(f"{self.url} cannot be reached: {reason}") from e
            else:
                self._met = True
                if answer.status_code == 200:
                    return self._json(answer)
                reason = f"status {answer.status_code}: {self._clean(answer.text)}"
                self._refuse(answer.status_code, reason)
                asked = _retry_after(answer.headers.get("retry-after", ""))
            if attempt == self._retries:
                attempt += 1
                break
            self._pause(attempt, asked, reason)
        raise ModelUnavailable(
            f"{self.url} failed {attempt} times: {reason} (what is committed stays: the same command "
            "goes on from there)"
        )

    def _refuse(self, status: int, reason: str) -> None:
        """Raises for an answer that will not change by asking again."""
        if status in (401, 403):
            names = " or ".join(f"${k}" for k in self._keys)
            held = "the key is not accepted" if self._key() else "a key is wanted"
            raise ModelUnavailable(f"{self.url}: {held} ({names}): {reason}")
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

    def _pause(self, attempt: int, asked: float | None, reason: str) -> None:
        """Every thread's next request waits. Raises ModelUnavailable if the server wants it too long."""
        if asked is not None and asked > LONGEST_PAUSE:
            raise ModelUnavailable(f"{self.url} wants a pause of {asked:.0f} s: {reason}")
        pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1)
        with self._lock:
            self._resume = max(self._resume, time.monotonic() + max(pause, asked or 0))

    def _wait(self) -> None:
        with self._lock:
            seconds = self._resume - time.monotonic()
        if seconds > 0:
            # a little apart, so that all threads don't come back in one instant
            self._stop.wait(seconds + random.uniform(0, 0.1 * seconds))

    def _client(self) -> Any:
        import httpx2

        with self._lock:
            if self._made is None:
                timeout = httpx2.Timeout(self._timeout, connect=min(CONNECT, self._timeout))
                self._made = httpx2.Client(timeout=timeout)
                weakref.finalize(self, self._made.close)
            return self._made

    def _key(self) -> str:
        return next((v for k in self._keys if (v := os.environ.get(k, "").strip())), "")

    def _headers(self) -> dict[str, str]:
        key = self._key()
        if not key.isascii() or not key.isprintable():
            raise UsageError(f"${self._keys[0]} holds characters that no key has")
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _clean(self, text: str) -> str:
        """One short line, without the key should a server repeat it."""
        if key := self._key():
            text = text.replace(key, "…")
        return " ".join(text.split())[:200]


def _number(name: str, default: float) -> float:
    """A number from the environment. Raises UsageError."""
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


def _retry_after(text: str) -> float | None:
    """Seconds a `Retry-After` asks for, as a number or a date; None if it says neither."""
    from email.utils import parsedate_to_datetime

    try:
        return max(float(text), 0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0)
    except (ValueError, TypeError):
        return None
