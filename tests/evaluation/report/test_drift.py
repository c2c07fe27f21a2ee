"""Reports of drift: the page and Markdown hold what the JSON holds, escaped; suffixes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from qembed.cli.render.drift import drift_lines
from qembed.errors import UsageError
from qembed.evaluation.report.drift import (
    check_drift_path,
    drift_html,
    drift_markdown,
    write_drift,
)
from tests.drift.report_body import HOSTILE, drift_body


@pytest.fixture(scope="module")
def body() -> dict[str, Any]:
    return drift_body()


def test_the_page_has_verdict_signals_evidence_map_and_time_line(body: dict[str, Any]) -> None:
    page = drift_html(body)
    assert '<h1>Drift: <span class="fail">confirm</span></h1>' in page
    assert "<code>qembed eval init</code>" in page
    made = {
        "date": "2026-11-30 10:20:30 UTC",
        "commit": "ab12ab12ab12 with uncommitted changes",
        "index": "ix, generation 3",
        "model": "minilm",
    }
    words = re.sub(r"</?span[^>]*>", "", page)
    for key, value in made.items():
        assert f"<dt>{key}</dt><dd>{value}</dd>" in words
        assert f"- {key}: {value}\n" in drift_markdown(body)
    assert page.count('<circle class="point') == 3
    assert '<circle class="point subject"' in page
    assert (
        "New: about 30 documents, 20.0 % of the new ones (0.0 % of the old ones), since 2026-03-01"
        in words
    )
    assert "<h2>Unread</h2>" in page
    assert (
        '<td class="left">20.0%</td><td class="left">0.0%</td><td class="left">60.0%</td>' in page
    )
    assert ">large</text>" in page
    assert "1.0000" not in page
    assert "<h2>Terms</h2>" not in page  # no alarm
    assert "<h2>Time line</h2>" in page
    assert "too little text" in page
    assert "it was 0.650" in page.replace("0.6500", "0.650")


def test_nothing_hostile_is_markup_and_nothing_is_requested(body: dict[str, Any]) -> None:
    page = drift_html(body)
    assert HOSTILE not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_a_report_without_signals_and_history(body: dict[str, Any]) -> None:
    page = drift_html({**body, "signals": [], "history": [], "map": None, "golden": None})
    assert "<h2>" not in page
    text = drift_markdown({**body, "signals": [], "history": []})
    assert "##" not in text


def test_markdown_has_a_row_for_each_signal_and_check(body: dict[str, Any]) -> None:
    lines = drift_markdown(body).splitlines()
    assert lines[0] == "# Drift: confirm"
    assert sum(line.startswith("| ") for line in lines) == 2 + 4 + 2 + 3
    assert "## unread" in lines
    assert "## terms" not in lines
    assert any(
        line.startswith("- new: 20% of the new documents (0% before), since") for line in lines
    )
    cells = [
        len(line.replace("\\|", "").split("|")) for line in lines if line.startswith("| unread")
    ]
    assert cells == [8]
    assert not any("<script" in line.replace("\\<", "") for line in lines)


def test_one_document_is_one_document(body: dict[str, Any]) -> None:
    one = {**body["new"], "documents": 1, "passages": 1}
    words = {**body["signals"][0], "evidence": [{"word": "x", "pieces": 4, "passages": 1}]}
    found = {**body, "old": one, "new": one, "signals": [words]}
    said = [drift_markdown(found), "\n".join(drift_lines(found))]
    for text in said:
        assert "old: 1 document, 1 passage" in text
        assert "new: 1 document, 1 passage" in text
    assert "x: 4 pieces, in 1 passage\n" in said[1]


def test_the_suffix_chooses_the_form(body: dict[str, Any], tmp_path: Path) -> None:
    for name, begin in (("a.html", "<!doctype html>"), ("a.md", "# Drift"), ("a.json", "{")):
        write_drift(body, tmp_path / name)
        assert (tmp_path / name).read_text().startswith(begin)
    assert json.loads((tmp_path / "a.json").read_text()) == body
    with pytest.raises(UsageError, match=r"a drift report is written as \.html or \.md or \.json"):
        check_drift_path(tmp_path / "a.pdf")
