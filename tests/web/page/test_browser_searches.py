"""Filters, feedback, tokens and failures on the search page in a real browser: `make browser`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from qembed.web.http.settings import make_settings
from tests.cli.conftest import Shell
from tests.web.http.conftest import TOKEN, Site
from tests.web.page.conftest import served_copy
from tests.web.page.window import Window

pytestmark = pytest.mark.browser
ENTER, ESCAPE = "\ue007", "\ue00c"


@pytest.fixture
def window(browser: Any, site: Site) -> Iterator[Window]:
    made = fresh(browser, site)
    yield made
    made.check_quiet()


def fresh(browser: Any, site: Site) -> Window:
    made = Window(browser, site)
    made.size(1280, 1600)
    made.requests()
    browser.get_log("browser")
    return made


def same_as_the_server(window: Window, **body: Any) -> list[str]:
    """The titles that are shown, which are those of the hits that the server gives."""
    hits = window.site.post("/search", {"query": "note parcel", "k": 100, "log": False, **body})[
        "hits"
    ]
    wanted = [h["title"] or h["document"] for h in hits]
    shown = "JSON.stringify([...document.querySelectorAll('.hit h2')].map(e => e.textContent))"
    window.until(f"{shown} === JSON.stringify({json.dumps(wanted)})")
    return wanted


def field(window: Window, name: str) -> Any:
    """The control of a field, opened."""
    found = window.one(f"#fields [data-name='{name}']")
    window.js("arguments[0].open = true", found)
    return found


def test_filters_of_each_type(window: Window) -> None:
    window.open(q="note parcel", k=100)
    everything = same_as_the_server(window)
    field(window, "lang").find_element("xpath", ".//label[contains(., 'en')]/input").click()
    english = same_as_the_server(window, where="lang = 'en'")
    assert 0 < len(english) < len(everything)
    field(window, "lang").find_element("xpath", ".//label[contains(., 'zh')]/input").click()
    same_as_the_server(window, where="lang in ('en', 'zh')")
    low, _ = field(window, "year").find_elements("css selector", "input")
    low.send_keys("2010" + ENTER)
    same_as_the_server(window, where="lang in ('en', 'zh') and year >= 2010")
    field(window, "year").find_elements("css selector", "input")[1].send_keys("2030" + ENTER)
    kept = same_as_the_server(
        window, where="lang in ('en', 'zh') and year >= 2010 and year <= 2030"
    )
    assert window.text("#chosen") == "(2)"
    address = window.browser.current_url
    window.open(q="zeppelin")
    window.browser.get(address)
    window.until(f"document.querySelectorAll('.hit').length === {len(kept)}")
    assert window.titles() == kept
    for _ in range(2):
        window.one(".chips button").click()
        window.settled()
    same_as_the_server(window)
    type_date(window, field(window, "day").find_elements("css selector", "input")[0], "2026-01-03")
    dated = same_as_the_server(window, where="day >= '2026-01-03'")
    assert len(dated) == 2
    type_date(window, field(window, "day").find_elements("css selector", "input")[1], "2026-01-03")
    assert len(same_as_the_server(window, where="day >= '2026-01-03' and day <= '2026-01-03'")) == 1
    window.one(".chips button").click()
    window.settled()
    field(window, "path").find_element("css selector", "input").send_keys("long" + ENTER)
    same_as_the_server(window, where="path glob '*long*'")
    window.one(".chips button").click()
    window.settled()
    window.one("#where").send_keys("tags = 'it''s'" + ENTER)
    assert len(same_as_the_server(window, where="tags = 'it''s'")) == 1


def type_date(window: Window, control: Any, day: str) -> None:
    """Set a date as its picker does: keys depend on the browser's language."""
    window.browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))",
        control,
        day,
    )


def test_mode_and_number_of_hits(window: Window) -> None:
    from selenium.webdriver.support.ui import Select

    window.open(q="note parcel")
    window.one("#menu summary").click()
    Select(window.one("#mode")).select_by_value("lexical")
    same_as_the_server(window, k=10, mode="lexical")
    Select(window.one("#k")).select_by_value("5")
    same_as_the_server(window, k=5, mode="lexical")
    assert len(window.all(".hit:first-child .why li")) == 1
    Select(window.one("#rerank")).select_by_value("late")
    same_as_the_server(window, k=5, mode="lexical", rerank="late")
    assert [e.text.split()[0] for e in window.all(".hit:first-child .why li")] == [
        "words",
        "rerank",
    ]
    window.one("#more").click()
    window.until("document.querySelectorAll('.hit').length === 10")
    same_as_the_server(window, k=10, mode="lexical", rerank="late")
    window.keys(ESCAPE)
    assert window.focused() == "box" or window.js("!document.querySelector('#menu').open")


