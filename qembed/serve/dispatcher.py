"""Request dispatcher: fast requests are answered by the event loop, slow ones by worker threads.

Requests come from connections of the socket and from other faces of the server: all share batches, worker
threads and the index.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from qembed.errors import QembedError
from qembed.models.spec import parse_spec
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.serve.caller import Abandoned, Caller, Outcome
from qembed.serve.connection import Connection
from qembed.serve.handlers import OPERATIONS, Operation, Request
from qembed.serve.live_index import AcquiredLease, LiveIndex, SessionAccess
from qembed.serve.messages import Refused, error_json
from qembed.serve.socket_address import differing_variables, relevant_environment
from qembed.version import __version__

T = TypeVar("T")
RERANK_THREADS = 4
"""Threads for requests that rerank: they share calls of the reranker, and each holds its texts."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request and who made it. `folder`, `environ`: the client's; `environ` as hashes."""

    caller: Caller
    operation: Operation[Any]
    request: Request
    folder: str
    environ: Mapping[str, str]


@dataclass(slots=True)
class _EncodedCall:
    """A fast call whose texts were encoded in `seconds`. `prefetched`: its vectors were scored already."""

    call: Call
    texts: Sequence[str]
    seconds: float
    prefetched: bool = False


class _SocketCaller:
    """Connection as a caller: `reply` sends it a message and closes it, `close` only closes it."""

    def __init__(
        self,
        connection: Connection,
        reply: Callable[[Connection, Mapping[str, Any]], None],
        close: Callable[[Connection], None],
    ) -> None:
        self.mark_running, self.is_closed = connection.mark_running, connection.is_closed
        self._connection = connection
        self._reply, self._close = reply, close

    def finish(self, outcome: Outcome, hold: bool = False) -> None:
        try:
            message = _message(outcome)
        except Exception as e:
            message = _message(e)
        self._reply(self._connection, message)

    def abandon(self) -> None:
        self._close(self._connection)


