"""The page in a real browser: it asks for nothing, sorts, filters, opens, by keyboard too.

Deselected by default; `make browser` runs it where Debian's chromium and chromium-driver (or Chrome and
its driver) are installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from qembed.evaluation import (
    Report,
    Variant,
    apply_drops,
    apply_floors,
    baseline_differences,
    comparison_json,
    contents_json,
    details_json,
    document_changes,
    evaluate,
    moved_json,
    parse_drops,
    parse_gates,
    parse_measures,
    read_report,
    recall_curve,
    report_json,
    variants_json,
    write_report,
)
from qembed.types import Query
from tests.evaluation.report.contrast import CONTRAST
from tests.evaluation.report.out_of_sight import OUT_OF_SIGHT
from tests.evaluation.report.requested import requested

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"

LONG = "docs/how-to-turn-two-factor-log-in-on-and-off-again-for-everybody-in-a-team-of-yours.md"

CAUSE = "longer passages are cut, a lot of them (qembed index --rebuild encodes everything anew without it)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [f"q{i}" for i in range(12)]
    qrels = {q: {f"d{i}": 1, f"e{i}": 2} for i, q in enumerate(names)}
    run = {
        q: {
            f"d{(i * 5) % 12 if i % 3 else i}": 1.0,
            f"docs/two-factor-log-in-{i}.md": 0.5,
            LONG: 0.1,
        }
        for i, q in enumerate(names)
    }
    then = {q: {f"d{i if i % 2 else 11 - i}": 1.0, "x": 0.5} for i, q in enumerate(names)}
    words = [HOSTILE, *(f"words number {i}" for i in range(1, 12))]
    queries = [Query(q, w) for q, w in zip(names, words, strict=True)]
    measures = parse_measures("nDCG@10 RR@10")
    report = evaluate(measures, qrels, run)
    half = Report(dict.fromkeys(report.measures, 0.1), report.per_query, 12)
    arms = [Variant({"dim": 8}, half, 0.5), Variant({"dim": 16}, report, 1.0)]
    baseline = report_json(
        evaluate(measures, qrels, then),
        settings={},
        recipe=None,
        details=details_json(queries, qrels, then, {}),
        contents=contents_json({"gone.md": b"1", "docs/two-factor-log-in-1.md": b"1"}),
        provenance={"date": "2026-11-27T10:00:00Z", "commit": "b" * 40},
    )
    body = report_json(
        report,
        settings={"mode": "hybrid"},
        recipe=None,
        ablations=variants_json("dim", arms, 1, "nDCG@10"),
        recall=recall_curve(run, qrels, 10),
        details=details_json(queries, qrels, run, {}),
        contents=contents_json({"docs/two-factor-log-in-1.md": b"2"}),
        provenance={"date": "2026-11-28T10:00:00Z", "commit": "c" * 40, "index": ".qembed"},
        floors=parse_gates(["RR@10=0.5"]),
        latency={"cold": 1.0, "median": 0.01, "p95": 0.02, "queries": 3},
    )
    found = baseline_differences(baseline, report)
    floors = apply_floors(parse_gates(["RR@10=0.5"]), report)
    drops = apply_drops(parse_drops(["nDCG@10=2%"]), ["nDCG@10", "RR@10"], found)
    body["causes"] = [CAUSE, "x" * 9 + " " + CAUSE, "x" * 19 + " " + CAUSE]
    body["gates"] = [g.to_json() for g in [*floors, *drops]]
    body["comparison"] = comparison_json(
        found,
        len(names),
        moved=moved_json(baseline, body, names, ["nDCG@10", "RR@10"]),
        documents=document_changes(baseline, body),
        provenance=baseline["provenance"],
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(body, path)
    write_report(body, path.with_suffix(".json"))
    return path


@pytest.fixture
def opened(browser: Any, page: Path) -> Any:
    browser.set_window_size(1280, 1600)
    browser.get(page.as_uri())
    return browser


def shown(browser: Any) -> list[str]:
    """The ids of the queries that can be seen, in order."""
    return browser.execute_script(
        "return [...document.querySelectorAll('#table tbody tr.query')].filter(r => !r.hidden)"
        ".map(r => r.querySelector('summary span').textContent)"
    )


def test_nothing_is_fetched_and_nothing_hostile_runs(opened: Any) -> None:
    wanted = requested(opened)
    assert wanted
    assert [url for url in wanted if not url.startswith(("file:", "data:"))] == []
    assert opened.title == "Retrieval quality"
    assert opened.get_log("browser") == []
    first = opened.execute_script("return document.querySelector('#table').textContent")
    assert HOSTILE in first


@pytest.mark.slow
def test_sorting_and_filtering(opened: Any) -> None:
    from selenium.webdriver.common.by import By

    before = shown(opened)
    assert len(before) == 12
    heads = opened.find_elements(By.CSS_SELECTOR, "#table th button")
    heads[2].click()  # ascending as written, so now descending
    values = opened.execute_script(
        "return [...document.querySelectorAll('#table tr.query')].map(r => +r.cells[2].dataset.value)"
    )
    assert values == sorted(values, reverse=True)
    box = opened.find_element(By.ID, "filter")
    box.send_keys("words Q7")
    assert shown(opened) == ["q7"]
    assert opened.find_element(By.ID, "count").text == "1 of 12 queries"
    box.clear()
    box.send_keys("zzz")
    assert shown(opened) == []


@pytest.mark.slow
def test_by_keyboard_alone(opened: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    summary = opened.find_element(By.CSS_SELECTOR, "#table summary")
    details = opened.find_element(By.CSS_SELECTOR, "#table details")
    opened.execute_script("arguments[0].focus()", opened.find_element(By.CSS_SELECTOR, "#show"))
    for _ in range(6):  # past the table's box and its four heads to the first query
        opened.switch_to.active_element.send_keys(Keys.TAB)
    assert opened.switch_to.active_element == summary
    summary.send_keys(Keys.ENTER)
    assert details.get_attribute("open") is not None
    more = opened.find_element(By.CSS_SELECTOR, "#table tr.more")
    assert "Judged" in more.text
    assert "grade 2" in more.text
    assert opened.execute_script(
        "return document.querySelector('#table tr.query + tr.more td').textContent"
    ).count("grade 2")
    summary.send_keys(Keys.ENTER)
    assert not more.is_displayed()


def test_what_is_worse_than_the_baseline(opened: Any, page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    body = read_report(page.with_suffix(".json"))
    changes = {
        entry["query"]: {m: entry["now"][m] - entry["was"][m] for m in entry["was"]}
        for entry in body["comparison"]["moved"]
    }
    wanted = {
        "worse": {q for q, by in changes.items() if min(by.values()) < 0},
        "worse-0": {q for q, by in changes.items() if by.get("nDCG@10", 0) < 0},
        "worse-1": {q for q, by in changes.items() if by.get("RR@10", 0) < 0},
        "better": {q for q, by in changes.items() if max(by.values()) > 0},
        "all": set(body["per_query"]),
    }
    select = Select(opened.find_element(By.ID, "show"))
    for name, queries in wanted.items():
        select.select_by_value(name)
        assert set(shown(opened)) == queries, name
    names = [o.text for o in select.options]
    assert f"worse in nDCG@10: {len(wanted['worse-0'])}" in names
    cells: dict[str, str] = dict(
        opened.execute_script(
            "return [...document.querySelectorAll('#table tr.query')]"
            ".map(r => [r.querySelector('summary span').textContent, r.cells[1].innerText])"
        )
    )
    for query, by in changes.items():
        lines = [f"{m} {by[m]:+.3f}" for m in sorted(by, key=lambda m: by[m])]
        assert cells[query].split("\n") == lines
    head = opened.find_elements(By.CSS_SELECTOR, "#table th button")[1]
    assert head.text.startswith("change")
    head.click()
    least = [min(changes.get(q, {"": 0.0}).values()) for q in shown(opened)]
    assert least == sorted(least)
    assert least[0] < 0 < least[-1]
    # what belongs to a query stays below it
    assert opened.execute_script(
        "return [...document.querySelectorAll('#table tbody tr')]"
        ".every((r, i) => r.className === (i % 2 ? 'more' : 'query'))"
    )


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_an_opened_query_has_the_width_of_the_page(opened: Any, width: int) -> None:
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        box, page, lines, ids, breaks = opened.execute_script(WIDTHS)
        assert breaks == []  # texts with a line that ends behind a hyphen, or in a command
        assert box >= 0.9 * page
        assert box <= page
        assert lines == []  # ids that are not on one line
        assert ids > 10
        rows = opened.execute_script(
            "return [...document.querySelectorAll('.cards .card')].map(e => e.offsetTop)"
        )
        if width == 390:
            assert [rows.count(y) for y in sorted(set(rows))] == [2, 1]
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_wide_table_on_a_phone_shows_that_it_scrolls(opened: Any) -> None:
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        boxes = opened.execute_script(
            "return [...document.querySelectorAll('.wrap')].filter(e => e.scrollWidth > e.clientWidth)"
            ".map(e => [e.tabIndex, getComputedStyle(e, '::-webkit-scrollbar').height,"
            " getComputedStyle(e).backgroundImage])"
        )
        assert boxes
        for index, bar, shadow in boxes:
            assert (index, bar) == (0, "8px")
            assert shadow.count("linear-gradient") == 4
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_and_can_be_read(opened: Any, scheme: str, width: int) -> None:
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        # tables scroll in their own boxes, the page does not
        assert opened.execute_script("return document.documentElement.scrollWidth") <= width
        # but gates are read as a whole on any page
        gates = "const e = document.querySelector('.gates').parentElement;"
        assert opened.execute_script(f"{gates} return e.scrollWidth - e.clientWidth") <= 0
        assert opened.execute_script(OUT_OF_SIGHT) == []
        contrasts = opened.execute_script(CONTRAST)
        assert min(contrasts) >= 4.5, contrasts
        if folder := os.environ.get("QEMBED_SCREENSHOTS"):
            for part in ("header", ".bars", "#table"):
                opened.execute_script(f"document.querySelector('{part}').scrollIntoView()")
                opened.save_screenshot(f"{folder}/{scheme}-{width}-{part.strip('.#')}.png")
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# [width of an opened query, width of the page's text, shorter ids over several lines, number of ids, texts
# that break behind a hyphen]
WIDTHS = """
document.querySelectorAll('details').forEach(d => { d.open = true; });
const box = document.querySelector('#table tr.more .two').getBoundingClientRect().width;
const page = document.querySelector('main').getBoundingClientRect().width;
const ids = [...document.querySelectorAll('.id span')].filter(e => e.offsetHeight);
const one = e => parseFloat(getComputedStyle(e).lineHeight) * 1.5;
const tall = ids.filter(e => e.offsetHeight > one(e) && e.className !== 'long');
const top = (node, at) => {
  const range = document.createRange();
  range.setStart(node, at); range.setEnd(node, at + 1);
  return range.getBoundingClientRect().top;
};
const breaks = [...document.querySelectorAll('.id, .note')].filter(e => e.offsetHeight).filter(e => {
  const walker = document.createTreeWalker(e, NodeFilter.SHOW_TEXT), places = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (let at = 0; at < node.length; at++) places.push([node.data[at], top(node, at)]);
  }
  const text = places.map(p => p[0]).join('');
  const command = text.indexOf('qembed index --rebuild');
  return places.some(([c, y], i) => i && Math.abs(places[i - 1][1] - y) > 9 && (
    (places[i - 1][0] === '-' && /\\w/.test(c)) || (command >= 0 && i > command && i < command + 22)));
});
return [box, page, tall.map(e => e.textContent), ids.length, breaks.map(e => e.textContent)];
"""
