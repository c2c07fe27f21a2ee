"""The page of `qembed drift --report` in a real browser: both themes, no requests, nothing hostile runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from qembed.evaluation.report.drift import write_drift
from tests.drift.report_body import HOSTILE, drift_body
from tests.evaluation.report.out_of_sight import OUT_OF_SIGHT
from tests.evaluation.report.requested import requested

pytestmark = pytest.mark.browser


@pytest.fixture
def drift(browser: Any, tmp_path: Path) -> Any:
    path = tmp_path / "drift.html"
    write_drift(drift_body(), path)
    browser.set_window_size(1280, 1600)
    browser.get_log("performance")
    browser.get(path.as_uri())
    return browser


def test_nothing_is_fetched_and_nothing_hostile_runs(drift: Any) -> None:
    wanted = requested(drift)
    assert wanted
    assert [url for url in wanted if not url.startswith(("file:", "data:"))] == []
    assert drift.title == "Drift: confirm"
    assert drift.get_log("browser") == []
    assert HOSTILE in drift.execute_script("return document.body.textContent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_map_and_time_line_are_drawn_in_the_colours_of_the_theme(drift: Any, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    drift.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    colours = drift.execute_script(
        "return ['old', 'new', 'subject'].map(k => getComputedStyle("
        "document.querySelector('.point.' + k)).fill)"
    )
    assert len(set(colours)) == 3
    paper = drift.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    assert drift.execute_script("return document.querySelectorAll('polyline.line').length") == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_window(drift: Any, width: int) -> None:
    drift.set_window_size(width, 900)
    wide = drift.execute_script("return document.documentElement.scrollWidth")
    assert wide <= drift.execute_script("return document.documentElement.clientWidth")
    assert drift.execute_script(OUT_OF_SIGHT) == []
    if folder := os.environ.get("QEMBED_SCREENSHOTS"):
        drift.execute_script("document.querySelector('.bars').scrollIntoView()")
        drift.save_screenshot(f"{folder}/drift-{width}.png")
