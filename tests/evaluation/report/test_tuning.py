"""The report of a tuning: all of it is there, and nothing in it is more than text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qembed.errors import StorageError, UsageError
from qembed.evaluation.report.tuning import BARS, check_tuning_path, tuning_html, write_tuning
from tests.evaluation.report.tuning_body import HOSTILE, tuning_body


def test_everything_is_in_it() -> None:
    page = tuning_html(tuning_body())
    assert "The gain is beyond chance." in page
    assert "The index uses the choice." in page
    assert "+0.0310" in page
    assert "95 %: +0.0040 to +0.0600" in page
    assert "no two queries share a relevant document" in page
    assert "in 3 of 4 folds" in page
    assert "in 1 of 4 folds" in page
    assert page.count('class="words"') == 24
    assert page.count("<rect") == 2 * BARS  # wide and narrow
    for i in range(20):
        assert f"mode hybrid, even {i}" in page
    assert ">+0.0300<" in page, "the gain of the stage"
    assert "a model without instructions" in page
    words = re.sub(r"</?span[^>]*>", "", page)
    assert (
        "<dt>date</dt><dd>2026-11-30 10:20:30 UTC</dd><dt>index</dt><dd>ix, generation 3</dd>"
        in words
    )
    assert "<dt>model</dt><dd>minilm, revision 0123456789ab, 384 dimensions</dd>" in words


def test_nothing_of_it_runs_or_is_fetched() -> None:
    page = tuning_html(tuning_body())
    assert HOSTILE not in page
    found: list[tuple[str, str | None]] = []

    class Attributes(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(attrs)

    Attributes().feed(page)
    assert [v for n, v in found if n in ("src", "href")] == ["data:,"]
    assert not any(name.startswith("on") for name, _ in found)
    assert page.count("<script>") == 1
    assert "default-src 'none'" in page


def test_a_tuning_without_a_choice() -> None:
    body = tuning_body()
    body |= {"chosen": {}, "description": "defaults", "better": False, "applied": False}
    body["steps"] = body["steps"][:1]
    body["fold_choices"] = [{}] * 4
    page = tuning_html(body)
    assert "Nothing is better than the defaults." in page
    assert "Nothing was written." in page


def test_one_setting_is_one_setting() -> None:
    body = tuning_body()
    body |= {"chosen": {}, "arms": body["arms"][:1], "steps": body["steps"][:1]}
    body["fold_choices"] = [{}] * 4
    page = tuning_html(body)
    assert "<summary>The only setting</summary>" in page
    assert "1 setting over 24 judged queries" in page


def test_files(tmp_path: Path) -> None:
    body = tuning_body()
    write_tuning(body, tmp_path / "t.html")
    write_tuning(body, tmp_path / "t.json")
    assert (tmp_path / "t.html").read_text("utf-8") == tuning_html(body)
    assert json.loads((tmp_path / "t.json").read_text("utf-8")) == body
    with pytest.raises(UsageError, match=r"\.html or \.json"):
        check_tuning_path(tmp_path / "t.md")
    with pytest.raises(StorageError):
        write_tuning(body, tmp_path / "none" / "t.html")
