"""The `slow` marker, and the order of the tests.

Slow are tests that take more than about .2 s of CPU with all their parameters, modules of more than about ten
seconds, and all tests that use a fixture of SLOW_FIXTURES, because the first of them waits for it. `make
test-fast` leaves slow tests out.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

SLOW_FIXTURES = frozenset({"quietly"})
"""`quietly` imports torch and transformers; each fixture that builds or exports a model uses it."""


MEMORY = Path("/dev/shm")
"""Linux's file system in memory. On a disk, 43 of 79 s of four modules of tests/cli were waits for it:
`fsync`, and the commits of the word index."""

MEMORY_WANTED = 6 << 30
"""Bytes that have to be free there: a container's may hold no more than 64 MiB."""


def _is_roomy(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= MEMORY_WANTED


# pytest's own variable for where `tmp_path` begins; a value that is given stays, as does --basetemp
if _is_roomy(MEMORY):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    os.environ.setdefault("TMPDIR", str(MEMORY))  # of `tempfile`, and in programs that are started


# a shell's background job ignores Ctrl-C, and so would every program that a test starts and interrupts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_MARK = re.compile(r"^pytestmark = pytest\.mark\.(\w+)$", re.MULTILINE)
_UNWANTED = re.compile(r"\bnot (\w+)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules all of whose tests have a mark that `-m` refuses, before they are imported.

    Some import torch. A module that the command line names is no error, and stays.
    """
    unwanted = _UNWANTED.findall(config.option.markexpr)
    if not unwanted or collection_path.suffix != ".py":
        return None
    here = config.invocation_params.dir
    if collection_path in {here / named.partition("::")[0] for named in config.args}:
        return None
    mark = _MARK.search(collection_path.read_text("utf-8"))
    return True if mark and mark[1] in unwanted else None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Take what collecting makes out of the garbage collector's sight, for the whole run.

    Without it each full collection, one in about 80 tests, looks at 5000 tests and all imported modules anew:
    0.7 s. What tests make is looked at less often than is usual.

    Hypothesis is imported first: it looks for owners of random generators, and finds no frozen ones. Its
    limit of 200 ms for an example is off, since a busy machine exceeds it.
    """
    from hypothesis import settings

    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")
    gc.disable()
    try:
        return (yield)
    finally:
        _freeze()
        gc.set_threshold(10_000)
        gc.enable()


_MANY = 200
"""Modules that have been imported since what there is was frozen, for which it is done again."""
_frozen = 0


def _freeze() -> None:
    global _frozen
    gc.freeze()
    _frozen = len(sys.modules)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """After a test that has imported torch or the like: a full collection takes a second from then on."""
    yield
    if len(sys.modules) >= _frozen + _MANY:
        gc.collect()
        _freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Mark by fixture before `-m` selects; then put slow tests first, so that no core is idle at the end."""
    for item in items:
        if not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    yield
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def quietly() -> Iterator[None]:
    """No bars on stderr while models are saved; one thread, as two only wait on a machine that is busy."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
