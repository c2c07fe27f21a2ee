"""One index, its model and its rerankers, loaded, and as new as the files at each request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from qembed.errors import QembedError
from qembed.models.environment import share_cores
from qembed.serve.caching_session import CachingSession
from qembed.store import derived_files
from qembed.store.manifest import MANIFEST


class SessionLease(Protocol):
    """What a request gets of an index."""

    def turn(self, started: Callable[[], None] = ...) -> AbstractContextManager[CachingSession]:
        """The session of the present generation. `started` is called when all others have had theirs."""

    def ahead(self, texts: Callable[[CachingSession], Sequence[str]]) -> float:
        """Encodes what the turn will ask for; seconds it took."""


class HeldLease:
    """A turn that was had already, by a request whose texts were encoded in `seconds`."""

    def __init__(self, session: CachingSession, seconds: float) -> None:
        self.session = session
        self._seconds = seconds

    @contextmanager
    def turn(self, started: Callable[[], None] = lambda: None) -> Iterator[CachingSession]:
        """The session."""
        started()
        self.session.begin()
        yield self.session

    def ahead(self, texts: Callable[[CachingSession], Sequence[str]]) -> float:
        """It was done."""
        return self._seconds


class LiveIndex:
    """The index at `root`, answered by one thread at a time; encoding may run beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.elsewhere: Callable[[], int] = lambda: 0
        """Requests that are being answered while others wait to be encoded."""
        share_cores()
        folder = root / derived_files.FOLDER
        names = (root / MANIFEST, *(folder / f"{kind}.json" for kind in derived_files.KINDS))
        self._watched = [str(n) for n in names]
        self._turn = threading.Lock()
        self._state = self._now()
        self._session: CachingSession | None = self._opened(None)

    def _opened(self, before: CachingSession | None) -> CachingSession:
        return CachingSession(self.root, before, lambda: self.elsewhere())

    @property
    def session(self) -> CachingSession | None:
        """The last turn's, for who looks at nothing but the model and the manifest."""
        return self._session

    @property
    def generation(self) -> int:
        """The generation at hand."""
        session = self._session
        return 0 if session is None else session.snapshot.manifest.generation

    @property
    def spec(self) -> str:
        """The index's model."""
        session = self._session
        return "" if session is None else session.snapshot.manifest.spec

    def load(self) -> None:
        """Loads what there is to load. Raises what a query would."""
        with self.turn() as session:
            session.load()

    def _now(self) -> list[tuple[int, ...] | None]:
        """Changes whenever a writer commits, or publishes or loses a derived file."""
        found: list[tuple[int, ...] | None] = []
        for name in self._watched:
            try:
                s = os.stat(name)  # noqa: PTH116 - at each request
                found.append((s.st_ino, s.st_mtime_ns, s.st_size))
            except OSError:
                found.append(None)
        return found

    @contextmanager
    def held(self, seconds: float) -> Iterator[HeldLease | None]:
        """A turn for who must not wait: None if another has it, or if the index has changed."""
        if not self._turn.acquire(blocking=False):
            yield None
            return
        try:
            session = self._session
            new = session is None or self._now() != self._state
            yield None if session is None or new else HeldLease(session, seconds)
        finally:
            self._turn.release()

    @contextmanager
    def turn(self, started: Callable[[], None] = lambda: None) -> Iterator[CachingSession]:
        """The session of the present generation, for this thread alone. Raises NoIndex, IndexDamaged.

        `started` is called when all others have had theirs.
        """
        with self._turn:
            started()
            now = self._now()  # before opening: what comes after is seen the next time
            if now != self._state or self._session is None:
                old, self._session = self._session, None
                try:
                    self._session = self._opened(old)
                finally:
                    if old is not None:
                        old.close()
                self._state = now
            self._session.begin()
            yield self._session

    def ahead(self, texts: Callable[[CachingSession], Sequence[str]]) -> float:
        """Encodes beside other threads' turns what this thread's turn will ask for; seconds it took.

        Waits for no turn: `texts` may look at nothing but the model and the manifest. That the index has
        changed meanwhile, or that the request has a mistake, is for the turn to see.
        """
        session = self._session
        encoder = None if session is None else session.ready()
        if session is None or encoder is None or not encoder.info.thread_safe:
            return 0.0
        with suppress(QembedError):
            began = time.perf_counter()
            wanted = list(dict.fromkeys(texts(session)))
            if wanted:
                encoder.encode(wanted)
            return time.perf_counter() - began
        return 0.0

    def close(self) -> None:
        """Lets go of the index, once nobody has a turn."""
        with self._turn:
            if self._session is not None:
                self._session.close()
                self._session = None