def test_what_helps_where_nothing_is_found(window: Window) -> None:
    window.open(q="xyzzy", mode="lexical", where="lang = 'en'")
    window.count("No hits")
    window.one("#help").find_element("xpath", ".//button[text()='Search without filters']").click()
    window.until("!document.querySelector('.chips')")
    window.one("#help").find_element("xpath", ".//button[contains(., 'by meaning')]").click()
    window.until("document.querySelector('.hit')")
    window.open(q="note", where="langg = 'en'")
    window.until("document.querySelector('#help [role=alert]')")
    assert "langg" in window.text("#help")
    assert "lang" in window.text("#help")
    window.one("#help").find_element("xpath", ".//button[text()='Search without filters']").click()
    window.until("document.querySelector('.hit')")
    window.open(q="note", doc="no such document", passage=3)
    window.until("document.querySelector('#part').textContent.includes('no such document')")
    window.keys(ESCAPE)
    window.until("!document.querySelector('#reader').open")
    # the browser itself notes the answers 400 and 404
    assert all("status of 40" in e["message"] for e in window.browser.get_log("browser"))


@pytest.fixture
def logged(hostile: Shell, browser: Any, tmp_path: Path) -> Iterator[Window]:
    with served_copy(hostile, tmp_path) as site:
        assert site.shell("feedback", "log", "on").code == 0
        browser.get(site.url)
        browser.execute_script("localStorage.clear()")
        site.get("/search?q=note&log=false")
        yield fresh(browser, site)


def records(window: Window) -> tuple[list[LoggedQuery], list[Event]]:
    found = list(read_records(LogStore(window.site.index)))
    return (
        [r for r in found if isinstance(r, LoggedQuery)],
        [r for r in found if isinstance(r, Event)],
    )


def until_logged(window: Window, fits: Callable[[list[Event]], bool]) -> list[Event]:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(window.browser, 20, 0.1).until(lambda _: fits(records(window)[1]))
    return records(window)[1]


def test_feedback_is_logged_where_the_switch_is_on(logged: Window) -> None:
    window = logged
    window.open()
    assert window.one("#switch").is_displayed()
    window.one("#box").send_keys("note refund")
    window.until("document.querySelector('.hit')")
    shown = window.titles()
    window.all(".hit")[1].find_element("css selector", "button.up").click()
    window.until("document.querySelectorAll('.hit')[1].querySelector('.up').ariaPressed === 'true'")
    (vote,) = until_logged(window, lambda found: len(found) == 1)
    ((query,), _) = records(window)
    assert (query.text, query.client_kind, len(query.client_id)) == ("note refund", "person", 16)
    assert (vote.action, vote.position, vote.query_id) == ("thumbs_up", 2, query.query_id)
    assert vote.object_id == query.shown[1].id
    assert (vote.client_id, vote.session_id) == (query.client_id, query.session_id)
    window.all(".hit h2 a")[2].click()
    window.until("document.querySelector('#text').textContent")
    window.one("#acts").find_element("css selector", "button.down").click()
    until_logged(window, lambda found: len(found) == 3)
    window.keys("y")
    found = until_logged(window, lambda found: len(found) == 4)
    assert [e.action for e in found] == ["thumbs_up", "open", "thumbs_down", "copy"]
    assert {e.position for e in found[1:]} == {3}
    window.keys(ESCAPE)
    window.until("!document.querySelector('#reader').open")
    assert window.titles() == shown
    # another query that stands is logged once, with all that is done on it
    window.one("#box").clear()
    window.one("#box").send_keys("zeppelin" + ENTER)
    window.until("document.querySelector('.hit h2').textContent === 'A long journey'")
    window.all(".hit h2 a")[0].click()
    until_logged(window, lambda found: len(found) == 5)
    window.keys(ESCAPE)
    assert [q.text for q in records(window)[0]] == ["note refund", "zeppelin"]
    # off: nothing
    window.one("#log").click()
    assert not window.one(".hit .votes").is_displayed()
    window.one("#box").clear()
    window.one("#box").send_keys("parcel" + ENTER)
    window.until("document.querySelector('.hit h2').textContent !== 'A long journey'")
    window.all(".hit h2 a")[0].click()
    window.until("document.querySelector('#text').textContent")
    window.browser.execute_async_script("setTimeout(arguments[0], 2000)")
    assert len(records(window)[0]) == 2
    assert len(records(window)[1]) == 5
    window.open(q="note")
    assert not window.js("document.querySelector('#log').checked")
    window.check_quiet()


