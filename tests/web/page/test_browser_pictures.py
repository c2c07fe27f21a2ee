"""Pictures on the search page in a real browser: `make browser`."""

from __future__ import annotations

import base64
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


def sample(window: Window, name: str = "blue-1.png") -> Path:
    return window.site.shell.folder / "docs" / name


def give(window: Window, kind: str, data: bytes, name: str, media: str = "image/png") -> None:
    """Send the page a paste or a drop of a file, as a browser does."""
    window.browser.execute_script(
        """
        const [kind, base64, name, type] = arguments, transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
        transfer.items.add(new File([bytes], name, {type}));
        const traits = {bubbles: true, cancelable: true};
        const target = document.querySelector("#box");
        window.refused = !target.dispatchEvent(kind === "paste"
          ? new ClipboardEvent("paste", {...traits, clipboardData: transfer})
          : new DragEvent("drop", {...traits, dataTransfer: transfer}));
        """,
        kind, base64.b64encode(data).decode(), name, media,
    )  # fmt: skip


def test_a_chosen_picture_finds_alike_ones(window: Window) -> None:
    from selenium.webdriver.common.keys import Keys

    window.open(q="refunds", kind="", k=5)
    window.until("!document.querySelector('#choose').hidden")
    window.browser.find_element("css selector", "#box").send_keys(Keys.TAB)
    assert window.focused() == "choose", "the keyboard reaches it behind the box"
    window.one("#file").send_keys(str(sample(window)))
    window.until("document.querySelector('#sample img')?.naturalWidth")
    window.until("document.querySelector('#count').textContent.endsWith('like blue-1.png')")
    window.until(f"{SHOWN} === 5")
    assert window.titles()[0][:4] == "blue"
    assert window.js("document.querySelector('#hits').classList.contains('grid')")
    assert window.focused() == "box"
    # the address does not say what it cannot hold; nothing can be asked of words
    assert window.url_value("q") is None
    assert window.url_value("k") == "5"
    assert window.js("document.querySelector('#mode').disabled")
    assert window.js("document.querySelector('#box').value") == ""
    shoot(window, "pictures-sample")
    window.size(390)
    edges = "['#choose', '#sample button'].map(s => document.querySelector(s).getBoundingClientRect().right)"
    assert max(window.js(edges)) < 390, "all of the box is on a narrow window"
    window.size(1280)
    window.one("#more").click()
    window.until(f"{SHOWN} > 5")
    window.check_quiet()
    # back to the words, and to the picture again
    window.browser.back()
    window.until(
        "document.querySelector('#box').value === 'refunds' && document.querySelector('#sample').hidden"
    )
    window.browser.forward()
    window.until("!document.querySelector('#sample').hidden")
    window.until("document.querySelector('#count').textContent.endsWith('like blue-1.png')")
    window.one("#box").send_keys(Keys.BACKSPACE)
    window.until("document.querySelector('#sample').hidden")
    window.check_quiet()


def test_a_picture_is_not_kept_when_the_page_is_loaded_anew(window: Window) -> None:
    window.open(k=5)
    window.one("#file").send_keys(str(sample(window)))
    window.until(f"{SHOWN} === 5")
    window.browser.refresh()
    window.until("document.querySelector('#told').textContent.includes('is not kept')")
    window.until("document.querySelector('#count').textContent.includes('to search')")
    assert window.js("document.querySelector('#sample').hidden")


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_pasted_or_dropped(window: Window, kind: str) -> None:
    window.open(k=5)
    window.until("!document.querySelector('#choose').hidden")
    give(window, kind, sample(window, "green-0.png").read_bytes(), "g.png")
    assert window.js("window.refused"), "the browser is kept from its own ways"
    window.until(f"{SHOWN} === 5")
    assert window.titles()[0][:5] == "green"
    # words take its place
    window.one("#box").send_keys("red")
    window.until("document.querySelector('#sample').hidden")
    window.settled()
    assert window.url_value("q") == "red"
    window.check_quiet()


def test_a_large_picture_is_made_smaller_here(window: Window) -> None:
    from tests.corpus import pictures as made

    window.open(k=5)
    window.until("!document.querySelector('#choose').hidden")
    noise = made.Image.effect_noise((3000, 2000), 60).convert("RGB")
    red = made.Image.blend(noise, made.Image.new("RGB", noise.size, made.RED), 0.9)
    data = made.saved(red, "PNG", compress_level=0)
    assert len(data) > window.site.face.settings.limits.body
    give(window, "paste", data, "large.png")
    window.until(f"{SHOWN} === 5")
    assert window.titles()[0][:3] == "red"
    window.check_quiet()


def test_what_is_no_picture(window: Window) -> None:
    window.open(k=5)
    window.until("!document.querySelector('#choose').hidden")
    give(window, "drop", b"words", "a.txt", "text/plain")
    assert window.js("window.refused"), "the page stays"
    window.until("document.querySelector('#told').textContent === 'That is no picture'")
    give(window, "paste", b"words", "<img src=x onerror=alert(1)>.png")
    window.until("document.querySelector('#help').textContent.includes('no picture in a format')")
    assert "<img src=x" in window.text("#sample")
    window.all("#sample button")[0].click()
    window.until("document.querySelector('#count').textContent.includes('to search')")
    assert window.focused() == "box"
    assert window.js("window.violations") == []
    window.browser.get_log("browser")  # has the refusal
