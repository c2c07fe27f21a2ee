"""The search page in a real browser: `make browser`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.http.conftest import Site
from tests.web.page.conftest import EMOJI, HOSTILE, NAME, OVERRIDE, OWNED
from tests.web.page.window import Window

pytestmark = pytest.mark.browser
DOWN, UP, ENTER, ESCAPE = "\ue015", "\ue013", "\ue007", "\ue00c"
SCREENSHOTS = os.environ.get("QEMBED_SCREENSHOTS")


@pytest.fixture
def window(browser: Any, site: Site) -> Iterator[Window]:
    made = Window(browser, site)
    made.size(1280)
    made.requests()
    browser.get_log("browser")
    yield made
    made.check_quiet()


def test_what_is_hostile_is_shown_as_text(window: Window) -> None:
    window.open(q="parcel", k=20, mode="lexical")
    titles = window.titles()
    assert HOSTILE in titles
    assert OWNED in titles  # what a heading in Markdown says, without its HTML
    assert {OVERRIDE, "../..", "أين طردي", "包裹在哪里"} <= set(titles)
    assert len(titles) == 6
    places = [e.text for e in window.all(".place")]
    assert [p for p in places if NAME in p]
    assert [e for e in window.all(".snippet") if HOSTILE in e.get_property("textContent")]
    assert HOSTILE in window.text("#fields")
    assert f"<b>{HOSTILE}"[:30] in window.text("#hits")
    for n in range(6):
        title = titles[n]
        window.all(".hit h2 a")[n].click()
        window.until("document.querySelector('#text').textContent")
        assert title in window.text("#heading")
        assert "parcel" in window.text("#text")
        if title == HOSTILE:
            assert HOSTILE in window.text("#text")
        window.keys(ESCAPE)
        window.until("!document.querySelector('#reader').open")
    for n in (0, 1, 2):
        window.all(".hit")[n].find_element("xpath", ".//button[text()='More like this']").click()
        window.until("!document.querySelector('#subject').hidden && document.querySelector('.hit')")
        window.browser.back()
        window.until("document.querySelector('#subject').hidden")
        window.settled()
    # nothing but what the page itself has
    assert window.js("document.querySelectorAll('script, style').length") == 2
    assert (
        window.js("document.querySelectorAll('img, iframe, object, embed, form form').length") == 0
    )
    assert window.js("[...document.links].every(a => a.href.startsWith(location.origin))")


def test_a_browser_lets_nothing_else_run_and_what_it_refuses_is_counted(
    browser: Any, site: Site
) -> None:
    window = Window(browser, site)
    window.open(q="note")
    for attack in (
        "document.body.innerHTML = '<img src=x onerror=alert(1)>'",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'owned = 1'}))",
        "document.body.setAttribute('onclick', 'owned = 1'), document.body.click()",
        "document.body.append(Object.assign(document.createElement('img'), {src: '//127.0.0.2/x'}))",
        "fetch('http://127.0.0.2/x')",
    ):
        before = window.js("violations.length")
        window.browser.execute_script(f"try {{ {attack} }} catch {{}}")
        window.until(f"violations.length > {before}")
    assert window.js("window.owned") is None
    refused = {v.split()[0] for v in window.js("violations")}
    assert {"require-trusted-types-for", "img-src", "connect-src"} <= refused
    window.requests()  # what was refused is told as a request, too
    browser.get_log("browser")


def test_hits_come_as_one_types_and_old_answers_are_dropped(window: Window) -> None:
    window.open()
    assert "47 documents to search" in window.text("#count") or "48 documents" in window.text(
        "#count"
    )
    assert window.js("document.activeElement.id") == "box"
    # the answer to the first words comes after the one to the last: no request is called off here
    window.js(
        "(() => { const real = fetch; window.asked = []; window.fetch = async (path, request) => {"
        " const words = request.body ? JSON.parse(request.body).query : path; asked.push(words);"
        " const answer = await real(path, {...request, signal: null});"
        " if (words === 'refund') await new Promise(r => setTimeout(r, 700)); return answer; }; })()"
    )
    window.keys("refund")
    window.until("asked.includes('refund')")
    window.keys(" zeppelin")
    window.until("document.querySelector('.hit h2')?.textContent === 'A long journey'")
    asked = window.js("asked.filter(a => !a.startsWith('/'))")
    assert asked[-1] == "refund zeppelin"
    assert len(asked) < 10  # of 15 letters
    window.browser.execute_async_script("setTimeout(arguments[0], 900)")
    assert window.titles()[0] == "A long journey"
    assert window.url_value("q") == "refund zeppelin"
    assert window.browser.title.startswith("refund zeppelin")
    assert window.js("document.querySelector('#count').getAttribute('role')") == "status"


def test_by_keyboard(window: Window) -> None:
    window.browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": window.origin},
    )
    window.open(q="note")
    titles = window.titles()
    window.js("document.activeElement.blur()")
    window.keys("/")
    assert window.focused() == "box"
    window.keys(DOWN)
    assert window.focused() == titles[0]
    window.keys(DOWN, DOWN, UP)
    assert window.focused() == titles[1]
    window.keys("y")
    window.until("document.querySelector('#told').textContent.startsWith('Copied')")
    read = "navigator.clipboard.readText().then(arguments[0])"
    path = window.browser.execute_async_script(read)
    assert path.endswith("corpus.jsonl")
    assert window.js("document.activeElement.getAttribute('href')").startswith("?q=note")
    window.keys(ENTER)
    window.until("document.querySelector('#text').textContent")
    assert window.text("#heading") == titles[1]
    assert window.focused() == "text"
    window.keys(ESCAPE)
    window.until("!document.querySelector('#reader').open")
    assert window.focused() == titles[1]
    window.keys(UP, UP)
    assert window.focused() == "box"
    window.keys(DOWN, ESCAPE)
    assert window.focused() == "box"


def test_back_and_shared_addresses(window: Window) -> None:
    window.open(q="note", k=5)
    first = window.titles()
    assert len(first) == 5
    window.one("#box").clear()
    window.one("#box").send_keys("zeppelin" + ENTER)
    window.until("document.querySelector('.hit h2')?.textContent === 'A long journey'")
    second = window.titles()
    window.all(".hit h2 a")[0].click()
    window.until("document.querySelector('#text mark')")
    address = window.browser.current_url
    window.browser.back()
    window.until("!document.querySelector('#reader').open")
    assert window.titles() == second
    window.browser.back()
    window.until("document.querySelector('#box').value === 'note'")
    window.settled()
    assert window.titles() == first
    window.browser.forward()
    window.until("document.querySelector('#box').value === 'zeppelin'")
    window.browser.get("about:blank")
    window.browser.get(address)
    window.until("document.querySelector('#text .here')")
    assert window.text("#heading") == "A long journey"
    assert window.js("document.querySelector('#k').value") == "5"
    window.keys("y")
    window.until("document.querySelector('#told').textContent.endsWith('docs/long.md')")
    window.one("#close").click()
    window.until("!document.querySelector('#reader').open")
    assert window.titles() == second
    assert window.url_value("doc") is None


def test_a_document_opens_at_the_passage(window: Window) -> None:
    window.open(q="zeppelin", mode="lexical")
    assert [m.text for m in window.all(".snippet mark")] == ["zeppelin"] * 2  # in two sentences
    window.all(".hit h2 a")[0].click()
    window.until("document.querySelector('#text mark')")
    assert [m.text for m in window.all("#text mark")] == ["zeppelin"] * 2
    top, bottom, height = window.js(
        "(r => [r.top, r.bottom, innerHeight])(document.querySelector('#text mark').getBoundingClientRect())"
    )
    assert 0 < top < bottom < height
    part = window.js("document.querySelector('#text').textContent.length")
    assert "Part 1 tells" not in window.text("#text")
    window.one("#acts").find_element("xpath", ".//button[text()='All of it']").click()
    window.until("document.querySelector('#text').textContent.includes('Part 1 tells')")
    assert window.js("document.querySelector('#text').textContent.length") > part
    assert window.text("#text mark").lower() == "zeppelin"
    window.keys(ESCAPE)
    window.until("!document.querySelector('#reader').open")
    # characters outside the basic plane are one each for the server, two for the browser
    window.open(q="way", mode="lexical")
    assert window.text(".snippet mark") == "way"
    assert EMOJI in window.text(".snippet")
    window.all(".hit h2 a")[0].click()
    window.until("document.querySelector('#text mark')")
    assert window.text("#text mark") == "way"


def test_scripts_of_other_directions(window: Window) -> None:
    window.open(q="parcel", k=20, mode="lexical")
    directions = window.js(DIRECTIONS)
    assert directions["أين طردي"] == ["rtl", "rtl"]
    assert directions["包裹在哪里"] == ["ltr", "ltr"]
    window.one("#box").clear()
    window.one("#box").send_keys("طردي")
    window.until("document.querySelector('.hit h2')?.textContent === 'أين طردي'")
    assert window.js("getComputedStyle(document.querySelector('#box')).direction") == "rtl"


def test_words_of_an_input_method_are_searched_when_they_are_finished(window: Window) -> None:
    window.open()
    ime = window.browser.execute_cdp_cmd
    ime("Input.imeSetComposition", {"text": "baoguo", "selectionStart": 6, "selectionEnd": 6})
    window.browser.execute_async_script("setTimeout(arguments[0], 400)")
    assert window.url_value("q") is None
    ime("Input.insertText", {"text": "包裹"})
    window.until("document.querySelector('.hit h2')?.textContent === '包裹在哪里'")
    assert window.url_value("q") == "包裹"


def test_every_control_has_a_name_and_the_order_is_that_of_reading(window: Window) -> None:
    window.open(q="parcel", k=20, mode="lexical")
    nodes = window.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = ("button", "link", "textbox", "searchbox", "checkbox", "combobox", "switch", "dialog")
    unnamed = [
        n["role"]["value"]
        for n in nodes
        if not n.get("ignored") and n["role"]["value"] in roles and not n["name"]["value"].strip()
    ]
    assert unnamed == []
    found = [n["role"]["value"] for n in nodes if not n.get("ignored")]
    assert found.index("search") < found.index("main") < found.index("list")
    names = [n["name"]["value"] for n in nodes if n["role"].get("value") == "button"]
    assert [n for n in names if n.startswith(f"Copy path: {HOSTILE[:60]}")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1024, 1440])
def test_it_fits_and_can_be_read(window: Window, scheme: str, width: int) -> None:
    window.size(width)
    window.scheme(scheme)
    states: dict[str, dict[str, Any]] = {
        "home": {},
        "hits": {"q": "parcel refund", "k": 20, "f": '["lang","in","en","de"]'},
        "none": {"q": "xyzzy", "mode": "lexical"},
        "read": {"q": "parcel", "mode": "lexical", "doc": f"{NAME}", "passage": 0},
    }
    for name, state in states.items():
        window.open(**state)
        if name == "read":
            window.until(
                "document.querySelector('#part').textContent && document.querySelector('#reader').open"
            )
        wide = window.js("document.documentElement.scrollWidth")
        inner = window.js("document.querySelector('#reader').scrollWidth")
        if SCREENSHOTS:
            window.browser.save_screenshot(f"{SCREENSHOTS}/{name}-{scheme}-{width}.png")
        assert wide <= width, name
        assert inner <= width, name
        contrasts = window.browser.execute_script(CONTRAST)
        assert contrasts
        assert min(c for c, _ in contrasts) >= 4.5, sorted(contrasts)[:3]


DIRECTIONS = """Object.fromEntries([...document.querySelectorAll('.hit')].map(hit => {
  const [title, snippet] = ['h2', '.snippet'].map(name => hit.querySelector(name));
  return [title.textContent, [title, snippet].map(e => getComputedStyle(e).direction)];
}))"""
# WCAG's contrast ratio of each element with text of its own, and what it is.
CONTRAST = """
const numbers = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
const linear = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = c => { const [r, g, b] = numbers(c).map(linear); return .2126 * r + .7152 * g + .0722 * b; };
const ground = e => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c;
  }
  return getComputedStyle(document.body).backgroundColor;
};
return [...document.querySelectorAll('body *')].filter(e => e.offsetHeight && [...e.childNodes].some(
  n => n.nodeType === 3 && n.textContent.trim())).slice(0, 600).map(e => {
  const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
  return [(a + .05) / (b + .05), `${e.tagName}.${e.className} ${e.textContent.slice(0, 30)}`];
});
"""
