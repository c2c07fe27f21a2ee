"""Coordinator of a run: an actor in the cluster, in which Ray Data hands pieces to a pool of actors.

In the cluster, since Ray Data does not run through Ray's client (2.60), and draws its bars where it runs. The
program asks it for outcomes, and starts another one if it is lost with its machine.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from qembed.engines.ray.work import MakeWorker, Outcome, Piece, Worker
from qembed.engines.shared_folder import SharedFolder
from qembed.errors import QembedError

RETRIES = 2
"""Times that a piece is given to another process after one that died of it, or beside it."""
POLL = 0.5
"""Seconds that the program waits for outcomes before it looks whether it is to stop."""


class RunLost(Exception):
    """A run that ended before its pieces, by the loss of a machine that it cannot do without."""


class PoolWorker:
    """Actor of the pool: a worker in a process, made for the first piece."""

    def __init__(self, make: MakeWorker, folder: SharedFolder | None) -> None:
        self._make = make
        self._folder = folder
        self._worker: Worker | None = None
        self._node = socket.gethostname()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Work on the pieces of a batch, columns `name` and `data`."""
        found = [
            self._one(str(n), bytes(d)) for n, d in zip(batch["name"], batch["data"], strict=True)
        ]
        return {
            "name": [o.name for o in found],
            "node": [o.node for o in found],
            "output": [o.output or b"" for o in found],
            "error": [o.error for o in found],
        }

    def _one(self, name: str, data: bytes) -> Outcome:
        try:
            if self._worker is None:
                self._worker = self._make()
            output = self._worker.run(data)
            if self._folder is None:
                return Outcome(name, self._node, output)
            self._folder.write(name, output)
        except QembedError as e:
            return Outcome(name, self._node, error=str(e))
        return Outcome(name, self._node)


class Coordinator:
    """Run of pieces over a pool of `size` actors, each with the given resources."""

    def __init__(self, make: MakeWorker, folder: SharedFolder | None, size: int, gpus: int) -> None:
        self._arguments = (make, folder)
        self._size = size
        self._gpus = gpus
        self._found: queue.Queue[Outcome | None] = queue.Queue(maxsize=16)

    def start(self, pieces: Sequence[Piece]) -> None:
        """Begin with the pieces."""
        threading.Thread(target=self._run, args=(pieces,), daemon=True).start()

    def next(self, seconds: float) -> list[Outcome | None]:
        """Outcomes that have come, after at most so many seconds; None behind the last one."""
        found = []
        try:
            found.append(self._found.get(timeout=seconds))
            while found[-1] is not None:
                found.append(self._found.get_nowait())
        except queue.Empty:
            pass
        return found

    def _run(self, pieces: Sequence[Piece]) -> None:
        try:
            for batch in self._batches(pieces):
                for values in zip(*(batch[n] for n in Outcome._fields), strict=True):
                    name, node, output, error = values
                    self._found.put(
                        Outcome(str(name), str(node), bytes(output) or None, str(error))
                    )
        except Exception as e:
            reason = (str(e).strip().splitlines() or [type(e).__name__])[-1]
            self._found.put(Outcome("", socket.gethostname(), error=f"Ray Data stopped: {reason}"))
        self._found.put(None)

    def _batches(self, pieces: Sequence[Piece]) -> Iterator[dict[str, Any]]:
        import ray.data

        context = ray.data.DataContext.get_current()
        context.max_errored_blocks = -1  # what a process died of is left out, and asked for again
        context.enable_progress_bars = False
        rows = [{"name": p.name, "data": p.data} for p in pieces]
        kind = {"num_gpus": 1} if self._gpus else {"num_cpus": 1}
        yield from (
            ray.data.from_items(rows, override_num_blocks=len(rows))
            .map_batches(
                PoolWorker,
                fn_constructor_args=self._arguments,
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(self._size, len(rows))),
                batch_size=1,
                max_restarts=-1,
                max_task_retries=RETRIES,
                **kind,
            )
            .iter_batches(batch_size=None, prefetch_batches=0)
        )


def run_pieces(
    ray: Any,
    pieces: Sequence[Piece],
    make: MakeWorker,
    folder: SharedFolder | None,
    stop: Callable[[], bool],
) -> Iterator[Outcome]:
    """Run pieces, and yield the outcome of each that has one, until `stop`.

    Pieces without an outcome: the processes that had them died. Raises RunLost.
    """
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    size = gpus or max(1, int(resources.get("CPU", 1)))
    actor: Any = ray.remote(num_cpus=0, max_concurrency=2)(Coordinator)
    coordinator = actor.remote(make, folder, size, gpus)
    try:
        ray.get(coordinator.start.remote(list(pieces)))
        while not stop():
            for outcome in ray.get(coordinator.next.remote(POLL)):
                if outcome is None:
                    return
                if not outcome.name:
                    raise RunLost(outcome.error)
                yield outcome
    except ray.exceptions.RayActorError as e:
        raise RunLost("the machine of the run's coordinator was lost") from e
    finally:
        ray.kill(coordinator)


def processes(ray: Any) -> int:
    """Number of actors that a pool has."""
    resources = ray.cluster_resources()
    return int(resources.get("GPU", 0)) or max(1, int(resources.get("CPU", 1)))
