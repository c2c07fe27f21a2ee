"""The search page in a browser's window: what the tests do there and read off it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from tests.web.http.conftest import Site

WAIT_SECONDS = 20
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", e => violations.push(`${e.effectiveDirective} ${e.blockedURI}`));
"""


class Window:
    """The page of one server. `origin`: its address."""

    def __init__(self, browser: Any, site: Site) -> None:
        self.browser = browser
        self.site = site
        self.origin = site.url
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})

    def open(self, *, done: bool = True, **state: Any) -> None:
        """Open the page at a state, and wait for its hits and filters."""
        self.browser.get(f"{self.origin}/?{urlencode(state, doseq=True)}" if state else self.origin)
        if done:
            self.until("document.querySelector('#fields').childElementCount")
            if "q" in state or "like" in state:
                self.settled()

    def js(self, script: str, *given: Any) -> Any:
        """Value of an expression."""
        return self.browser.execute_script(f"return {script}", *given)

    def until(self, condition: str) -> Any:
        """Wait until an expression is true; its value."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.browser, WAIT_SECONDS, 0.05).until(
            lambda _: self.js(condition),
            message=f"{condition}\n{self.js('document.body.innerText')}",
        )

    def settled(self) -> None:
        """Wait for an answer."""
        self.until(f"/hit|answer|search/i.test({_COUNT}.textContent) && !{_MAIN}.ariaBusy")

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def text(self, selector: str) -> str:
        return str(self.js("document.querySelector(arguments[0]).textContent", selector))

    def titles(self) -> list[str]:
        found: list[str] = self.js(
            "[...document.querySelectorAll('.hit h2')].map(e => e.textContent)"
        )
        return found

    def count(self, wanted: str) -> None:
        """Wait until the number of hits is told as `wanted`."""
        self.until(f"{_COUNT}.textContent === {json.dumps(wanted)} && !{_MAIN}.ariaBusy")

    def keys(self, *keys: str) -> None:
        """Press keys where the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def focused(self) -> str:
        """Text or id of what has the focus."""
        return str(self.js("document.activeElement.id || document.activeElement.textContent"))

    def url_value(self, name: str) -> Any:
        return self.js("new URLSearchParams(location.search).get(arguments[0])", name)

    def size(self, width: int, height: int = 900) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def scheme(self, name: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def requests(self) -> list[str]:
        """Addresses that were asked since this was last called."""
        messages = [
            json.loads(e["message"])["message"] for e in self.browser.get_log("performance")
        ]
        return [
            m["params"]["request"]["url"]
            for m in messages
            if m["method"] == "Network.requestWillBeSent"
            and m["params"].get("documentURL", "").startswith("http")
        ]

    def check_quiet(self) -> None:
        """Fail if the policy was violated, something ran, was fetched elsewhere, or told on the console."""
        assert self.js("window.violations") == []
        assert self.browser.title != "owned"
        elsewhere = [u for u in self.requests() if not u.startswith((self.origin + "/", "data:"))]
        assert elsewhere == []
        told = [e for e in self.browser.get_log("browser") if "401" not in e["message"]]
        assert told == [], told


_COUNT = "document.querySelector('#count')"
_MAIN = "document.querySelector('#results')"