class Dispatcher:
    """Answers requests. Those of connections are submitted by the event loop's thread, others by any thread.

    `call_soon` has the event loop run a job, `close` ends a connection; both may be called by any thread.
    """

    def __init__(
        self,
        index: LiveIndex,
        threads: int,
        call_soon: Callable[[Callable[[], None]], None],
        close: Callable[[Connection], None],
    ) -> None:
        self.requests = 0
        self._count = itertools.count(1)
        self._index = index
        self._call_soon, self._close = call_soon, close
        self._encoded: deque[_EncodedCall] = deque()
        self._folder = os.getcwd()  # noqa: PTH109
        self._environ = relevant_environment()
        # threads stay for the next request: starting one costs more than a small request
        self._threads = ThreadPoolExecutor(threads, "request")
        self._rerank_threads = ThreadPoolExecutor(RERANK_THREADS, "rerank")
        self._reranks: deque[Call] = deque()
        self._queueing = threading.Lock()

    def submit(self, connection: Connection, body: Mapping[str, Any]) -> None:
        """Answer a connection's message, now or later."""
        connection.state = "queue"
        caller = _SocketCaller(connection, self.reply, self._close)
        try:
            call = self._parse(caller, body)
        except Exception as e:  # malformed: the client's own process may understand it
            self.requests = next(self._count)
            caller.finish(e)
        else:
            self._begin(call)

    def ask(self, caller: Caller, operation: str, request: Request) -> None:
        """Answer a request of this process's own, now or later."""
        self._begin(Call(caller, OPERATIONS[operation], request, self._folder, self._environ))

    def _begin(self, call: Call) -> None:
        self.requests = next(self._count)
        try:
            self._check(call)
        except Exception as e:
            call.caller.finish(e)
        else:
            if self._reranks_texts(call):
                self._queue_rerank(call)
            elif not self._start_encoding(call):
                self._run_in_thread(self._answer_slowly, call, call.caller.abandon)

    def job_done(self) -> None:
        """Tell the encoder that fewer requests are pending: a batch may be due."""
        if (encoder := self._index.encoder) is not None:
            encoder.notify()

    # ── requests ─────────────────────────────────────────────────────────────────────────────────

    def _parse(self, caller: Caller, body: Mapping[str, Any]) -> Call:
        """Call of a message. Raises Refused, and others for a malformed one."""
        name = str(body.get("do"))
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Refused(f"it does not know {name[:40]!r}")
        if (version := body.get("version", __version__)) != __version__:
            raise Refused(f"it is of version {__version__}, not {str(version)[:40]}")
        request = operation.parse(body["request"])
        return Call(caller, operation, request, body["folder"], body["environ"])

    def _check(self, call: Call) -> None:
        """Raise Refused for a call whose answer could differ in the client's own process."""
        request = call.request
        specs = [*request.specs, self._index.spec]
        bound = request.reads_files or any(
            s is not None and parse_spec(s).is_folder_bound for s in specs
        )
        if bound and call.folder != self._folder:
            raise Refused(
                f"it was started in {self._folder}, and what is asked depends on the folder"
            )
        names = differing_variables(self._environ, call.environ, code=bound)
        if names:
            raise Refused(f"it was started with another {', '.join(names)}")
        if request.model is not None and request.model != self._index.spec:
            raise Refused(f"it has loaded {self._index.spec}, not {request.model}")

    # ── requests that rerank ─────────────────────────────────────────────────────────────────────

    def _reranks_texts(self, call: Call) -> bool:
        """True if a call scores pairs of texts, which takes seconds."""
        try:
            return call.operation.reranks(call.request, self._index.session)
        except Exception:  # the answer meets it again and reports it
            return False

    def _queue_rerank(self, call: Call) -> None:
        """Have one of few threads answer a call; drop those that wait and that nobody waits for."""
        with self._queueing:
            waiting, dropped = deque[Call](), list[Call]()
            for c in self._reranks:
                (dropped if c.caller.is_closed() else waiting).append(c)
            self._reranks = waiting
            waiting.append(call)
        for c in dropped:
            c.caller.abandon()
        try:
            self._rerank_threads.submit(self._answer_next_rerank)
        except RuntimeError:  # no more threads
            call.caller.abandon()

    def _answer_next_rerank(self) -> None:
        with self._queueing:
            call = self._reranks.popleft() if self._reranks else None
        if call is not None:
            self._answer_slowly(call)

    # ── fast requests ────────────────────────────────────────────────────────────────────────────

    def _start_encoding(self, call: Call) -> bool:
        """Queue a fast call's texts for encoding; it is answered after that. False for a slow call."""
        session, encoder = self._index.session, self._index.encoder
        if session is None or encoder is None:
            return False
        trial = self._index.trial
        if (
            trial is not None
            and isinstance(call.request, QueryRequest)
            and trial.sides(call.request, session)
        ):
            return False
        try:
            texts = call.operation.texts(call.request, session)
        except Exception:  # the worker thread meets it again and reports it
            return False
        if texts is None:
            return False

        def encoded(seconds: float) -> None:
            self._encoded.append(_EncodedCall(call, texts, seconds))
            self._call_soon(self._answer_encoded)

        return encoder.start(texts, encoded)

    def _answer_encoded(self) -> None:
        """Answer the next encoded call, by a worker thread if the index is not free."""
        encoded = self._encoded.popleft()
        call = encoded.call
        with self._index.try_lease(encoded.seconds) as lease:
            if lease is not None:
                if not encoded.prefetched:
                    with contextlib.suppress(Exception):  # the answer reports it
                        self._prefetch(lease, [encoded, *self._encoded])
                outcome = self._answer(call, lease)
        if lease is None:
            self._run_in_thread(self._answer_slowly, call, call.caller.abandon)
        else:
            call.caller.finish(outcome, hold=True)

    @staticmethod
    def _prefetch(lease: AcquiredLease, calls: Sequence[_EncodedCall]) -> None:
        """Score all encoded calls' vectors in one pass, before they are answered one by one."""
        import numpy as np

        for c in calls:
            c.prefetched = True
        if lease.encoder is None:
            return
        found = [lease.encoder.cached(c.texts) for c in calls if c.texts]
        if vectors := [v for v in found if v is not None]:
            lease.session.search.prefetch(np.concatenate(vectors))

    # ── answers ──────────────────────────────────────────────────────────────────────────────────

    def _answer_slowly(self, call: Call) -> None:
        """Answer a call, waiting for the index."""
        if call.caller.is_closed():
            call.caller.abandon()
        else:
            outcome = self._answer(call, self._index)
            if isinstance(outcome, Abandoned):
                call.caller.abandon()
            else:
                call.caller.finish(outcome)

    def _answer(self, call: Call, index: SessionAccess) -> Outcome:
        def started() -> None:
            if index is self._index and call.caller.is_closed():
                raise Abandoned
            call.caller.mark_running()

        try:
            self._check(call)  # again: another generation may have another model
            return call.operation.answer(call.request, index, started)
        except Exception as e:
            return e

    def reply(self, connection: Connection, body: Mapping[str, Any]) -> None:
        """Send the reply and close; a worker thread does if the client does not take it at once."""
        try:
            rest = connection.send_nowait(body)
        except OSError:
            rest = b""
        if rest:
            self._run_in_thread(
                self._send_rest, (connection, rest), lambda: self._close(connection)
            )
        else:
            self._close(connection)

    def _send_rest(self, left: tuple[Connection, bytes]) -> None:
        connection, rest = left
        try:
            connection.send_rest(rest)
        except OSError:
            pass
        finally:
            self._close(connection)

    def _run_in_thread(
        self, job: Callable[[T], None], what: T, give_up: Callable[[], None]
    ) -> None:
        try:
            self._threads.submit(job, what)
        except RuntimeError:  # no more threads
            give_up()


def _message(outcome: Outcome) -> dict[str, Any]:
    """Message of an outcome. For a bug the client's own process shows its traceback, if it meets it too."""
    if not isinstance(outcome, Exception):
        return {"answer": outcome.to_json()}
    if isinstance(outcome, Refused):
        return {"refused": str(outcome)}
    if isinstance(outcome, QembedError):
        return error_json(outcome)
    return {"refused": f"it failed: {type(outcome).__name__}: {str(outcome)[:200]}"}
