"""A headless Chromium for the tests that are marked `browser`: Debian's, or Chrome."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A browser whose profile is the folder `profile`; skips where there is none."""
    selenium = pytest.importorskip("selenium.webdriver")
    driver = shutil.which("chromedriver")
    binary = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if driver is None or binary is None:
        pytest.skip("no chromium and chromedriver here")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        found.set_window_size(1280, 1600)
        yield found
    finally:
        found.quit()
