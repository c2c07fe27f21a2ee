"""Conversation with one client: what it was shown, so that what it does with it is logged."""

from __future__ import annotations

import os
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

from qembed.errors import QembedError, refusal
from qembed.pipeline.feedback.log_setting import Client

REMEMBERED = 10_000
"""Documents that a conversation remembers."""
WAIT_SECONDS = 10.0
"""Time that another process which changes the log is waited for."""
CLOSE_SECONDS = 5.0


class Shown(NamedTuple):
    """Place in a logged answer."""

    query_id: str
    position: int


class Conversation:
    """Conversation with one client. `last_query`: id of its last search that was logged, "" for none.

    `lasting`: further requests belong to it; False where nothing says which ones do.
    """

    def __init__(self, client: Client, *, lasting: bool = True) -> None:
        self.client = client
        self.lasting = lasting
        self.last_query = ""
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._opened: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._guard = threading.Lock()

    def show(self, query_id: str, documents: Sequence[tuple[str, int]]) -> None:
        """Remember what a logged answer showed: documents with their ranks. The latest answer counts."""
        with self._guard:
            self.last_query = query_id
            new: dict[str, Shown] = {}
            for document, rank in documents:
                new.setdefault(document, Shown(query_id, rank))
            self._shown.update(new)
            _forget(self._shown)

    def shown(self, document: str) -> Shown | None:
        """Latest logged answer that showed a document, None if there is none."""
        return self._shown.get(document)

    def has_shown(self, query_id: str) -> bool:
        """True if a logged answer with this id showed something that is remembered."""
        with self._guard:
            return any(at.query_id == query_id for at in self._shown.values())

    def opened(self, document: str, query_id: str | None = None) -> dict[str, Any] | None:
        """Event for a document that was read, None if no answer led to it or it was read before.

        `query_id`: of the search that led to it, None for the latest that showed it.
        """
        with self._guard:
            at = self._shown.get(document)
            name = query_id or (at.query_id if at is not None else None)
            if name is None or (name, document) in self._opened:
                return None
            self._opened[name, document] = None
            _forget(self._opened)
        known = at is not None and at.query_id == name
        return {
            "query_id": name,
            "action": "open",
            "object": document,
            **({"position": at.position} if known and at is not None else {}),
        }


def _forget(seen: OrderedDict[Any, Any]) -> None:
    while len(seen) > REMEMBERED:
        seen.popitem(last=False)


class Signals:
    """Events on their way into the log of the index at `root`, written by a thread of its own.

    `tell`: takes a line on what could not be logged.
    """

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        self._root = root
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, "signals")
        self._waiting: set[Future[None]] = set()

    def add(self, event: dict[str, Any]) -> None:
        """Log an event, later."""
        job = self._thread.submit(self._write, {**event, "event_id": os.urandom(8).hex()})
        self._waiting.add(job)
        job.add_done_callback(self._waiting.discard)

    def _write(self, event: dict[str, Any]) -> None:
        from qembed.pipeline.feedback.add_events import add_objects

        try:
            taken = add_objects(self._root, [event], WAIT_SECONDS)
            for refused in taken.refused:
                self._tell(f"not logged: {refused.why}")
        except QembedError as e:
            self._tell(f"not logged: {e}")
        except OSError as e:
            self._tell(f"not logged: cannot write {e.filename or 'the log'}: {refusal(e)}")
        except Exception:
            self._tell(traceback.format_exc())

    def close(self) -> None:
        """Write what waits, as far as there is time."""
        wait(set(self._waiting), CLOSE_SECONDS)
        self._thread.shutdown(wait=False)
