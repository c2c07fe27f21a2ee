"""Connection to a Ray cluster: of this machine, or by `ray://HOST:PORT`."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qembed.errors import EngineError, UsageError, brief

NEEDS = "--engine ray needs Ray (pip install 'qembed-search[ray]')"
ANSWERS_IN = 10.0
"""Seconds in which a cluster accepts a connection."""
ATTEMPTS = 3
"""Times that a client server is asked whose process for this client did not start."""
_NOT_STARTED = (
    "Starting Ray client server failed",
    "Proxy failed to Connect to backend",
    "psutil.ZombieProcess",
    "psutil.NoSuchProcess",
)
_ADDRESS = re.compile(r"ray(://[^/\s:@]+:\d{1,5})?")


def check_address(engine: str) -> None:
    """Raise UsageError for an address that is none, or without Ray in this installation."""
    if not _ADDRESS.fullmatch(engine):
        raise UsageError(
            f"--engine {engine}: local, ray, or ray://HOST:PORT is wanted (of a cluster's client server, "
            "port 10001 by default)"
        )
    if find_spec("ray") is None:
        raise UsageError(NEEDS)


def cluster_address(engine: str) -> str | None:
    """Address for ray.init: of a cluster, `local` for one of this run, None for what Ray finds by itself.

    Ray would wait for many minutes at an address where nothing answers, also at that of a cluster that was
    killed on this machine, which a file keeps. Raises EngineError for one that was asked for.
    """
    asked = engine if engine != "ray" else os.environ.get("RAY_ADDRESS", "")
    if asked:
        if (reason := _refusal(asked)) is not None:
            raise EngineError(f"--engine {engine}: no cluster answers at {asked}: {reason}")
        return asked if engine != "ray" else None
    kept = Path(os.environ.get("RAY_TMPDIR") or "/tmp", "ray", "ray_current_cluster")
    with contextlib.suppress(OSError):
        if _refusal(kept.read_text().strip()) is not None:
            return "local"
    return None


def _refusal(address: str) -> str | None:
    """Reason for which HOST:PORT cannot be connected to, None if it can or is no such address."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return None
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_IN).close()
    except (OSError, OverflowError) as e:
        return e.strerror or str(e) if isinstance(e, OSError) else str(e)
    return None


def _initialize(ray: Any, address: str | None) -> None:
    """Connect, again where the client server's process for this client did not start.

    With Ray 2.60 that of a new cluster's first client at times dies at once, which the server tells after
    half a minute; later clients have theirs in two seconds.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            return
        except ConnectionAbortedError as e:
            if not left or not any(reason in str(e) for reason in _NOT_STARTED):
                raise


@contextlib.contextmanager
def connected(engine: str) -> Iterator[Any]:
    """Connect, and yield the module `ray`. Raises EngineError if no cluster answers.

    `ray` is the cluster that $RAY_ADDRESS or this machine has, else one that ends with the run.
    """
    check_address(engine)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault(
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
    )  # else it warns of a change to come
    import ray

    if ray.is_initialized():  # of the program that uses qembed: it stays
        yield ray
        return
    address = cluster_address(engine)
    try:
        _initialize(ray, address)
    except Exception as e:  # whatever its layers raise: sockets, gRPC, other versions
        raise EngineError(
            f"--engine {engine}: no cluster answers as wanted: {brief(e)} (is it up, and has it this Ray, "
            f"{ray.__version__}, and this Python?)"
        ) from e
    with contextlib.redirect_stdout(sys.stderr):  # Ray prints of lost processes, also at its end
        try:
            yield ray
        finally:
            with contextlib.suppress(Exception):
                ray.shutdown()
