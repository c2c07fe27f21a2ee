"""Maker of the index's map: one thread beside the requests, which makes it when it is first asked for.

It opens the index for itself and takes no lease, so that no search waits for it; it has one core at most, and
leaves that to others where the system allows.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.errors import QembedError, StorageError
from qembed.pipeline.progress import Progress

if TYPE_CHECKING:
    from qembed.store import Manifest

HOLD = 20.0
"""A map of an earlier generation is shown for so many times as long as making it took."""
NICENESS = 10


class MapFile(NamedTuple):
    """Map of a generation of the index `uid`, as it is kept. `made`: a monotonic time.

    `seconds`: how long making it took, 0 for one that was found.
    """

    uid: str
    generation: int
    data: bytes
    made: float
    seconds: float


class Making(NamedTuple):
    """Map that is being made: `done` of `total` units of a phase, None where that is not known."""

    phase: str
    done: int
    total: int | None

    def to_json(self) -> dict[str, Any]:
        """JSON values for a client, which asks again."""
        return {"schema": 1, "state": "making", **self._asdict()}


class _Stopped(Exception):
    """The server stops."""


class MapMaker:
    """Maps of the index at `root`, for one server."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._made: MapFile | None = None
        self._thread: threading.Thread | None = None
        self._failed: tuple[int, Exception] | None = None
        self._phase = Making("begin", 0, None)
        self._closed = False

    def ask(self, manifest: Manifest) -> MapFile | Making:
        """The map of a generation, of an earlier one while its own is made, or how far that is.

        Begins to make it if nothing is. Raises what making it raised. Reads a file: not for an event loop.
        """
        with self._lock:
            made, key = self._made, (manifest.uid, manifest.generation)
            if made is not None and (made.uid, made.generation) == key:
                return made
            if made is not None and made.uid != manifest.uid:
                made = self._made = None
            if self._thread is None:
                if (kept := self._kept(manifest)) is not None:
                    self._made = kept
                    return kept
                if self._failed is not None and self._failed[0] == manifest.generation:
                    raise self._failed[1]
                if made is None or time.monotonic() - made.made > HOLD * made.seconds:
                    self._phase = Making("begin", 0, None)
                    self._thread = threading.Thread(
                        target=self._work, args=(manifest.generation,), name="map", daemon=True
                    )
                    self._thread.start()
            return self._phase if made is None else made

    def _kept(self, manifest: Manifest) -> MapFile | None:
        from qembed.pipeline.corpus_map.kept_map import kept_bytes, open_map

        data = kept_bytes(self._root, manifest)
        if data is None or open_map(self._root, manifest) is None:
            return None
        return MapFile(manifest.uid, manifest.generation, data, time.monotonic(), 0.0)

    def _work(self, generation: int) -> None:
        try:
            with contextlib.suppress(OSError, AttributeError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            made = self._make()
        except _Stopped:
            return
        except QembedError as e:
            with self._lock:
                self._failed, self._thread = (generation, e), None
        else:
            with self._lock:
                self._made, self._failed, self._thread = made, None, None

    def _make(self) -> MapFile:
        from qembed.pipeline.corpus_map.compute import compute_map
        from qembed.pipeline.corpus_map.kept_map import keep_map, pack_map
        from qembed.pipeline.corpus_map.request import MapRequest
        from qembed.pipeline.retrieval.session import Session

        began = time.monotonic()
        with Session(self._root) as session:
            manifest = session.snapshot.manifest
            progress = Progress(phase=self._begin, advance=self._advance)
            data = pack_map(compute_map(session, MapRequest(threads=1), progress))
            with contextlib.suppress(StorageError):  # an index that this user may only read
                keep_map(self._root, manifest, data)
        now = time.monotonic()
        return MapFile(manifest.uid, manifest.generation, data, now, now - began)

    def _begin(self, name: str, _unit: str, total: int | None) -> None:
        self._phase = Making(name, 0, total)
        self._advance(0)

    def _advance(self, n: int) -> None:
        if self._closed:
            raise _Stopped
        self._phase = self._phase._replace(done=self._phase.done + n)

    def close(self) -> None:
        """Make no map any more."""
        self._closed = True
