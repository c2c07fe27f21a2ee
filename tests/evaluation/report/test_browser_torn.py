"""Ids, dates, small p and arrows stay on one line in a real browser, and columns of ids are wide enough."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from qembed.evaluation import (
    Report,
    details_json,
    parse_gates,
    report_json,
    write_report,
)
from qembed.evaluation.report.drift import write_drift
from qembed.evaluation.report.tuning import write_tuning
from qembed.types import Query
from tests.drift.report_body import drift_body
from tests.evaluation.report.torn import TORN
from tests.evaluation.report.tuning_body import tuning_body

pytestmark = pytest.mark.browser

WORDS = "what happens to the orders that were made before, if anything at all happens to them"


def eval_body(ids: list[str]) -> dict[str, Any]:
    per_query = {q: {"RR@10": 0.0, "AP": 0.5} for q in ids}
    report = Report({"RR@10": 0.0, "AP": 0.5}, per_query, len(ids))
    moved = {"baseline": 0.5, "got": 0.0, "difference": -0.5, "low": -0.6, "high": -0.4, "p": 5e-05}
    counts = {"better": 0, "worse": 2, "same": 0}
    body = report_json(
        report,
        settings={"run": "runs/of-another-system-that-is-not-ours/2026-11-30/first-try.trec"},
        recipe=None,
        details=details_json([Query(q, WORDS) for q in ids], {q: {"d": 1} for q in ids}, {}, {}),
        floors=parse_gates(["RR@10=0.3"]),
        causes=[
            f"{'x' * n} refunds.md (grade 1): rank 1 -> not among the first" for n in (9, 19, 60)
        ],
    )
    measures = {"RR@10": moved | counts, "AP": moved | counts}
    return body | {"comparison": {"queries": 2, "measures": measures, "moved": []}}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = [folder / f"{name}.html" for name in ("uuids", "paths", "drift", "tuning")]
    write_report(eval_body([str(uuid.UUID(int=n**30)) for n in range(7, 12)]), paths[0])
    part = "a-query-of-some-other-program-that-likes-hyphens"
    write_report(eval_body([f"{part}/{part}-{n}" for n in range(3)]), paths[1])
    drift = drift_body()
    drift["signals"][0]["adjusted_p"] = 5e-05
    write_drift(drift, paths[2])
    tuning = tuning_body()
    tuning["gain"]["new"] |= {"p": 5e-05, "low": -0.0004}
    tuning["gain"]["seen"] = tuning["gain"]["new"]
    write_tuning(tuning, paths[3])
    return paths


@pytest.mark.parametrize("width", [390, 480, 768, 1280])
def test_nothing_is_torn(browser: Any, pages: list[Path], width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        for page in pages:
            browser.get(page.as_uri())
            assert browser.execute_script(TORN) == [], page.name
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
