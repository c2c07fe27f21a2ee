"""The served index with its model and rerankers, as new as its files at each request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from qembed.errors import QembedError
from qembed.models.environment import share_cores
from qembed.pipeline.progress import StageTimer
from qembed.pipeline.retrieval.document_reader import DocumentCaches, DocumentReader, RowCache
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.retrieval.session import Session
from qembed.serve.batching_encoder import BatchingEncoder
from qembed.serve.model_pool import ModelPool
from qembed.serve.trial import Trial
from qembed.store import Snapshot, derived_files
from qembed.store.manifest import MANIFEST

if TYPE_CHECKING:
    from qembed.protocols import Scorer

CACHED_ROWS = 20_000
"""Rows whose passages, catalog entries and code flags are kept as objects."""


class SessionAccess(Protocol):
    """Access of one request to the index."""

    @property
    def trial(self) -> Trial | None:
        """Experiment that the server runs."""

    @property
    def session(self) -> Session | None:
        """The latest session, unlocked: read only its model and manifest."""

    @property
    def scoring(self) -> AbstractContextManager[Any]:
        """Lock of the rerankers that are not shared. Acquired before a lease, never inside one."""

    def lease(self, started: Callable[[], None] = ...) -> AbstractContextManager[Session]:
        """The session of the present generation, for this request alone.

        `started` is called once no other request has it. Raises NoIndex, IndexDamaged.
        """

    def pre_encode(self, texts: Callable[[Session], Sequence[str]]) -> float:
        """Encode the texts that the request will ask for, beside other requests. Returns seconds."""

    def load_reranker(self, spec: str) -> tuple[Scorer | None, float]:
        """Load the reranker that `spec` names, beside other requests: (it, the seconds it took).

        None if that fails: the request itself meets it again.
        """


class AcquiredLease:
    """A session acquired already, by a request whose texts were encoded in `seconds`.

    Such requests take part in no experiment.
    """

    trial: Trial | None = None

    def __init__(self, session: Session, encoder: BatchingEncoder | None, seconds: float) -> None:
        self.session = session
        self.encoder = encoder
        self._seconds = seconds
        self.scoring: AbstractContextManager[Any] = nullcontext()
        """Nothing: these requests do not rerank."""

    @contextmanager
    def lease(self, started: Callable[[], None] = lambda: None) -> Iterator[Session]:
        """The session."""
        started()
        self.session.begin_request()
        yield self.session

    def pre_encode(self, texts: Callable[[Session], Sequence[str]]) -> float:
        """Return the seconds it took: the texts are encoded already."""
        return self._seconds

    def load_reranker(self, spec: str) -> tuple[Scorer | None, float]:
        """Load nothing: these requests do not rerank."""
        return None, 0.0


class LiveIndex:
    """The index at `root`, used by one thread at a time; encoding may run beside it.

    `trial`: experiment that the server runs. Raises NoIndex, IndexDamaged.
    """

    def __init__(self, root: Path, trial: Trial | None = None) -> None:
        self.root = root
        self.trial = trial
        self.pending: Callable[[], int] = lambda: 0
        """Number of requests that are being answered while others wait to be encoded."""
        share_cores()
        folder = root / derived_files.FOLDER
        names = (root / MANIFEST, *(folder / f"{kind}.json" for kind in derived_files.KINDS))
        self._watched = [str(n) for n in names]
        self.models = ModelPool(lambda: self.pending())
        self._caches = DocumentCaches()
        self._uid = ""
        self._lock = threading.Lock()
        self.scoring: AbstractContextManager[Any] = threading.Lock()
        self._state = self._file_state()
        self._session: Session | None = self._open()

    def _open(self) -> Session:
        """Session on the present generation, with the models and caches of the one before."""
        timer = StageTimer()
        snapshot = Snapshot.open(self.root)
        manifest = snapshot.manifest
        same = manifest.uid == self._uid
        self._uid = manifest.uid
        self._caches = DocumentCaches(
            passages=self._caches.passages if same else RowCache(CACHED_ROWS),
            code=self._caches.code if same else RowCache(CACHED_ROWS),
            entries=RowCache(CACHED_ROWS),
        )
        return Session(
            self.root,
            snapshot=snapshot,
            loaded=LoadedModel(manifest, timer=timer, source=self.models),
            # a newly published graph opens a new session
            search=IndexSearch(
                snapshot, timer, watch_graph=False, limit_blas=self._single_blas_thread
            ),
            documents=DocumentReader(snapshot, self._caches),
            timer=timer,
        )

    @cached_property
    def _blas(self) -> Any:
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()

    def _single_blas_thread(self) -> AbstractContextManager[Any]:
        """Limit BLAS to one thread.

        Its threads wait for one another by spinning: 8 ms on busy cores, for a product that takes .2. A
        product with one vector has the same bits by any number of threads, one with many has not.
        """
        limit: AbstractContextManager[Any] = self._blas.limit(limits=1, user_api="blas")
        return limit

    @property
    def session(self) -> Session | None:
        """The latest session, unlocked: read only its model and manifest."""
        return self._session

    @property
    def encoder(self) -> BatchingEncoder | None:
        """The encoder, None before it is loaded."""
        session = self._session
        encoder = None if session is None else session.loaded.encoder_if_loaded
        return encoder if isinstance(encoder, BatchingEncoder) else None

    @property
    def generation(self) -> int:
        """The latest session's generation."""
        session = self._session
        return 0 if session is None else session.snapshot.manifest.generation

    @property
    def spec(self) -> str:
        """Spec of the index's model."""
        session = self._session
        return "" if session is None else session.snapshot.manifest.spec

    def load(self) -> None:
        """Load what a usual query needs. Raises what a query would."""
        import numpy as np

        with self.lease() as session:
            if self.trial is not None:
                self.trial.check(session)
            _ = session.search.exact, session.search.lexical
            session.loaded.encoder.encode(["ready"])
            if session.search.rows > CACHED_ROWS:
                return
            manifest = session.snapshot.manifest
            rows = np.arange(manifest.base, manifest.next_row)
            session.documents.passages(rows)
            live = session.snapshot.live
            session.documents.entries(rows if live is None else rows[live])

    def _file_state(self) -> list[tuple[int, ...] | None]:
        """A value that changes whenever a writer commits, or publishes or removes a derived file."""
        found: list[tuple[int, ...] | None] = []
        for name in self._watched:
            try:
                s = os.stat(name)  # noqa: PTH116 - at each request
                found.append((s.st_ino, s.st_mtime_ns, s.st_size))
            except OSError:
                found.append(None)
        return found

    @contextmanager
    def try_lease(self, seconds: float) -> Iterator[AcquiredLease | None]:
        """Try to acquire the session without blocking, for a request whose texts took `seconds` to encode.

        Yields None if another request has it or the index changed on disk.
        """
        if not self._lock.acquire(blocking=False):
            yield None
            return
        try:
            session = self._session
            if session is None or self._file_state() != self._state:
                yield None
            else:
                yield AcquiredLease(session, self.encoder, seconds)
        finally:
            self._lock.release()

    @contextmanager
    def lease(self, started: Callable[[], None] = lambda: None) -> Iterator[Session]:
        """Session lease; see SessionAccess.lease. Opens a new session if the index changed on disk."""
        with self._lock:
            started()
            now = self._file_state()  # before opening: a later change is seen by the next request
            if now != self._state or self._session is None:
                old, self._session = self._session, None
                try:
                    self._session = self._open()
                finally:
                    if old is not None:
                        old.close()
                self._state = now
            self._session.begin_request()
            yield self._session

    def pre_encode(self, texts: Callable[[Session], Sequence[str]]) -> float:
        """Encoding ahead of the lease; see SessionAccess.pre_encode.

        Acquires no session: `texts` reads only its model and manifest.

        Does nothing for an encoder that one thread at a time may call. Errors are left to the request
        itself, and so is a change of the index meanwhile.
        """
        session, encoder = self._session, self.encoder
        if session is None or encoder is None or not encoder.info.thread_safe:
            return 0.0
        with suppress(QembedError):
            began = time.perf_counter()
            wanted = list(dict.fromkeys(texts(session)))
            if wanted:
                encoder.encode(wanted)
            return time.perf_counter() - began
        return 0.0

    def load_reranker(self, spec: str) -> tuple[Scorer | None, float]:
        """Loading ahead of the lease; see SessionAccess.load_reranker. Reads only the session's model."""
        session = self._session
        if session is None:
            return None, 0.0
        with suppress(QembedError):
            model = session.loaded.model
            began, known = time.perf_counter(), self.models.has_reranker(spec, model)
            found = self.models.reranker(spec, model)
            return found, 0.0 if known else time.perf_counter() - began
        return None, 0.0

    def close(self) -> None:
        """Close the index once no request has it."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None
