"""The page of a map in a real browser: `make browser`."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import chromium
from tests.web.map.made import DRAWN, HOSTILE, made_map, write_map

pytestmark = pytest.mark.browser
SCREENSHOTS = os.environ.get("QEMBED_SCREENSHOTS")
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", e => violations.push(`${e.effectiveDirective} ${e.blockedURI}`));
window.opened = [];
window.open = address => { opened.push(address); };
"""
PAN = """
const done = arguments[0], plot = document.querySelector(".plot"), seen = [];
const box = plot.getBoundingClientRect();
const event = (kind, n) => plot.dispatchEvent(new PointerEvent(kind, {pointerId: 1, button: 0, buttons: 1,
  clientX: box.left + 200 + 3 * n, clientY: box.top + 200 + 2 * n, bubbles: true}));
let n = 0, before = 0;
event("pointerdown", 0);
const step = now => {
  if (before) seen.push(now - before);
  before = now;
  event("pointermove", ++n);
  if (n < 70) requestAnimationFrame(step);
  else { event("pointerup", n); done(seen.slice(5)); }
};
requestAnimationFrame(step);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        found.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        yield found


def size(browser: Any, width: int, height: int = 900) -> None:
    shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)


def opened(browser: Any, path: Path) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    size(browser, 1280)
    browser.get_log("browser")
    browser.get(path.as_uri())
    WebDriverWait(browser, 20, 0.05).until(
        lambda b: b.execute_script("return document.querySelector('.keys')?.childElementCount")
    )
    return browser


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    yield opened(browser, write_map(tmp_path / "map.html", made_map(400, hostile=True), HOSTILE))
    assert browser.execute_script("return violations") == []
    assert browser.title != "owned"
    assert browser.get_log("browser") == []


def pixels(browser: Any, canvas: str) -> int:
    """Pixels of a canvas that something was drawn on."""
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    return int(browser.execute_script(DRAWN, canvas))


def keys(browser: Any, *pressed: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*pressed).perform()


def test_what_is_hostile_is_text(page: Any) -> None:
    assert HOSTILE in page.execute_script("return document.querySelector('.keys').textContent")
    assert page.execute_script("return document.querySelector('#title').textContent") == (
        f"Map of {HOSTILE}"
    )
    assert (
        page.execute_script("return document.querySelectorAll('img, script:not(#data)').length")
        == 1
    )
    for button in page.find_elements("css selector", ".query .point"):
        button.click()
        assert HOSTILE in page.find_element("css selector", "#chosen h2").get_property(
            "textContent"
        )
        links = page.find_elements("css selector", "#chosen a")
        assert all(a.get_attribute("href").startswith("file:///") for a in links)
    names = [b.text for b in page.find_elements("css selector", ".query .point bdi")]
    assert names[1][:9] == HOSTILE[:9]  # without a title, of a file with others: not its name
    assert page.execute_script("return opened") == []  # a file of many records opens at none


def test_the_legend_leaves_groups_out_and_changes_colours(page: Any) -> None:
    before = pixels(page, ".points")
    assert before > 400
    page.find_element("css selector", ".keys button[aria-pressed]").click()
    some = pixels(page, ".points")
    assert 0 < some < before
    none = [b for b in page.find_elements("css selector", ".keys .plain") if b.text == "none"]
    none[0].click()
    assert pixels(page, ".points") == 0
    page.execute_script(
        "const s = document.querySelector('.legend select'); s.value = 2;"
        "s.dispatchEvent(new Event('change'))"
    )
    assert pixels(page, ".points") > 400
    assert page.find_element("css selector", ".keys .ends").text.split() == [
        "2019-04-14",
        "2024-10-04",
    ]


def test_keys_move_zoom_name_and_open(page: Any) -> None:
    page.execute_script("document.querySelector('.plot').focus()")
    shown = pixels(page, ".points")
    keys(page, "+", "+", "+", "+")
    assert pixels(page, ".points") != shown
    keys(page, "0")
    assert pixels(page, ".points") == shown
    for _ in range(12):
        if page.execute_script("return !document.querySelector('.tip').hidden"):
            break
        keys(page, "\ue014")  # to the right
    assert HOSTILE in page.execute_script("return document.querySelector('.tip b').textContent")
    keys(page, "\ue007")
    assert not page.execute_script("return document.querySelector('#chosen').hidden")


def test_pointing_wheel_and_near_duplicates(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    plot = page.find_element("css selector", ".plot")
    shown = pixels(page, ".points")
    page.execute_script(
        "const p = document.querySelector('.plot'), b = p.getBoundingClientRect();"
        "p.dispatchEvent(new WheelEvent('wheel', {deltaY: -500, cancelable: true,"
        " clientX: b.left + 300, clientY: b.top + 300}))"
    )
    assert pixels(page, ".points") != shown
    page.find_element("css selector", ".alike summary").click()
    page.find_element("css selector", ".alike button.soft").click()
    ActionChains(page).move_to_element(plot).perform()
    pixels(page, ".marks")
    assert page.find_elements("css selector", ".alike .point")
    assert "7 clusters" in page.find_element("css selector", ".alike summary").text


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_the_window_in_both_themes(page: Any, width: int) -> None:
    size(page, width)
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        assert pixels(page, ".points") > 200
        assert pixels(page, ".marks") > 100
        assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        if SCREENSHOTS:
            page.save_screenshot(str(Path(SCREENSHOTS) / f"map-{width}-{scheme}.png"))


def test_a_hundred_thousand_points_move_like_a_thousand(browser: Any, tmp_path: Path) -> None:
    medians = {}
    for n in (1_000, 100_000):
        opened(browser, write_map(tmp_path / f"{n}.html", made_map(n)))
        browser.set_script_timeout(60)
        times = min(
            (browser.execute_async_script(PAN) for _ in range(3)),
            key=lambda t: statistics.median(t),
        )
        medians[n] = statistics.median(times)
    print({n: round(m, 1) for n, m in medians.items()})
    assert medians[100_000] < 2.5 * medians[1_000]
