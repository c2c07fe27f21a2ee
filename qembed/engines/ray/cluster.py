"""Connection to a Ray cluster: of this machine, or by `ray://HOST:PORT`."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from qembed.errors import EngineError, UsageError

NEEDS = "--engine ray needs Ray (pip install 'qembed-search[ray]')"
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
    try:
        ray.init(
            address=None if engine == "ray" else engine,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as e:  # whatever its layers raise: sockets, gRPC, other versions
        reason = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise EngineError(
            f"--engine {engine}: no cluster answers as wanted: {reason} (is it up, and has it this Ray, "
            f"{ray.__version__}, and this Python?)"
        ) from e
    with contextlib.redirect_stdout(sys.stderr):  # Ray prints of lost processes, also at its end
        try:
            yield ray
        finally:
            with contextlib.suppress(Exception):
                ray.shutdown()
