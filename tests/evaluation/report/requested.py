"""What a page that was opened from a file asked for, as the browser logged it."""

from __future__ import annotations

import json
from typing import Any


def requested(browser: Any) -> list[str]:
    """URLs that pages from files asked for since the last look at the log; the first tab has its own."""
    messages = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    return [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
        and m["params"].get("documentURL", "").startswith("file:")
    ]
