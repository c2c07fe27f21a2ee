"""Long queries and ids in a browser: three lines of a query until it is opened, numbers at first lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qembed.evaluation import (
    Report,
    details_json,
    diff_reports,
    parse_gates,
    report_json,
    write_report,
)
from qembed.evaluation.report.html import diff_html
from qembed.evaluation.report.tuning import write_tuning
from qembed.types import Query
from tests.evaluation.report.tuning_body import tuning_body

pytestmark = pytest.mark.browser

LONG = " ".join(f"word{n} of a question that goes on" for n in range(110))
ID = "x" * 150
CLIPPED = """
return [...document.querySelectorAll('.clip')].map(e => {
  const style = getComputedStyle(e);
  return Math.round(e.getBoundingClientRect().height / parseFloat(style.lineHeight));
});
"""
NUMBERS = """
document.querySelectorAll('#table details').forEach(d => d.open = true);
return [...document.querySelectorAll('li')].filter(li => li.querySelector('.long')).map(li => {
  const base = document.createElement('span');  // stands on the line that the number stands on
  base.style.cssText = 'display:inline-block;width:0;height:0';
  li.prepend(base);
  const at = base.getBoundingClientRect().bottom - li.getBoundingClientRect().top;
  const high = li.querySelector('.long').offsetHeight;
  base.remove();
  return [at, high, parseFloat(getComputedStyle(li).lineHeight)];
});
"""


def body(value: float) -> dict[str, Any]:
    run = {"q1": {ID: 2.0, "b": 1.0}}
    return report_json(
        Report({"RR@10": value}, {"q1": {"RR@10": value}}, 1),
        settings={},
        recipe=None,
        details=details_json([Query("q1", LONG)], {"q1": {ID: 1}}, run, {}),
        floors=parse_gates(["RR@10=0.9"]),
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return pages of a report, of a difference of two, and of a tuning."""
    folder = tmp_path_factory.mktemp("pages")
    paths = [folder / f"{name}.html" for name in ("report", "diff", "tuning")]
    write_report(body(0.5), paths[0])
    paths[1].write_text(diff_html(diff_reports(body(1.0), body(0.5))), "utf-8")
    tuning = tuning_body()
    next(iter(tuning["per_query"].values()))["query"] = LONG
    write_tuning(tuning, paths[2])
    return paths


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_query_has_three_lines_until_it_is_opened(
    browser: Any, pages: list[Path], width: int
) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        for page, many in zip(pages, (2, 1, 1), strict=True):
            browser.get(page.as_uri())
            assert browser.execute_script(CLIPPED) == [3] * many, page.name
            for summary in browser.find_elements("css selector", "table summary:has(.clip)"):
                summary.click()
            opened = browser.execute_script(CLIPPED)
            if page.name == "diff.html":  # open from the beginning
                assert opened == [3]
                whole = browser.find_element("css selector", ".fell details")
                whole.find_element("css selector", "summary").click()
                assert LONG in whole.text
            else:
                assert min(opened) > 10, page.name
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_number_of_a_long_id_stands_at_its_first_line(browser: Any, pages: list[Path]) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        browser.get(pages[0].as_uri())
        found = browser.execute_script(NUMBERS)
        assert len(found) == 2  # returned, and judged
        for at, high, line in found:
            assert high > 2 * line
            assert at < line
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
