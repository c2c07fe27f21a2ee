"""Instructions proposed by the corpus, and by a language model behind the chat protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import ModelUnavailable, UsageError
from qembed.pipeline.experiments.tuning.arms import read_candidates
from qembed.pipeline.experiments.tuning.proposals import propose_from_corpus, query_form
from qembed.pipeline.experiments.tuning.propose_remote import ROUNDS, parse_proposals
from qembed.pipeline.experiments.tuning.tune import TuneOptions, Tuning, tune
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.store import manifest as manifests
from qembed.types import Query
from tests.pipeline.conftest import BAG, index
from tests.stub import Server, drop, hang, later, says, serving, status

BEST = "Find the very document that is meant"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Where is my parcel?", "question"),
        ("how do I cancel", "question"),
        ("如何取消订单？", "question"),
        ("late refund", "keywords"),
        ("0-dimensional biomaterials show inductive properties in the tissue of mice.", "claim"),
        ("def f(x): return [y for y in x if y == {1}]; # a = b", "code"),
        ("A guide to sourdough bread", "title"),
    ],
)
def test_forms_of_queries(text: str, form: str) -> None:
    assert query_form(text) == form


def test_the_corpus_speaks_of_its_words_and_kinds(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for i in range(8):
        (docs / f"{i}.md").write_text(
            f"# Part {i}\n\nThe bread and the oven {'flour' if i % 2 else ''}.\n"
        )
    index(tmp_path / ".qembed", docs)
    with Session(tmp_path / ".qembed") as session:
        asked = [Query(str(i), "How hot is it?") for i in range(5)]
        found = propose_from_corpus(session, asked)
        assert "Given a question, retrieve documentation pages that answer the question" in found
        assert any("flour" in line for line in found)
        assert not any("keywords" in line for line in found)
        assert len(found) == len(set(found)) < 30
        other = propose_from_corpus(session, [Query("1", "パンの焼き方は？")])
        assert any("in Japanese" in line for line in other)


@pytest.mark.parametrize(
    "answer",
    [
        "1. Find the answer to it\n2) Retrieve texts about bread",
        "- Find the answer to it\n- Retrieve texts about bread\n",
        'Here are some:\n"Find the answer to it"\n"Retrieve texts about bread"',
        json.dumps(["Find the answer to it", "Retrieve texts about bread"]),
        "```json\n" + json.dumps({"instructions": ["Find the answer to it", "Retrieve texts about bread"]})
        + "\n```",
        "Find the answer to it\n\nFind the answer to it\nRetrieve texts about bread\nSure!",
    ],
)  # fmt: skip
def test_answers_are_read_in_the_forms_that_models_give(answer: str) -> None:
    assert parse_proposals(answer) == ["Find the answer to it", "Retrieve texts about bread"]


@pytest.mark.parametrize(
    "answer", ["no", "{{{{", "1 2 3 4 5 6 7 8", "x" * 900, "[]", '{"a": 1}', "Here they are now:"]
)
def test_nonsense_is_no_instruction(answer: str) -> None:
    with pytest.raises(ModelUnavailable, match="gave no instruction"):
        parse_proposals(answer)


def chat(text: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}]}


@pytest.fixture
def tunable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 documents whose words queries spell otherwise; one instruction finds them."""
    monkeypatch.setenv("INSTRUCTED_BEST", BEST)
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "0")
    names = ["".join("abcefghijk"[int(c)] for c in f"{i:04}") for i in range(700)]
    documents = {f"d{i}": " ".join(f"d{w}" for w in names[8 * i : 8 * i + 4]) for i in range(60)}
    queries = {f"q{i}": " ".join(f"q{w}" for w in names[8 * i : 8 * i + 2]) for i in range(60)}
    for name, records in (("c.jsonl", documents), ("q.jsonl", queries)):
        lines = [json.dumps({"_id": i, "text": t}) for i, t in records.items()]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    (tmp_path / "r.tsv").write_text("".join(f"q{i}\td{i}\t1\n" for i in range(60)))
    recipe = RecipeOptions(model="py:tests.encoders:instructed")
    build(tmp_path / ".qembed", IndexOptions(paths=[str(tmp_path / "c.jsonl")], recipe=recipe))
    return tmp_path


def run(folder: Path, server: Server, **more: Any) -> Tuning:
    options = TuneOptions(
        folder / "q.jsonl",
        folder / "r.tsv",
        only="instruction",
        propose=f"{server.base}#writer",
        **more,
    )
    return tune(folder / ".qembed", options)


