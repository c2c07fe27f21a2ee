"""The map on the search page in a real browser: `make browser`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.http.conftest import Site
from tests.web.map.made import DRAWN
from tests.web.page.conftest import HOSTILE
from tests.web.page.window import Window

pytestmark = pytest.mark.browser
SCREENSHOTS = os.environ.get("QEMBED_SCREENSHOTS")
READY = "document.querySelector('#map .keys')?.childElementCount"
ENTER, ESCAPE = "\ue007", "\ue00c"


@pytest.fixture
def window(browser: Any, site: Site) -> Iterator[Window]:
    made = Window(browser, site)
    made.size(1280)
    made.requests()
    browser.get_log("browser")
    yield made
    made.check_quiet()


def marked(window: Window) -> int:
    """Pixels that are drawn above the points."""
    window.browser.execute_async_script(
        "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
    )
    return int(window.browser.execute_script(DRAWN, ".marks"))


def test_the_map_is_made_and_follows_the_query(window: Window) -> None:
    window.open(q="refund", mode="lexical")
    window.one("#mapswitch").click()
    window.until(READY)
    assert window.url_value("view") == "map"
    assert HOSTILE[:20] in window.text("#map")
    window.one("#map .row label:last-child input").click()  # no names
    with_hits = marked(window)
    assert with_hits > 0
    window.one("#box").clear()
    window.one("#box").send_keys("nothingthatisthere")
    window.count("No hits")
    assert marked(window) < with_hits
    window.one("#mapswitch").click()
    window.until("document.querySelector('#maproom').hidden")
    assert window.url_value("view") is None
    window.browser.back()
    window.until("!document.querySelector('#maproom').hidden")


def test_a_point_opens_its_document(window: Window) -> None:
    window.open(q="refund", view="map")
    window.until(READY)
    window.browser.execute_script("document.querySelector('#map .plot').focus()")
    for _ in range(12):
        window.keys("\ue014")
        if window.js("!document.querySelector('#map .tip').hidden"):
            break
    title = window.text("#map .tip b")
    window.keys(ENTER)
    window.until("document.querySelector('#text').textContent")
    assert window.text("#heading")[:20] == title[:20]
    assert window.url_value("doc")
    window.keys(ESCAPE)
    window.until("!document.querySelector('#reader').open")
    assert window.js("!document.querySelector('#maproom').hidden")


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_in_both_themes(window: Window, width: int) -> None:
    window.size(width)
    for scheme in ("light", "dark"):
        window.scheme(scheme)
        window.open(q="parcel", view="map")
        window.until(READY)
        assert marked(window) > 0
        assert window.js("document.documentElement.scrollWidth <= innerWidth")
        if SCREENSHOTS:
            window.browser.save_screenshot(
                str(Path(SCREENSHOTS) / f"page-map-{width}-{scheme}.png")
            )