def test_words_that_stand_are_logged_without_enter(logged: Window) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    window = logged
    window.open()
    window.one("#box").send_keys("note")
    window.until("document.querySelector('.hit')")
    WebDriverWait(window.browser, 20, 0.1).until(lambda _: records(window)[0])
    assert [q.text for q in records(window)[0]] == ["note"]
    window.check_quiet()


def test_neighbours_that_were_exchanged_are_shown_as_they_are_logged(logged: Window) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    window = logged
    assert window.site.shell("feedback", "log", "on", "--explore").code == 0
    window.site.get("/search?q=note&log=false")
    window.open()
    for words in ("note 1", "note 2", "note 3"):
        window.one("#box").clear()
        window.one("#box").send_keys(words + ENTER)
        WebDriverWait(window.browser, 20, 0.1).until(
            lambda _, words=words: words in [q.text for q in records(window)[0]]
        )
        query = next(q for q in records(window)[0] if q.text == words)
        links = "[...document.querySelectorAll('.hit h2 a')]"
        ids = f"{links}.map(a => new URLSearchParams(a.search).get('doc'))"
        shown = json.dumps([h.id for h in query.shown])
        window.until(f"JSON.stringify({ids}) === JSON.stringify({shown})")
        window.all(".hit")[1].find_element("css selector", "button.up").click()
        window.until(
            "document.querySelectorAll('.hit')[1].querySelector('.up').ariaPressed === 'true'"
        )
        vote = until_logged(
            window, lambda found, q=query: any(e.query_id == q.query_id for e in found)
        )[-1]
        assert vote.position == 2
        assert vote.object_id == query.shown[1].id
    window.check_quiet()


def test_the_token_is_asked_for_and_stays_in_the_tab(
    hostile: Shell, browser: Any, tmp_path: Path
) -> None:
    with served_copy(hostile, tmp_path, make_settings("0", TOKEN, environ={})) as guarded:
        window = fresh(browser, guarded)
        window.open(done=False, q="zeppelin")
        window.until("!document.querySelector('#token').hidden")
        assert not window.one("#body").is_displayed()
        window.one("#secret").send_keys("wrong-wrong-wrong-wrong" + ENTER)
        window.until("document.querySelector('#wrong').textContent.includes('not')")
        window.one("#secret").send_keys("包裹" + ENTER)
        window.until("document.querySelector('#wrong').textContent.includes('letters')")
        window.one("#secret").clear()
        window.one("#secret").send_keys(TOKEN + ENTER)
        window.until("document.querySelector('.hit h2')?.textContent === 'A long journey'")
        assert TOKEN not in window.browser.current_url
        assert TOKEN not in window.js("document.documentElement.outerHTML")
        assert TOKEN not in window.js("JSON.stringify(localStorage) + document.cookie")
        window.open(q="note")
        assert len(window.titles()) == 10
        window.browser.switch_to.new_window("tab")
        try:
            window.open(done=False, q="note")
            window.until("!document.querySelector('#token').hidden")
        finally:
            window.browser.close()
            window.browser.switch_to.window(window.browser.window_handles[0])
        window.check_quiet()


def test_a_server_that_stopped_and_came_back(hostile: Shell, browser: Any, tmp_path: Path) -> None:
    with served_copy(hostile, tmp_path) as site:
        window = fresh(browser, site)
        window.open(q="note")
        site.end()
        window.one("#box").send_keys(" parcel")
        window.until("document.querySelector('#help [role=alert]')")
        assert "does not answer" in window.text("#help")
        assert f"qembed serve --http {site.port}" in window.text("#help")
        assert window.titles() == []
        again = Site(site.shell, make_settings(str(site.port), environ={}))
        try:
            window.until("document.querySelector('.hit')")
            assert window.url_value("q") == "note parcel"
        finally:
            again.end()
            shutil.rmtree(site.index)
