"""Dates that are typed, history and shared addresses of the search page in a browser: `make browser`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.http.conftest import Site
from tests.web.page.window import Window

pytestmark = pytest.mark.browser
ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"
KEY_SECONDS = 0.35
"""Time between two keys of somebody who looks at the date while typing it."""
YEAR = "new URLSearchParams(location.search).get('f')"
DAY = "document.querySelector('#fields [data-name=day] input')"


@pytest.fixture
def window(browser: Any, site: Site) -> Iterator[Window]:
    made = Window(browser, site)
    made.size(1280, 1600)
    made.requests()
    browser.get_log("browser")
    yield made
    made.check_quiet()


def test_a_date_is_typed_key_by_key(window: Window) -> None:
    window.open(q="note parcel", k=100)
    window.one("#fields [data-name=day]").find_element("css selector", "summary").click()
    window.js(f"{DAY}.closest('details').open = true")
    window.js(f"{DAY}.focus()")
    for n, key in enumerate("01012026"):
        assert window.url_value("f") is None, n
        window.keys(key)
        if n == 5:  # hits are drawn anew meanwhile
            window.browser.execute_script(
                "document.querySelector('#k').dispatchEvent(new Event('change'))"
            )
        time.sleep(KEY_SECONDS)
        assert window.js(f"document.activeElement === {DAY}"), n
    window.until(
        'new URLSearchParams(location.search).get(\'f\') === \'["day","date","2026-01-01",""]\''
    )
    window.count("3 hits")
    assert window.js(f"[document.activeElement === {DAY}, {DAY}.value]") == [True, "2026-01-01"]
    # the next key goes on in the year
    window.keys("2025")
    assert "2026-01-01" in window.url_value("f")
    window.keys(ENTER)
    window.until("new URLSearchParams(location.search).get('f').includes('2025-01-01')")
    window.settled()
    window.keys("0002")
    window.browser.execute_async_script("setTimeout(arguments[0], 1500)")
    assert "2025-01-01" in window.url_value("f")
    window.keys("2026")
    window.one("#box").click()
    window.until("new URLSearchParams(location.search).get('f').includes('2026-01-01')")
    window.count("3 hits")


def test_a_range_is_filled_by_keys_and_by_the_mouse(window: Window) -> None:
    window.open(q="note parcel", k=100)
    year = window.one("#fields [data-name=year]")
    window.js("arguments[0].open = true", year)
    low, high = year.find_elements("css selector", "input")
    low.click()
    window.keys("2010" + TAB)
    assert window.js("document.activeElement === arguments[0]", high)
    window.keys("2020" + TAB)
    window.until(f'{YEAR} === \'["year","range","2010","2020"]\'')
    window.settled()
    assert window.js("document.activeElement.closest('#fields, #free') !== null")
    low.clear()
    low.click()
    window.keys("2012")
    high.click()
    window.keys("1")
    window.settled()
    assert window.js("document.activeElement === arguments[0]", high)
    window.keys(ENTER)
    window.until(f'{YEAR} === \'["year","range","2012","20201"]\'')
    # a click elsewhere meets what it was aimed at
    low.click()
    window.keys("0")
    window.js("document.querySelector('#fields [data-name=lang]').open = true")
    window.one("#fields [data-name=lang] label").click()
    window.until("new URLSearchParams(location.search).getAll('f').length === 2")
    window.settled()
    window.one("#where").click()
    window.keys("year > 2001" + TAB)
    window.until("new URLSearchParams(location.search).has('where')")
    window.settled()
    assert window.js("document.activeElement.closest('#results') !== null")
    # what is taken away leaves its control, and the focus has a place
    for left in (2, 1, 0):
        window.one(".chips button").click()
        window.until(f"document.querySelectorAll('.chips button').length === {left}")
        window.settled()
    assert window.js("[arguments[0].value, arguments[1].value]", low, high) == ["", ""]
    assert window.js("document.activeElement !== document.body")
    assert not window.all("#fields input:checked")


def back_from(window: Window, close: str) -> None:
    """Close the document, and check that the list it was opened from is there."""
    if close == "keys":
        window.keys(ESCAPE)
    else:
        window.one("#close").click()
    window.until("!document.querySelector('#reader').open && !location.search.includes('doc=')")
    window.browser.execute_async_script("setTimeout(arguments[0], 300)")
    assert window.url_value("q") == "zeppelin"
    assert window.titles()[0] == "A long journey"


@pytest.mark.parametrize("close", ["keys", "button"])
def test_a_document_that_forward_opened_closes_to_its_list(window: Window, close: str) -> None:
    window.open()
    for words in ("note", "zeppelin"):
        window.one("#box").clear()
        window.one("#box").send_keys(words + ENTER)
        window.until(f"new URLSearchParams(location.search).get('q') === '{words}'")
        window.settled()
    window.all(".hit h2 a")[0].click()
    window.until("document.querySelector('#text mark')")
    back_from(window, close)
    for _ in range(2):
        window.browser.forward()
        window.until("document.querySelector('#reader').open")
        back_from(window, close)
    # without a gesture of the user
    window.browser.execute_script("document.querySelector('.hit h2 a').click()")
    window.until("document.querySelector('#reader').open")
    back_from(window, close)
    window.browser.back()
    window.until("document.querySelector('#box').value === 'note'")
    window.settled()


def test_what_an_address_has_that_cannot_be_read_is_named(window: Window) -> None:
    broken = [
        '["year","range","x",""]',
        '["day","date","2026-13-01",""]',
        "zz",
        '["lang","in","en"]',
    ]
    window.open(q="note", k=99999, mode="zz", f=broken, kk=7)
    (note,) = [n for n in window.all("#notes .note") if "address" in n.text]
    for named in ("k=99999", "mode=zz", "kk=7", *(f"f={f}" for f in broken[:3])):
        assert named in note.text
    assert "lang" not in note.text
    assert [b.text for b in window.all(".chips button")] == ["lang in ('en') ×"]
    # the address of what is done next has what was read alone
    window.one(".chips button").click()
    window.until("!document.querySelector('.chips')")
    window.settled()
    assert window.all("#notes .note") == []
    assert window.js("location.search") == "?q=note"
    window.open(q="note", doc="long.md", passage=99)
    window.until("document.querySelector('#part').textContent.includes('it has no passage 99')")
    window.keys(ESCAPE)
    window.until("!document.querySelector('#reader').open")
    window.browser.get_log("browser")  # which notes the answer 404
    window.open(k=99999)
    assert "k=99999" in window.text("#notes")
