"""The `slow` marker, and the order of the tests.

Slow are tests of more than about half a second, modules of more than about ten, and all tests that use a
fixture of SLOW_FIXTURES, because the first of them waits for it. `make test-fast` leaves slow tests out.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
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


# a shell's background job ignores Ctrl-C, and so would every program that a test starts and interrupts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_ALL_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow$", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules that hold nothing but slow tests, before they are imported: some import torch."""
    if collection_path.suffix != ".py" or not config.option.markexpr.startswith("not slow"):
        return None
    return True if _ALL_SLOW.search(collection_path.read_text("utf-8")) else None


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
