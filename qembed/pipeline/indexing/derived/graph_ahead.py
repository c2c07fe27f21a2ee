"""HNSW graph of a run's committed rows, made by a process of its own while later ones are read and encoded.

One thread reads a new index, and its graph takes as much time again: so the graph of a large new index is
begun with the first commits, on another core. It is stored at the run's end; a run that is interrupted makes
it from the beginning again. Where the process fails, the run makes the graph itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.pipeline.indexing.derived.memory import give_back, keep_large_blocks_apart
from qembed.pipeline.indexing.options import GraphPolicy
from qembed.pipeline.progress import Progress
from qembed.store import Manifest, Writer
from qembed.store import derived_files as files
from qembed.store.manifest import MANIFEST

if TYPE_CHECKING:
    from qembed.pipeline.indexing.encoding.run_progress import RunProgress
    from qembed.search.dense.graphs.library import Library

POLL_SECONDS = 0.1
"""Longest time until a stop of the run is seen."""


class GraphAhead:
    """Graph over the rows that a run has committed so far. A context manager that ends its process.

    Begun only where it pays: for a graph that is new, on two cores, and with an encoder so fast that the
    graph would take a good part of the time. `library`: of the graph, once it is begun.
    """

    def __init__(self, policy: GraphPolicy) -> None:
        self._policy = policy
        self._began = time.monotonic()
        self.library: Library = "hnswlib"
        self._process: subprocess.Popen[bytes] | None = None
        self._first: Manifest | None = None

    def __enter__(self) -> GraphAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def follow(self, writer: Writer, counts: RunProgress) -> None:
        """Have the rows of the generation added that was committed last, unless it does not pay.

        Returns at once. `counts`: of the run; the passages that it will have choose the graph's library.
        """
        if self._first is None and self._pays(writer, counts):
            self._start(writer, counts.expected())
        elif self._process is not None and self._is_outgrown(writer.present):
            self.close()
            self._start(writer, counts.expected())
        self._send(name=writer.target)

    def _pays(self, writer: Writer, counts: RunProgress) -> bool:
        rows = writer.present.next_row - writer.present.base
        pace = counts.passages / max(time.monotonic() - self._began, 1e-6)
        return (
            rows >= self._policy.ahead_rows
            and pace >= self._policy.ahead_pace
            and (os.cpu_count() or 1) > 1
            and files.current(writer.root, writer.present, files.GRAPH) is None
        )

    def _is_outgrown(self, manifest: Manifest) -> bool:
        """True if there are more rows than were foreseen, so that the other library keeps them."""
        from qembed.search.dense.graphs.library import library_of

        return library_of(manifest.next_row - manifest.base) == "usearch" != self.library

    def _start(self, writer: Writer, expected: int) -> None:
        from qembed.search.dense.graphs.library import library_of

        keep_large_blocks_apart()  # a long run, beside a process that needs memory
        self._first = manifest = writer.present
        rows = max(manifest.next_row - manifest.base, expected)
        self.library = library_of(rows)
        # -P: nothing that lies in the current folder is imported
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "qembed.pipeline.indexing.derived.graph_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            start_new_session=True,  # a Ctrl-C is the parent's affair
            bufsize=0,
        )
        self._send(root=str(writer.root.absolute()), library=self.library, rows=rows)

    def _send(self, **line: str | int) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # its end is seen when the graph is wanted
                self._process.stdin.write(f"{json.dumps(line)}\n".encode())

    def save(self, manifest: Manifest, path: Path, progress: Progress) -> bool:
        """Have the graph completed and saved to `path`, its groups beside it. Ends the process.

        `manifest`: of the present generation. False without a graph over its rows, when the process failed
        or `progress` is to stop.
        """
        first = self._first
        if self._process is None or first is None:
            return False
        with contextlib.closing(self):
            if (first.uid, first.base) != (manifest.uid, manifest.base):
                return False
            progress.phase("graph", "passages", manifest.next_row - manifest.base)
            give_back()  # the process needs it now
            self._send(name=MANIFEST, save=str(path.absolute()))
            done = manifest.base
            for line in self._lines(progress):
                upto = line.get("saved", line.get("upto", done))
                progress.advance(upto - done)
                done = upto
                if "saved" in line:
                    return bool(upto == manifest.next_row)
                if "error" in line:
                    progress.say(f"the graph is made once more: {line['error']}")
                    return False
            if not progress.stop():
                progress.say("the graph is made once more: the process that made it has ended")
        return False

    def _lines(self, progress: Progress) -> Iterator[Mapping[str, Any]]:
        """Lines that the process tells, until it ends or `progress` is to stop."""
        assert self._process is not None
        assert self._process.stdout is not None
        told, held = self._process.stdout.fileno(), b""
        while not progress.stop():
            if not select.select([told], [], [], POLL_SECONDS)[0]:
                continue
            if not (part := os.read(told, 1 << 16)):
                return
            *whole, held = (held + part).split(b"\n")
            yield from map(json.loads, whole)

    def close(self) -> None:
        """End the process, and drop a graph that was not saved."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            process.wait()
