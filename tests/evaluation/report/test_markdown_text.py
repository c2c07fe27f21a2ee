"""Markdown reports rendered by another program: names read as they are written."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from qembed.evaluation import (
    baseline_differences,
    comparison_json,
    details_json,
    diff_markdown,
    diff_reports,
    evaluate,
    moved_json,
    parse_measures,
    report_json,
    report_markdown,
)
from qembed.evaluation.report.drift import drift_markdown
from qembed.evaluation.report.markdown_text import (
    LONGEST,
    code,
    escape,
    inside_html,
    item,
    shortened,
    table,
)
from qembed.mteb.report import write_report as write_mteb_report
from qembed.types import Query
from tests.drift.report_body import drift_body

NAMES = (
    *("pkg/__init__.py", "*star*.md", "__q2__", "a_b_c", "_é_", "a__b", "_a", "a_", "end_ _start"),
    *("~~x~~", "~u/~v", "~~~", "`c`", "a``b", "``", "[x](y)", "![i](u)", "<b>x</b>", "<!-- c -->"),
    *(
        "a&copy;b &amp;",
        "x=1&y=2",
        "a|b",
        "a\\|b",
        "a\\",
        "\\_x\\_",
        "x*y*z",
        "#tag",
        "# h",
        "1. one",
    ),
    *("1) one", "12.", "2024.x", "- x", "+ x", "> q", "---", "===", "***", "___", "* * *", "-5"),
)
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered(markdown: str) -> str:
    """Return what a reader sees, tags left out."""
    return html.unescape(re.sub("<[^>]+>", " ", RENDERER.render(markdown)))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_as_it_is_written(name: str) -> None:
    for text in (
        f"Note: {escape(name)}",
        f"- {item(name)}",
        item(name),
        table([name], [[name]]),
        code(name),
        f"<details><summary>{inside_html(name)}</summary>\n\nx\n\n</details>",
    ):
        page = RENDERER.render(text)
        cells = re.findall(r"<(?:p|li|th|td|code|summary)>(?:Note: )?([^<\n]+)</", page)
        assert {html.unescape(cell) for cell in cells if cell != "x"} == {name}, page


def test_only_marks_are_escaped() -> None:
    plain = "max_tokens 1.5-2.0 (at least): R@10 fell, `a` & b"
    assert escape(plain) == plain.replace("`", "\\`")
    assert escape("a\n b\tc") == item(" a b c ") == "a b c"
    # GitHub makes links of bare addresses before it looks for escapes: mathematics too
    assert escape("https://a.de/~u/x_y") == "https\\://a.de/\\~u/x_y"
    assert escape("https://a.de/x_y?a=1&b=2 www.b.de/_x") == (
        "https://a.de/x_y?a=1&b=2 www\\.b.de/\\_x"
    )
    assert escape("$x$") == "\\$x\\$"


@pytest.fixture(scope="module")
def pair() -> list[dict[str, Any]]:
    """Return a report and a later one that is worse, with marks in every name."""
    queries, qrels = [Query("__q1__", "*why*_ \n~~not~~")], {"__q1__": {"pkg/__init__.py": 1}}
    made: list[dict[str, Any]] = []
    for run in ({"pkg/__init__.py": 2.0, "*a*.md": 1.0}, {"*a*.md": 1.0, "~b~.md": 0.5}):
        report = evaluate(parse_measures("RR@10"), qrels, {"__q1__": run})
        body = report_json(
            report,
            settings={"where": "a == '*'"},
            recipe=None,
            details=details_json(queries, qrels, {"__q1__": run}, {}),
            warnings=["1. __w__"],
            causes=["__main__.py changed"],
            recommendations=["> _r_"],
        )
        if made:
            moved = moved_json(made[0], body, list(qrels), ["RR@10"])
            change = baseline_differences(made[0], report)
            body["comparison"] = comparison_json(change, 1, ["_k_ was 1"], moved=moved)
        made.append(body)
    return made


def test_reports_and_their_difference_keep_names(pair: list[dict[str, Any]]) -> None:
    seen = rendered(report_markdown(pair[1]))
    names = ("__q1__", "*why*_ ~~not~~", "pkg/__init__.py", "*a*.md", "~b~.md", "a == '*'")
    for name in (*names, "1. __w__", "__main__.py changed", "> _r_", "_k_ was 1"):
        assert name in seen, name
    assert "\\" not in seen
    seen = rendered(diff_markdown(diff_reports(pair[0], pair[1], None, ("_a_.json", "~b~.json"))))
    for name in (*names[:-1], "_a_.json → ~b~.json"):
        assert name in seen, name
    assert "\\" not in seen


def test_a_long_query_is_cut_but_where_it_is_opened(pair: list[dict[str, Any]]) -> None:
    long = " ".join(f"word{n}" for n in range(400))
    bodies = [{**b, "details": {"__q1__": {**b["details"]["__q1__"], "text": long}}} for b in pair]
    for text in (report_markdown(bodies[1]), diff_markdown(diff_reports(*bodies))):
        (whole,) = [line for line in text.splitlines() if "word399" in line]
        assert whole == long
        assert text.index("</summary>") < text.index(whole) < text.index("</details>")
        assert "word26…" in text
    assert shortened("a  b\n" * 60) == shortened("a b " * 60)
    assert shortened("x" * 900) == "x" * (LONGEST - 1) + "…"


def test_drift_and_mteb_keep_names(tmp_path: Path) -> None:
    body = drift_body()
    body = {**body, "what": "__new__ (~a~)", "next": "qembed drift --new '`*a*`'"}
    body["history"] = [{**body["history"][0], "what": "_since_ 3"}]
    seen = rendered(drift_markdown(body))
    for name in ("__new__ (~a~)", "qembed drift --new '`*a*`'", "_since_ 3"):
        assert name in seen, name
    row = {"task": "__t__", "type": "*k*", "measure": "ndcg_at_10", "score": 0.5}
    gate = {"name": "max-drop __t__=1%", "ok": False, "verdict": "0.5 < _0.6_"}
    path = tmp_path / "m.md"
    settings = {"model": "~/m_", "revision": "a" * 40}
    write_mteb_report(
        {"settings": settings, "comparison": None, "tasks": [row], "gates": [gate]}, path
    )
    seen = rendered(path.read_text("utf-8"))
    for name in (
        "__t__",
        "*k*",
        "ndcg_at_10",
        "~/m_, revision aaaa",
        gate["name"],
        gate["verdict"],
    ):
        assert name in seen, name
