"""Pictures on the search page in a real browser: `make browser`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.http.conftest import TOKEN, Site
from tests.web.page.window import Window

pytest.importorskip("PIL")

from qembed.web.http.settings import make_settings
from tests.web.gallery import HOSTILE, gallery  # needs Pillow

pytestmark = pytest.mark.browser
SCREENSHOTS = os.environ.get("QEMBED_SCREENSHOTS")
SHOWN = "[...document.querySelectorAll('.picture img')].filter(e => e.complete && e.naturalWidth).length"


@pytest.fixture(scope="module", params=["open", "with a token"])
def window(
    request: pytest.FixtureRequest, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Window]:
    with gallery(tmp_path_factory.mktemp("gallery") / "work") as shell:
        environ = {"QEMBED_HTTP_TOKEN": TOKEN} if request.param != "open" else {}
        site = Site(shell, make_settings("0", environ=environ))
        made = Window(browser, site)
        made.size(1280)
        made.requests()
        browser.get_log("browser")
        if environ:
            browser.get(made.origin)
            made.js("void sessionStorage.setItem('qembed-token', arguments[0])", TOKEN)
            browser.get_log("browser")
        yield made
        site.end()


def shoot(window: Window, name: str) -> None:
    if SCREENSHOTS:
        window.browser.save_screenshot(str(Path(SCREENSHOTS) / f"{name}.png"))


def test_a_grid_of_pictures(window: Window) -> None:
    window.open(q="red", kind="image", k=10)
    window.until(f"{SHOWN} === 10")
    assert window.js("document.querySelector('#hits').classList.contains('grid')")
    places = window.js(
        "[...document.querySelectorAll('.hit')].map(e => e.getBoundingClientRect().top)"
    )
    assert places[0] == places[1] == places[2], "side by side"
    assert window.js("document.querySelector('#kind').value") == "image"
    sources = window.js(
        "[...document.querySelectorAll('.picture img')].map(e => e.src.slice(0, 22))"
    )
    assert set(sources) == {"data:image/jpeg;base64"}
    shoot(window, "pictures-grid")
    window.check_quiet()


def test_texts_and_pictures(window: Window) -> None:
    window.open(q="red colour of the door", mode="dense", k=10)
    window.until(f"{SHOWN} === document.querySelectorAll('.picture').length && {SHOWN} > 1")
    assert not window.js("document.querySelector('#hits').classList.contains('grid')")
    assert "The door" in window.titles()
    # a caption is text, whatever it says
    assert HOSTILE in [e.get_attribute("alt") for e in window.all(".picture img")]
    assert window.browser.title == "qembed"
    shoot(window, "pictures-mixed")
    window.check_quiet()


def test_the_reader_shows_the_picture(window: Window) -> None:
    window.open(q="blue", kind="image", k=5)
    window.all(".hit h2 a")[0].click()
    window.until("document.querySelector('#text .picture img')?.naturalWidth")
    assert "blue" in window.text("#heading")
    shoot(window, "pictures-reader")
    window.check_quiet()
