"""What becomes of a request: answered when the loop comes to it, or by a thread that may wait."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from qembed.pipeline.retrieval.session import Session
from qembed.serve.connection import Connection
from qembed.serve.live_index import AcquiredLease, LiveIndex, SessionAccess
from qembed.serve.socket_address import differing_variables, folder_bound, relevant_environment
from qembed.version import __version__

Request = Mapping[str, Any]
Handler = Callable[[Request, SessionAccess, Callable[[], None]], dict[str, Any]]
"""A request to what the command would have written, its errors included. The third: for `turn`."""
Quick = Callable[[Request, Session], Sequence[str] | None]
"""The texts that have to be encoded for a request that then takes but milliseconds; None if it may take long.

Looks at nothing but the model and the manifest.
"""


class Refused(Exception):
    """What a server leaves to the client's own process, and why."""


@dataclass(slots=True)
class _Ready:
    """A request whose texts were encoded in `seconds`. `seen`: the vectors near them were looked for."""

    call: Connection
    request: Request
    texts: Sequence[str]
    seconds: float
    seen: bool = False


class Dispatcher:
    """Takes requests in the loop's thread. `later` has a job done there, `end` hangs up; from any thread."""

    def __init__(
        self,
        warm: LiveIndex,
        handlers: Mapping[str, Handler],
        quick: Mapping[str, Quick],
        threads: int,
        later: Callable[[Callable[[], None]], None],
        end: Callable[[Connection], None],
    ) -> None:
        self.requests = 0
        self._warm, self._handlers, self._quick = warm, handlers, quick
        self._later, self._end = later, end
        self._ready: deque[_Ready] = deque()
        self._folder = os.getcwd()  # noqa: PTH109
        self._environ = relevant_environment()
        # kept for the next request: starting a thread costs more than a small one
        self._threads = ThreadPoolExecutor(threads, "call")

    def take(self, call: Connection, request: dict[str, Any]) -> None:
        """Answers when it can be done at once, else in a thread that may wait."""
        call.state = "queue"
        self.requests += 1
        if not self._soon(call, request):
            self._hand(self._slowly, call, request)

    def rested(self) -> None:
        """A job was done: there may be enough now that waits to be encoded."""
        if (encoder := self._warm.encoder) is not None:
            encoder.look()

    def _soon(self, call: Connection, request: dict[str, Any]) -> bool:
        """Has its texts encoded, if that is all that takes time, and answers when the loop comes to it."""
        quick, session = self._quick.get(str(request.get("do"))), self._warm.session
        encoder = self._warm.encoder
        if quick is None or session is None or encoder is None:
            return False
        try:
            self._alike(request)
            texts = quick(request, session)
        except Exception:  # what is wrong is said the other way
            return False
        if texts is None:
            return False

        def encoded(seconds: float) -> None:
            self._ready.append(_Ready(call, request, texts, seconds))
            self._later(self._quickly)

        return encoder.begin(texts, encoded)

    def _quickly(self) -> None:
        """The next one that is ready."""
        one = self._ready.popleft()
        with self._warm.try_lease(one.seconds) as turns:
            if turns is not None:
                if not one.seen:
                    with contextlib.suppress(Exception):  # the answer says what is wrong
                        self._foresee(turns, [one, *self._ready])
                body = self._answer(one.request, one.call, turns)
        if turns is None:
            self._hand(self._slowly, one.call, one.request)
        else:
            self.give(one.call, body)

    @staticmethod
    def _foresee(turns: AcquiredLease, ready: Sequence[_Ready]) -> None:
        """All that are ready go through the vectors together, before they are answered one by one."""
        import numpy as np

        for r in ready:
            r.seen = True
        encoder = turns.encoder
        found = [] if encoder is None else [encoder.known(r.texts) for r in ready if r.texts]
        if vectors := [v for v in found if v is not None]:
            turns.session.search.prefetch(np.concatenate(vectors))

    def _slowly(self, call: Connection, request: Request) -> None:
        if call.gone():
            self._end(call)
        else:
            self.give(call, self._answer(request, call, self._warm))

    def give(self, call: Connection, body: dict[str, Any]) -> None:
        """The answer, by another thread if the client does not take it at once."""
        try:
            rest = call.offer(body)
        except OSError:
            rest = b""
        if rest:
            self._hand(self._finish, call, rest)
        else:
            self._end(call)

    def _finish(self, call: Connection, rest: bytes) -> None:
        try:
            call.finish(rest)
        except OSError:
            pass
        finally:
            self._end(call)

    def _hand(self, work: Callable[..., None], call: Connection, *more: Any) -> None:
        try:
            self._threads.submit(work, call, *more)
        except RuntimeError:  # no more threads
            self._end(call)

    def _answer(self, request: Request, call: Connection, turns: SessionAccess) -> dict[str, Any]:
        try:
            handler = self._handlers.get(str(request.get("do")))
            if handler is None:
                raise Refused(f"it does not know {str(request.get('do'))[:40]!r}")
            self._alike(request)
            return handler(request, turns, call.working)
        except Refused as e:
            return {"refused": str(e)}
        except (
            Exception
        ) as e:  # a fresh process may do better, and shows the traceback if it does not
            return {"refused": f"it failed: {type(e).__name__}: {str(e)[:200]}"}

    def _alike(self, request: Request) -> None:
        """Raises Refused for a request whose answer could be another one in the client's own process."""
        if (theirs := request.get("version", __version__)) != __version__:
            raise Refused(f"it is of version {__version__}, not {str(theirs)[:40]}")
        specs = [request.get("model"), request.get("reranker"), self._warm.spec]
        bound = any(folder_bound(s) for s in specs) or request.get("paths") is True
        if bound and request["folder"] != self._folder:
            raise Refused(
                f"it was started in {self._folder}, and what is asked depends on the folder"
            )
        names = differing_variables(self._environ, request["environ"], code=bound)
        if names:
            raise Refused(f"it was started with another {', '.join(names)}")
        if (model := request.get("model")) is not None and model != self._warm.spec:
            raise Refused(f"it has loaded {self._warm.spec}, not {model}")
