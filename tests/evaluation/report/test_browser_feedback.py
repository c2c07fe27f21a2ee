"""The page of `qembed feedback report` in a real browser: both themes, three widths, nothing fetched."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from tests.cli.conftest import BAG, Shell
from tests.evaluation.report.contrast import CONTRAST
from tests.evaluation.report.out_of_sight import OUT_OF_SIGHT
from tests.evaluation.report.requested import requested

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
DAY = 1_790_000_000.0


def log(root: Path) -> None:
    """Persons of an experiment whose neighbours were exchanged, and agents with tasks."""
    rows: list[LoggedQuery | Event] = []
    both = {"interleaved": {"a": f"mode=dense {HOSTILE}", "b": "mode=hybrid", "teams": "AB" * 5}}
    for n in range(240):
        order = [f"d{(n + i) % 12}" for i in range(10)]
        swapped = (1 + n % 9,)
        hits = tuple(ShownHit(d, rank) for rank, d in enumerate(order, 1))
        who: dict[str, Any] = {"client_id": f"c{n}", "client_kind": "person"}
        text = f"parcel {n % 12}"
        rows.append(
            LoggedQuery(f"q{n}", text, DAY + n, hits, settings=both, explored=swapped, **who)
        )
        rank = 2 + 2 * (n % 3) if n % 4 else 1
        rows.append(Event(f"e{n}", f"q{n}", "click", DAY + n, order[rank - 1], rank, **who))
    for n in range(30):
        who = {"client_id": f"agent{n}", "client_kind": "agent", "session_id": f"run{n}"}
        hits = (ShownHit("d1", 1), ShownHit("d2", 2))
        rows.append(LoggedQuery(f"a{n}", "lost parcel", DAY + n, hits, **who))
        rows.append(Event(f"ac{n}", f"a{n}", "cite", DAY + n, f"d{1 + n % 2}", **who))
        how = "success" if n % 3 else "failure"
        told = {"steps": 4 + n % 5, "tokens": 5000 + 10 * n}
        rows.append(Event(f"ao{n}", f"a{n}", how, DAY + n + 1, "", attributes=told, **who))
    LogStore(root).append([encode_row(row_of(r)) for r in rows])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shell = Shell(tmp_path_factory.mktemp("feedback"))
    lines = [{"_id": f"d{n}", "text": f"parcel {n} of the yard {n % 3}"} for n in range(12)]
    shell.write("c.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert shell("index", "c.jsonl", "--model", BAG).code == 0
    log(shell.folder / ".qembed")
    done = shell("feedback", "report", "--against", "mode=lexical", "--report", "r.html")
    assert done.code == 0, done.err
    return shell.folder / "r.html"


@pytest.fixture
def report(browser: Any, page: Path) -> Any:
    browser.set_window_size(1280, 1600)
    browser.get_log("performance")
    browser.get(page.as_uri())
    return browser


def test_nothing_is_fetched_and_nothing_hostile_runs(report: Any) -> None:
    wanted = requested(report)
    assert wanted
    assert [url for url in wanted if not url.startswith(("file:", "data:"))] == []
    assert report.title == "Feedback on an index"
    assert report.get_log("browser") == []
    text = report.execute_script("return document.body.textContent")
    assert HOSTILE in text
    for part in ("Experiments", "Had answers been by", "Ranks", "Tasks of agents", "Preferences"):
        assert part in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_and_can_be_read(report: Any, scheme: str, width: int) -> None:
    report.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 1800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        # tables scroll in their own boxes, the page does not
        assert report.execute_script("return document.documentElement.scrollWidth") <= width
        assert report.execute_script(OUT_OF_SIGHT) == []
        contrasts = report.execute_script(CONTRAST)
        assert min(contrasts) >= 4.5, contrasts
        paper = report.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
        if folder := os.environ.get("QEMBED_SCREENSHOTS"):
            report.save_screenshot(f"{folder}/feedback-{scheme}-{width}.png")
    finally:
        report.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_wide_tables_scroll_by_keyboard(report: Any) -> None:
    report.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        boxes = report.execute_script(
            "return [...document.querySelectorAll('.wrap')].filter(e => e.scrollWidth > e.clientWidth)"
            ".map(e => e.tabIndex)"
        )
        assert boxes
        assert set(boxes) == {0}
    finally:
        report.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
