"""A headless Chromium that logs what it requests and says."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver")
    driver = shutil.which("chromedriver")
    binary = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if driver is None or binary is None:
        pytest.skip("no chromium and chromedriver here")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = selenium.ChromeService(driver)
    found = selenium.Chrome(options=options, service=service)
    found.set_window_size(1280, 1600)
    with contextlib.closing(_Quitting(found)):
        yield found


class _Quitting:
    def __init__(self, driver: Any) -> None:
        self.close = driver.quit
