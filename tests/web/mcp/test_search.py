"""`search` and `similar` of agents: the command line's hits, in an answer as long as is wanted."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from qembed.store import manifest as manifests
from qembed.web.mcp.budget import estimate_tokens
from tests.cli.conftest import WORDS, Shell
from tests.web.mcp.conftest import Agent, links_of, text_of


@pytest.mark.slow
def test_200_queries_have_the_hits_of_the_command_line(agent: Agent) -> None:
    rng = random.Random(5)
    texts = [" ".join(rng.sample(WORDS, rng.randint(1, 5))) for _ in range(200)]
    lines = "".join(json.dumps({"_id": str(i), "text": t}) + "\n" for i, t in enumerate(texts))
    done = agent.shell("query", "-", "--format", "json", "--no-server", stdin=lines)
    found = agent.calls(*[("search", {"query": t, "max_tokens": 9000}) for t in texts])
    for asked, result in zip(done.json["queries"], found, strict=True):
        hits = result.structured_content["hits"]
        assert [h["document"] for h in hits] == [h["document"] for h in asked["hits"]]
        # a product of many vectors may differ from one with one in its last bit
        wanted = [pytest.approx(h["score"], abs=2e-6) for h in asked["hits"]]
        assert [h["score"] for h in hits] == wanted


@pytest.mark.parametrize(
    ("args", "given"),
    [
        (("--mode", "dense", "-k", "3"), {"mode": "dense", "k": 3}),
        (("--mode", "lexical"), {"mode": "lexical"}),
        (("--rerank", "late"), {"rerank": "late"}),
        (("--by", "document"), {"by": "document"}),
        (("--where", "year > 2010", "--where", "year < 2013"),
         {"where": ["year > 2010", "year < 2013"]}),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_arguments_are_the_options(agent: Agent, args: tuple[str, ...], given: Any) -> None:
    done = agent.shell("query", "w3 w14 w15", "--format", "json", "--no-server", *args)
    (wanted,) = done.json["queries"]
    hits = agent("search", query="w3 w14 w15", max_tokens=9000, **given).structured_content["hits"]
    places = [(h["rank"], h["document"], h["score"]) for h in wanted["hits"]]
    assert [(h["rank"], h["document"], h["score"]) for h in hits] == places


def test_a_hit_has_its_place_and_its_best_sentence(agent: Agent) -> None:
    result = agent("search", query="zebra7 crossing", k=1, max_tokens=120)
    text = text_of(result)
    (hit,) = result.structured_content["hits"]
    assert hit["document"] == "long.md"
    assert f"[1] long.md lines {hit['line']}-{hit['end_line']} passage {hit['passage']} ·" in text
    assert "Part 7" in text
    assert "zebra7 crossing" in text
    assert f"files below {agent.shell.folder}/docs/" in text
    assert links_of(result) == ["qembed://documents/long.md"]


@pytest.mark.parametrize("tokens", [100, 300, 800, 2000])
def test_an_answer_is_no_longer_than_wanted(agent: Agent, tokens: int) -> None:
    result = agent("search", query="zebra crossing money w1 w2", k=50, max_tokens=tokens)
    length = sum(estimate_tokens(block.model_dump_json()) for block in result.content)
    text = estimate_tokens(text_of(result))
    assert text <= tokens
    assert length <= tokens * 1.6 + 60  # the links' JSON
    assert result.structured_content["hits"]
    assert text > tokens * 0.4
    assert not {"text", "snippet"} & set(result.structured_content["hits"][0])


@pytest.mark.parametrize(
    "given", [{}, {"by": "document"}, {"mode": "dense"}, {"where": "year > 2005"}]
)
@pytest.mark.slow
def test_pages_show_each_hit_once_and_none_is_lost(agent: Agent, given: dict[str, Any]) -> None:
    asked = {"query": "w1 w2 w3 w4", "k": 30, "max_tokens": 900, **given}
    seen: list[tuple[str, int]] = []
    cursor: dict[str, str] = {}
    while True:
        page = agent("search", **asked, **cursor)
        hits = page.structured_content["hits"]
        assert [h["rank"] for h in hits] == list(range(len(seen) + 1, len(seen) + len(hits) + 1))
        seen += [(h["document"], h["passage"]) for h in hits]
        if page.structured_content["cursor"] is None:
            assert "cursor" not in text_of(page)
            break
        cursor = {"cursor": page.structured_content["cursor"]}
        assert cursor["cursor"] in text_of(page)
    by = ("--by", given["by"]) if "by" in given else ()
    where = ("--where", given["where"]) if "where" in given else ()
    mode = ("--mode", given["mode"]) if "mode" in given else ()
    whole = agent.shell(
        "query", asked["query"], "-k", "1000", "--format", "json", *by, *where, *mode
    )
    (query,) = whole.json["queries"]
    assert len(seen) == len(set(seen))
    assert set(seen) == {(h["document"], h["passage"]["seq"]) for h in query["hits"]}


def test_a_cursor_is_of_its_query(agent: Agent) -> None:
    cursor = agent("search", query="w1", k=2).structured_content["cursor"]
    assert "of another query" in agent.refused("search", query="w2", k=2, cursor=cursor)
    assert "not one of this server's" in agent.refused("search", query="w1", k=2, cursor="x")


def test_no_hits(agent: Agent) -> None:
    text = text_of(agent("search", query="w1", where="year = 1900"))
    assert text.startswith("no hits")
    assert "without `where`" in text


@pytest.mark.parametrize(
    "spec", ["py:tests.encoders:shouting", ".", "/", "http://127.0.0.1:1/v1#x"]
)
def test_no_reranker_that_runs_code_or_reads_files_or_asks_others(agent: Agent, spec: str) -> None:
    assert "rerank: one of late, learned" in agent.refused("search", query="w1", rerank=spec)


def test_similar_documents_are_those_of_the_command_line(agent: Agent) -> None:
    for name, args, given in [
        ("d7", (), {}),
        ("d7", ("-k", "3", "--where", "year > 2010"), {"k": 3, "where": "year > 2010"}),
        ("long.md", ("--by", "passage"), {"by": "passage"}),
        ("long.md", ("--passage", "2"), {"passage": 2}),
    ]:
        (wanted,) = agent.shell("similar", name, "--format", "json", *args).json["queries"]
        found = agent("similar", document=name, max_tokens=9000, **given)
        hits = [(h["document"], h["passage"], h["score"]) for h in found.structured_content["hits"]]
        places = [(h["document"], h["passage"]["seq"], h["score"]) for h in wanted["hits"]]
        assert hits == places
        assert text_of(found).startswith(f"nearest to {name}")
    text = agent("similar", text="zebra3 crossing", k=1)
    assert text.structured_content["hits"][0]["document"] == "long.md"
    assert "one of them is wanted" in agent.refused("similar", document="d7", text="x")
    assert "no document 'd7x'" in agent.refused("similar", document="d7x")


def test_that_a_run_was_stopped_is_told(corpus: Shell) -> None:
    root = corpus.folder / ".qembed"
    before = manifests.read(root)
    manifests.write(root, replace(before, unfinished=True))
    made = Agent(corpus)
    try:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("status", {}),
            ("similar", {"document": "d1"}),
            ("search", {"query": "w1"}),
        ]
        for found in made.calls(*calls):
            assert found.structured_content is not None
            (said,) = found.structured_content["warnings"]
            assert "may lack the latest changes: a run was stopped" in said
            assert f"note: {said}" in text_of(found)
    finally:
        made.close()
        manifests.write(root, before)
