"""Calls: requests handed to the server's dispatcher and awaited, and other work on threads of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from qembed.serve.caller import Outcome
from qembed.serve.handlers import Request
from qembed.serve.messages import Refused
from qembed.serve.server import Server
from qembed.web.http.errors import HttpError, too_busy
from qembed.web.http.response import ClientGone, HttpRequest

T = TypeVar("T")
THREADS = 8
"""Threads for work that waits for files: the log of queries, documents."""
MAX_HELD = 8
"""Answers that are handed over at once, in one turn of the loop.

For each of them by itself the loop's thread would wake, and the two threads would wait for one another.
"""
LOOK_SECONDS = 0.1
"""Time before a client that leaves is looked for: that costs a task, and most answers are there before."""


class _Awaiting:
    """Caller of the dispatcher that a coroutine of `loop` awaits."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ended: Callable[[_Awaiting], None],
        hold: Callable[[_Awaiting, Outcome], None],
    ) -> None:
        self.loop = loop
        self._ended, self._hold = ended, hold
        self.future: asyncio.Future[Outcome] = loop.create_future()
        self.running = False
        self.closed = False

    def mark_running(self) -> None:
        self.running = True

    def is_closed(self) -> bool:
        return self.closed

    def finish(self, outcome: Outcome, hold: bool = False) -> None:
        if hold:
            self._hold(self, outcome)
        else:
            _hand_over([(self, outcome)])

    def abandon(self) -> None:
        self.finish(too_busy("the server has no threads left"))

    def take(self, outcome: Outcome) -> None:
        """Give the coroutine its outcome. In the loop's thread."""
        self._ended(self)
        if not self.future.done():
            self.future.set_result(outcome)


def _hand_over(held: Sequence[tuple[_Awaiting, Outcome]]) -> None:
    """Give coroutines of one loop their outcomes. May be called by any thread."""

    def take_all() -> None:
        for caller, outcome in held:
            caller.take(outcome)

    with contextlib.suppress(RuntimeError):  # the face has ended
        held[0][0].loop.call_soon_threadsafe(take_all)


def _look_at(answer: asyncio.Future[Any]) -> None:
    """Look at an answer that nobody waits for: an error that nobody saw would be told at the end."""
    if not answer.cancelled():
        answer.exception()


async def _any_of(*futures: asyncio.Future[Any], seconds: float) -> bool:
    """Wait for the first of these; False if none of them came in time."""
    done, _ = await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


class Calls:
    """Calls of one server. `queued`, `running`: how many there are now.

    A call whose client has left counts until its work is dropped or done.
    """

    def __init__(self, server: Server, seconds: float) -> None:
        self._server = server
        self._seconds = seconds
        self._open: set[_Awaiting] = set()
        self._held: list[tuple[_Awaiting, Outcome]] = []
        self._threads = ThreadPoolExecutor(THREADS, "http")
        self._ending: set[asyncio.Future[None]] = set()
        self._ended = False

    @property
    def running(self) -> int:
        """Number of calls that wait for no other one."""
        return sum(call.running for call in self._open)

    @property
    def queued(self) -> int:
        """Number of calls that wait for others: for a batch, a thread or the index."""
        return len(self._open) - self.running

    async def ask(self, request: HttpRequest, operation: str, asked: Request) -> Any:
        """Answer of the server to a request whose body was read.

        Raises what answering raised, HttpError if it takes too long, ClientGone.
        """
        caller = _Awaiting(asyncio.get_running_loop(), self._open.discard, self._hold)
        self._open.add(caller)
        try:
            self._server.ask(caller, operation, asked)
            outcome = await self._first(request, caller.future)
        finally:
            caller.closed = True
        if isinstance(outcome, Refused):
            raise HttpError(409, "refused", f"the server does not answer that: {outcome}")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _hold(self, caller: _Awaiting, outcome: Outcome) -> None:
        self._held.append((caller, outcome))
        if len(self._held) >= MAX_HELD:
            self.flush()

    def flush(self) -> None:
        """Hand over the answers that were kept back. In the thread of the server's event loop."""
        if self._held:
            held, self._held = self._held, []
            _hand_over(held)

    async def run(self, request: HttpRequest, work: Callable[[], T]) -> T:
        """Result of work that may block, in a thread. Raises as `ask`."""
        loop = asyncio.get_running_loop()
        self._server.touch()
        return await self._first(request, loop.run_in_executor(self._threads, work))

    async def _first(self, request: HttpRequest, answer: asyncio.Future[T]) -> T:
        """The answer, if it comes in time and before the client leaves."""
        ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ending.add(ending)
        if self._ended:
            ending.set_result(None)
        gone: asyncio.Task[None] | None = None
        try:
            look = min(LOOK_SECONDS, self._seconds)
            done = await _any_of(answer, ending, seconds=look)
            if not done:
                gone = asyncio.create_task(request.gone())
                await _any_of(answer, gone, ending, seconds=self._seconds - look)
            if answer.done():
                return answer.result()
            if gone is not None and gone.done():
                raise ClientGone
            if ending.done():
                raise too_busy("the server stopped before the answer", code="stopping")
        finally:
            self._ending.discard(ending)
            if gone is not None:
                gone.cancel()
            self._server.touch()
            answer.add_done_callback(_look_at)
        raise too_busy(f"no answer within {self._seconds:g} seconds", code="timeout")

    def end(self) -> None:
        """Give up what has no answer yet: it is told that the server stops. In the loop's thread."""
        self._ended = True
        for ending in self._ending:
            if not ending.done():
                ending.set_result(None)

    def close(self) -> None:
        """Wait for no work that is left."""
        self._threads.shutdown(wait=False, cancel_futures=True)
