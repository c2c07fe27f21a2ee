"""The page of a map as text: policy, data, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re

from qembed.pipeline.corpus_map.corpus_map import CorpusMap
from tests.web.map.made import HOSTILE, made_map, write_map


def test_policy_data_and_nothing_of_a_document_as_html(tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = write_map(tmp_path / "map.html", made_map(300, hostile=True), HOSTILE).read_text()
    assert text.count("</script>") == 2
    assert "<img" not in text
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for part in (script, style):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in html.unescape(policy)
    assert policy.startswith("default-src 'none'")
    assert not re.search(
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b", script
    )
    (data,) = re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)
    body = json.loads(data)
    assert CorpusMap.from_compact(body["map"]).ids[3] == f"{HOSTILE} 3"
    assert body["queries"][0]["query"] == HOSTILE
