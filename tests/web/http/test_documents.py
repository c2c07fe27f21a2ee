"""`/documents/{id}` and `/similar/{id}`: by any id, whole or in part, and only what the index has."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.web.http.conftest import Site

WEIRD = "中文 #1?.md"


@pytest.mark.slow
def test_a_whole_document(site: Site) -> None:
    found = site.get("/documents/deep/locks.txt")
    assert found["document"] == "deep/locks.txt"
    assert found["text"] == "A locked account opens again.\n\nAfter an hour it does."
    assert (found["line"], found["end_line"], found["lines"]) == (1, 3, 3)
    assert site.get("/documents/d7")["meta"] == {"year": 2007}


@pytest.mark.parametrize("safe", ["", "/"])
@pytest.mark.parametrize("name", ["deep/locks.txt", "refunds.md", WEIRD])
def test_ids_with_any_characters(site: Site, name: str, safe: str) -> None:
    assert site.get(f"/documents/{quote(name, safe=safe)}")["document"] == name
    near = site.get(f"/similar/{quote(name, safe=safe)}?k=3")
    assert (near["document"], len(near["hits"])) == (name, 3)


def test_lines_and_passages(site: Site) -> None:
    path = "/documents/deep/locks.txt"
    assert site.get(f"{path}?line=3")["text"] == "After an hour it does."
    around = site.get(f"{path}?line=2&context=1")
    assert (around["line"], around["end_line"]) == (1, 3)
    assert site.get(f"{path}?line=1&end_line=2")["text"].startswith("A locked account opens again.")
    hit = site.get("/search?q=locked")["hits"][0]
    by_passage = site.get(f"{path}?passage={hit['passage']['seq']}")
    assert hit["text"] in by_passage["text"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?line=0", "line: a whole number of at least 1"),
        ("?line=1&passage=0", "passage, line: one of them"),
        ("?context=2", "context: goes with line or passage"),
        ("?line=3&end_line=x&nonsense=1", "end_line: a whole number"),
        ("?line=3&end_line=2", "end_line: at least 3"),
    ],
)
def test_mistakes(site: Site, query: str, said: str) -> None:
    assert said in site.get(f"/documents/refunds.md{query}", 400)["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        *("nothing", "../corpus.jsonl", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "corpus.jsonl"),
        *("docs/refunds.md/..", "%ff%fe", "%00", "refunds.md%20"),
    ],
)
def test_nothing_but_documents_of_the_index_is_read(site: Site, path: str) -> None:
    for place in ("documents", "similar"):
        # a client library would resolve the dots
        error = site.get(f"{site.url}/{place}/{path.replace('..', '%2e%2e')}", 404)["error"]
        assert error["code"] == "unknown_document"


def test_parts_that_are_not_there(site: Site) -> None:
    for query in ("line=99", "passage=9"):
        error = site.get(f"/documents/refunds.md?{query}", 404)["error"]
        assert error["code"] == "unknown_document"
        assert "refunds.md has no" in error["message"]
    site.get("/documents/", 404)
    site.get("/documents", 404)


@pytest.mark.slow
def test_similar_gives_what_the_command_gives(site: Site) -> None:
    done = site.shell("similar", "d7", "-k", "4", "--where", "year > 2003", "--format", "json")
    wanted = done.json["queries"][0]["hits"]
    found = site.get("/similar/d7", params={"k": 4, "where": "year > 2003"})
    assert [(h["document"], h["score"]) for h in found["hits"]] == [
        (h["document"], h["score"]) for h in wanted
    ]
    assert "d7" not in [h["document"] for h in found["hits"]]
    assert all(0 <= h["snippet"]["start"] < h["snippet"]["end"] for h in found["hits"])
    by_passage = site.get("/similar/d7?by=passage&k=2&score=best&passage=0")
    assert len(by_passage["hits"]) == 2
