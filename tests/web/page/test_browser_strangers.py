"""Pages of other sites, which may not ask in their visitor's name, in a browser: `make browser`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import LoggedQuery
from tests.cli.conftest import Shell
from tests.web.http.conftest import Site
from tests.web.page.conftest import served_copy
from tests.web.page.window import Window

pytestmark = pytest.mark.browser
STRANGER = """<!doctype html><meta charset=utf-8><title>stranger</title>
<iframe src="{site}/search?q=frame"></iframe><iframe src="{site}/?q=page"></iframe>
<img src="{site}/search?q=img"><object data="{site}/search?q=object"></object>
<iframe name=inner></iframe>
<form id=inside action="{site}/search" target=inner><input name=q value=form></form>
<form id=away action="{site}/search"><input name=q value=away></form>
<a id=link href="{site}/?q=parcel">link</a>
<script>inside.submit()</script>
"""


@pytest.fixture
def logged(hostile: Shell, tmp_path: Path) -> Iterator[Site]:
    with served_copy(hostile, tmp_path) as site:
        assert site.shell("feedback", "log", "on").code == 0
        site.get("/search?q=note&log=false")  # it looks for settings when it is asked
        yield site


@pytest.fixture
def stranger(logged: Site) -> Iterator[int]:
    """Port of the server of a page that asks the index's server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = STRANGER.format(site=logged.url).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(10)
    server.server_close()


def queries(site: Site) -> list[str]:
    return [r.text for r in read_records(LogStore(site.index)) if isinstance(r, LoggedQuery)]


def answered(site: Site) -> list[tuple[str, int]]:
    """Paths and statuses in the access log, of browsers' requests for what is refused."""
    lines = map(json.loads, list(site.lines))
    return sorted((line["path"], line["status"]) for line in lines if line["status"] == 403)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_site_puts_no_query_into_the_log(
    logged: Site, stranger: int, browser: Any, host: str
) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    window = Window(browser, logged)
    browser.get(f"http://{host}:{stranger}/")
    wait = WebDriverWait(browser, 20, 0.05)
    wait.until(lambda _: len(answered(logged)) == 5)
    assert answered(logged) == [("/", 403), *[("/search", 403)] * 4]
    browser.execute_script("document.querySelector('#away').submit()")
    wait.until(lambda _: len(answered(logged)) == 6)
    assert answered(logged)[-1] == ("/search", 403)
    # a link leads to the page, which logs nothing that nobody did there
    browser.get(f"http://{host}:{stranger}/")
    browser.execute_script("document.querySelector('#link').click()")
    wait.until(lambda _: window.js("document.querySelector('.hit') !== null"))
    window.until("document.body.classList.contains('logs')")
    browser.execute_async_script("setTimeout(arguments[0], 2000)")
    assert queries(logged) == []
    window.one(".hit button.up").click()
    wait.until(lambda _: queries(logged))
    assert queries(logged) == ["parcel"]
    browser.get_log("browser")