@pytest.mark.slow
def test_proposals_come_in_rounds_and_see_no_query_that_judges(tunable: Path) -> None:
    with serving() as server:
        server.tricks = [
            says(chat("Find what number one is about\nFind what number two is about")),
            says(chat(f"1. {BEST}")),
            says(chat("Find what number three is about")),
        ]
        found = run(tunable, server, write_candidates=tunable / "tried.txt")
        bodies, paths = server.bodies, server.paths
    assert len(bodies) == ROUNDS
    assert set(paths) == {"/v1/chat/completions"}
    assert bodies[0]["model"] == "writer"
    assert found.chosen.task == BEST
    assert found.applied
    second = bodies[1]["messages"][-1]["content"]
    assert "Find what number two is about" in second
    assert BEST in bodies[2]["messages"][-1]["content"]
    judging = {found.judged.queries[i].text for fold in found.folds for i in fold}
    assert 35 <= len(judging) <= 45
    assert found.new.queries == len(judging)
    for body in bodies:
        assert not any(text in m["content"] for m in body["messages"] for text in judging)
        assert any(q.text in body["messages"][-1]["content"] for q in found.judged.queries)
    lines = read_candidates(tunable / "tried.txt")
    assert lines[0] == BEST
    assert "Find what number three is about" in lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trick", "message"),
    [
        (says(chat("Sorry.")), "gave no instruction"),
        (says(chat("")), "empty answer"),
        (says(chat(None)), "form of OpenAI's chat protocol"),
        (says({"choices": []}), "form of OpenAI's chat protocol"),
        (says(chat("Find it all now\n" * 2000)), "characters, 20,000 is the most"),
        (says("<html>"), "did not answer in JSON"),
        (status(500), "failed once: status 500"),
        (drop, "failed once: "),
        (hang, r"failed once: no answer within 0\.5 s \(\$QEMBED_REMOTE_TIMEOUT gives it more"),
        (status(400, "context too long"), "does not take the request.*context too long"),
        (status(404), "is the address right"),
        (status(401), "a key is wanted"),
    ],
)
def test_a_model_that_fails_is_told_and_nothing_is_written(
    tunable: Path, monkeypatch: pytest.MonkeyPatch, trick: Any, message: str
) -> None:
    monkeypatch.setenv("QEMBED_REMOTE_TIMEOUT", "0.5")
    before = manifests.read(tunable / ".qembed")
    with serving() as server:
        # the first round is answered, the second is not
        server.tricks = [says(chat("Find what number one is about"))]
        server.always = trick
        with pytest.raises(ModelUnavailable, match=message):
            run(tunable, server, write_candidates=tunable / "tried.txt")
        assert len(server.bodies) == 2
    assert manifests.read(tunable / ".qembed") == before
    assert not (tunable / "tried.txt").exists()


def test_a_server_that_is_not_there(tunable: Path) -> None:
    before = manifests.read(tunable / ".qembed")
    with serving() as server:
        gone = server
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        run(tunable, gone)
    assert manifests.read(tunable / ".qembed") == before


@pytest.mark.slow
def test_a_slow_model_is_waited_for(tunable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within its time, and asked again after a busy answer."""
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "1")
    with serving() as server:
        server.tricks = [
            status(503, retry_after="0"),
            later(0.3, says(chat(BEST))),
            later(0.3, says(chat("Find what number two is about"))),
            later(0.3, says(chat("Find what number three is about"))),
        ]
        assert run(tunable, server).chosen.task == BEST
        assert len(server.bodies) == ROUNDS + 1


def test_what_takes_no_instruction_is_not_asked_for_any(tmp_path: Path) -> None:
    lines = [json.dumps({"_id": f"d{i}", "text": f"word{i} more"}) for i in range(60)]
    (tmp_path / "c.jsonl").write_text("\n".join(lines))
    (tmp_path / "q.jsonl").write_text("\n".join(lines).replace('"d', '"q'))
    (tmp_path / "r.tsv").write_text("".join(f"q{i}\td{i}\t1\n" for i in range(60)))
    recipe = RecipeOptions(model=BAG)
    build(tmp_path / ".qembed", IndexOptions(paths=[str(tmp_path / "c.jsonl")], recipe=recipe))
    with serving() as server:
        with pytest.raises(UsageError, match="takes no instruction"):
            run(tmp_path, server)
        assert server.bodies == []
