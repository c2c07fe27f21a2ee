"""`/search` gives what the command line and Python give, page by page."""

from __future__ import annotations

import json
from typing import Any

import pytest

import qembed
from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from tests.web.http.conftest import Site, queries

OURS = ("snippet", "query_id")
"""Fields of a hit that the command line's JSON does not have, or has its own value of."""


def plain(hits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in h.items() if k not in OURS} for h in hits]


def rounded(hits: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Documents with scores: a product of many vectors may differ from one with one in its last bit."""
    return [(h["document"], pytest.approx(h["score"], abs=2e-6)) for h in hits]


@pytest.mark.slow
def test_200_queries_have_the_same_hits_by_command_line_http_and_python(site: Site) -> None:
    texts = queries(200)
    lines = "".join(json.dumps({"_id": str(i), "text": t}) + "\n" for i, t in enumerate(texts))
    done = site.shell("query", "-", "--format", "json", "--no-server", stdin=lines)
    with qembed.open(site.index) as index:
        for text, asked in zip(texts, done.json["queries"], strict=True):
            hits = site.get("/search", params={"q": text})["hits"]
            assert [(h["document"], h["score"]) for h in hits] == rounded(asked["hits"])
            by_python = [(h.document, round(h.score, 6)) for h in index.query(text)]
            assert [(h["document"], h["score"]) for h in hits] == by_python
    for text in texts[:5]:
        (alone,) = site.shell("query", text, "--format", "json", "--no-server").json["queries"]
        assert plain(site.get("/search", params={"q": text})["hits"]) == plain(alone["hits"])


@pytest.mark.parametrize(
    ("args", "asked"),
    [
        (("--mode", "dense", "-k", "3"), {"mode": "dense", "k": 3}),
        (("--mode", "lexical"), {"mode": "lexical"}),
        (("--rerank", "late"), {"rerank": "late"}),
        (("--where", "year > 2010", "--where", "year < 2013"),
         {"where": ["year > 2010", "year < 2013"]}),
        (("--by", "document", "--context", "1"), {"by": "document", "context": 1}),
        (("--task", "find it"), {"task": "find it"}),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_parameters_are_the_options(site: Site, args: tuple[str, ...], asked: Any) -> None:
    done = site.shell("query", "w3 w14 w15", "--format", "json", "--no-server", *args)
    (wanted,) = done.json["queries"]
    by_body = site.post("/search", {"query": "w3 w14 w15", **asked})
    by_url = site.get("/search", params={"query": "w3 w14 w15", **asked})
    for found in (by_body, by_url):
        assert plain(found["hits"]) == plain(wanted["hits"])
        assert found["instruction"] == wanted["instruction"]
        assert found["generation"] == done.json["generation"]
        assert found["recipe"] == done.json["recipe"]


@pytest.mark.parametrize("snippets", ["words", "meaning"])
def test_snippets_are_spans_of_the_text(site: Site, snippets: str) -> None:
    hit = site.post("/search", {"query": "locked hour", "snippets": snippets})["hits"][0]
    assert hit["document"] == "deep/locks.txt"
    text, snippet = hit["text"], hit["snippet"]
    shown = text[snippet["start"] : snippet["end"]]
    assert shown in ("A locked account opens again.", "After an hour it does.")
    # those of the other sentence too
    assert [text[a:b] for a, b in snippet["matches"]] == ["locked", "hour"]
    assert snippet["line"] == (1 if "locked" in shown else 3)
    assert "snippet" not in site.post("/search", {"query": "locked", "snippets": "none"})["hits"][0]


@pytest.mark.parametrize(
    "more",
    [{}, {"by": "document"}, {"mode": "dense"}, {"rerank": "late"}, {"where": "year > 2005"}],
)
@pytest.mark.slow
def test_pages_show_each_hit_once_and_none_is_lost(site: Site, more: dict[str, Any]) -> None:
    asked = {"query": "w1 w2 w3 w4", "k": 37, **more}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = site.post("/search", {**asked, **({"cursor": cursor} if cursor else {})})
        assert [h["rank"] for h in page["hits"]] == [
            len(seen) + n for n in range(1, len(page["hits"]) + 1)
        ]
        seen += [h["document"] for h in page["hits"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    whole = site.post("/search", {**asked, "k": 1000})["hits"]
    assert len(seen) == len(set(seen)) == len(whole)
    assert set(seen) == {h["document"] for h in whole}
    assert seen[:37] == [h["document"] for h in site.post("/search", asked)["hits"]]


def test_each_mistake_is_told_once(site: Site) -> None:
    said = site.post("/search", {"image": 5, "kind": "zzz"}, 400)["error"]["problems"]
    assert said == ["image: a text is wanted", "kind: one of text, image is wanted"]


def test_a_cursor_is_of_its_query_and_generation(site: Site) -> None:
    page = site.post("/search", {"query": "w1", "k": 2})
    error = site.post("/search", {"query": "w2", "cursor": page["cursor"]}, 400)["error"]
    assert error["parameter"] == "cursor"
    assert "of another query" in error["message"]
    for wrong in ("x", "", "é", "AAAA", page["cursor"][:-3]):
        error = site.post("/search", {"query": "w1", "k": 2, "cursor": wrong}, 400)["error"]
        assert "cursor" in error["message"]
    site.shell.write("docs/new.md", "A zebra crossing.")
    assert site.shell("index").code == 0
    error = site.post("/search", {"query": "w1", "k": 2, "cursor": page["cursor"]}, 409)["error"]
    assert (error["code"], error["generation"]) == ("old_cursor", page["generation"] + 1)
    assert site.get("/search?q=zebra")["hits"][0]["document"] == "new.md"


def test_all_mistakes_at_once_in_the_words_of_the_command_line(site: Site) -> None:
    error = site.post(
        "/search",
        {"k": 0, "mode": "best", "where": 3, "log": "no", "nonsense": 1, "rerank": "py:os:getcwd"},
        400,
    )["error"]
    assert error["code"] == "bad_request"
    assert {p.split(":")[0] for p in error["problems"]} == {
        *("k", "mode", "where", "log", "query", "rerank", "nonsense"),
    }
    for url in ("/search?q=w1&k=many", "/search?q=w1&q=w2", "/search?q=w1&query=w2", "/search"):
        assert site.get(url, 400)["error"]["problems"]
    for args, asked in [
        (("w1", "--where", "year >"), {"query": "w1", "where": "year >"}),
        (("w1", "--where", "nosuch = 1"), {"query": "w1", "where": "nosuch = 1"}),
        ((" ",), {"query": " "}),
    ]:
        said = site.shell("query", *args, "--no-server").err
        error = site.post("/search", asked, 400)["error"]
        assert error["message"].split("\n")[0] in said


@pytest.mark.parametrize(
    "spec", ["py:tests.encoders:shouting", ".", "/", "http://127.0.0.1:1/v1#x"]
)
def test_no_reranker_that_runs_code_or_reads_files_or_asks_others(site: Site, spec: str) -> None:
    error = site.post("/search", {"query": "w1", "rerank": spec}, 400)["error"]
    assert "rerank: one of late, learned" in error["message"]


def test_what_is_logged_has_a_query_id_and_the_ranks_of_its_page(site: Site) -> None:
    store = LogStore(site.index)
    before = len([*read_records(store)])
    assert "query_id" not in site.get("/search?q=w1")
    asked = {"query": "w7 w8", "k": 3, "log": True, "client": "agent:a", "session": "s"}
    one = site.post("/search", asked)
    two = site.get("/search", params={**asked, "log": "true", "cursor": one["cursor"]})
    first, second = [*read_records(store)][before:]
    assert [first.query_id, second.query_id] == [one["query_id"], two["query_id"]]
    assert first.text == second.text == "w7 w8"
    assert (first.client_id, first.client_kind, first.session_id) == ("a", "agent", "s")
    assert [h.rank for h in (*first.shown, *second.shown)] == [1, 2, 3, 4, 5, 6]
    assert [h.id for h in second.shown] == [h["document"] for h in two["hits"]]


def test_without_a_named_page_there_is_no_cors(site: Site) -> None:
    own = {"Origin": site.url}
    answer = site.client.get("/search?q=w1", headers=own)
    assert answer.status_code == 200
    assert not [h for h in answer.headers if h.lower().startswith("access-control")]
    other = {"Origin": "https://app.example.org"}
    assert site.client.options("/search", headers=other).status_code == 403


def test_status_and_health(site: Site) -> None:
    found = site.get("/status")
    assert found["http"] == site.url
    assert found["documents"] >= 303
    assert found["model"].startswith("py:")
    assert site.get("/healthz")["status"] == "ok"
    assert json.loads(site.shell("serve", "--status", "--format", "json").out)["http"] == site.url
    assert f"http        {site.url}\n" in site.shell("serve", "--status").out


@pytest.mark.slow
def test_an_index_of_texts_has_no_search_by_picture(site: Site) -> None:
    pytest.importorskip("PIL")
    dot = (  # PNG, one pixel
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    )
    error = site.post("/search", {"image": dot}, 400)["error"]
    assert "reads no pictures" in error["message"]
    assert site.get("/choices")["pictures"] is False
