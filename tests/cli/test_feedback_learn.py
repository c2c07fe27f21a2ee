"""`feedback learn`, `--rerank learned`, votes that are remembered, `feedback never`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from tests.cli.conftest import Shell
from tests.cli.planted import TOPICS, index_planted, query_of, top

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Index of `index_planted`. Agents cite what stands second."""
    folder = tmp_path_factory.mktemp("planted") / "work"
    folder.mkdir()
    shell = Shell(folder)
    index_planted(shell)
    return shell


def log_citations(root: Path, cited: str = "near", topics: int = TOPICS) -> None:
    """Every query is asked twice by agents, each time by another one."""
    rows: list[LoggedQuery | Event] = []
    for time in range(2 * topics):
        n = time % topics
        name = f"{cited}{time}"
        hits = (ShownHit(f"far{n}", 1), ShownHit(f"near{n}", 2))
        who: dict[str, Any] = {"client_id": f"agent{time}", "client_kind": "agent"}
        rows.append(LoggedQuery(name, query_of(n), 1000.0 + time, hits, **who))
        rows.append(Event(f"e{name}", name, "cite", 1000.5 + time, f"{cited}{n}", **who))
        rows.append(Event(f"o{name}", name, "success", 1000.6 + time, **who))
    LogStore(root).append([encode_row(row_of(r)) for r in rows])


def test_what_is_learned_holds_for_queries_that_nobody_asked(planted: Shell) -> None:
    root = planted.folder / ".qembed"
    assert top(planted, query_of(7)) == ["far7", "near7"]
    log_citations(root, topics=50)
    done = planted("feedback", "learn", "--format", "json")
    assert done.code == 0, done.err
    body = done.json
    assert (body["better"], body["written"], body["why"]) == (True, True, None)
    assert body["later"]["new"]["after"] > body["later"]["new"]["before"] + 0.2
    new = body["later"]["new"]
    assert new["p"] < 0.01
    assert new["low"] <= new["mean"] <= new["high"]
    assert body["weights"]["pairs"] > 0
    # 55 was never asked; none of its documents was seen
    assert top(planted, query_of(55)) == ["far55", "near55"]
    assert top(planted, query_of(55), "--rerank", "learned") == ["near55", "far55"]
    done = planted("feedback", "promote", "rerank=learned", "--format", "json")
    assert (done.code, done.json["promoted"], done.json["why"]) == (0, True, None), done.err
    assert "better on later feedback" in planted("status").out
    assert top(planted, query_of(55)) == ["near55", "far55"]
    assert planted("feedback", "promote", "--undo").code == 0
    assert top(planted, query_of(55)) == ["far55", "near55"]
    done = planted("query", query_of(55), "--rerank", "learned", "--explain", "-k", "2")
    assert "rerank: learned (learned)" in done.err
    assert "near55: " in done.err
    assert "pairs +" in done.err
    done = planted("query", query_of(55), "--rerank", "learned", "--format", "json")
    hit = done.json["queries"][0]["hits"][0]
    assert hit["parts"]["pairs"] > 0
    assert hit["scores"]["rerank"] == pytest.approx(sum(hit["parts"].values()), abs=1e-3)
    # its share mixes with the order before
    mixed = ("--rerank", "learned", "--rerank-share", "0.01")
    assert top(planted, query_of(55), *mixed) == ["far55", "near55"]


def test_judged_queries_decide_where_there_are_any(planted: Shell) -> None:
    log_citations(planted.folder / ".qembed", topics=50)
    queries = [{"_id": f"q{n}", "text": query_of(n)} for n in range(45, TOPICS)]
    planted.write("q.jsonl", "\n".join(map(json.dumps, queries)))
    for name, code in (("near", 0), ("far", 3)):
        rows = [f"q{n}\t{name}{n}\t1" for n in range(45, TOPICS)]
        planted.write("qrels.tsv", "query-id\tcorpus-id\tscore\n" + "\n".join(rows))
        done = planted(
            "feedback", "learn", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--format", "json"
        )
        assert done.code == code, done.err
        assert done.json["judged"]["left_out"] == 5  # these were asked: not learned of
        assert (done.json["judged"]["mean"] > 0) is (name == "near")
    assert "nothing is stored: no better on judged queries" in done.err


def test_reranking_hits_of_a_pipe_is_the_same_as_of_a_query(planted: Shell) -> None:
    log_citations(planted.folder / ".qembed", topics=50)
    assert planted("feedback", "learn", "--anyway", "-q").code == 0
    hits = planted("query", query_of(55), "-k", "20", "--format", "jsonl").out
    done = planted("rerank", "-k", "2", "--model", "learned", stdin=hits)
    assert done.code == 0, done.err
    assert [line["document"] for line in done.lines] == ["near55", "far55"]
    done = planted("rerank", "--model", "learned", "--min-score", "0.1", stdin=hits)
    assert (done.code, "mean nothing" in done.err) == (2, True)
    bare = json.dumps({"query": "kabogo", "text": "beta"})
    done = planted("rerank", "--model", "learned", stdin=bare)
    assert done.code == 2
    assert "no scores" in done.err
    planted.write("q2.jsonl", '{"_id": "1", "text": "kabogo"}\n')
    planted.write("run.trec", "1 Q0 far5 1 1.0 x\n")
    done = planted("rerank", "--model", "learned", "--run", "run.trec", "--queries", "q2.jsonl")
    assert done.code == 2
    assert "which a run does not have" in done.err


def test_evaluation_takes_the_learned_order_and_no_votes(planted: Shell) -> None:
    root = planted.folder / ".qembed"
    log_citations(root, topics=50)
    assert planted("feedback", "learn", "--anyway", "-q").code == 0
    planted.write("q3.jsonl", json.dumps({"_id": "1", "text": query_of(55)}))
    planted.write("qrels3.tsv", "query-id\tcorpus-id\tscore\n1\tnear55\t1\n")
    files = ("eval", "--queries", "q3.jsonl", "--qrels", "qrels3.tsv", "--measures", "P@1")
    assert planted("feedback", "never", query_of(55), "near55").code == 0
    for args, value in (((), 0.0), (("--rerank", "learned"), 1.0)):
        done = planted(*files, "--format", "json", *args)
        assert done.code == 0, done.err
        assert done.json["measures"]["P@1"] == value
    assert planted("feedback", "never", query_of(55), "near55", "--undo").code == 0


def test_no_model_and_one_of_another_recipe(docs: Shell) -> None:
    done = docs("query", "money", "--rerank", "learned")
    assert done.code == 2
    assert "no learned order in" in done.err
    assert "qembed feedback learn" in done.err
    path = docs.folder / ".qembed/feedback/learned.jsonl"
    path.parent.mkdir()
    header = {"v": 2, "entries": 0, "bytes": 0, "kind": "learned order", "weights": {"order": 1.0}}
    path.write_text(json.dumps({**header, "recipe": "other"}) + "\n")
    done = docs("query", "money", "--rerank", "learned")
    assert done.code == 2
    assert "weighs the scores of recipe other" in done.err
    assert docs("query", "money", "--rerank", "learned", "--min-score", "0.1").code == 2
    assert "no vectors" in docs("index", "docs", "--model", "learned", "--index", "i2").err


def test_forgotten_queries_are_not_in_what_was_learned(docs: Shell) -> None:
    root = docs.folder / ".qembed/feedback"
    name = ask(docs, "money back", "-k", "3")
    docs("feedback", "add", name, "--action", "thumbs_up", "--position", "2")
    assert docs("feedback", "learn", "--anyway", "-q").code == 0
    assert b"money back" in (root / "learned.jsonl").read_bytes()
    assert docs("feedback", "forget", "--where", "query = 'money back'", "-q").code == 0
    left = {p.name: p.read_bytes() for p in root.iterdir()}
    assert [n for n, data in left.items() if b"money" in data] == []
    assert docs("query", "money", "--rerank", "learned", "-q").code == 0


def test_an_index_that_answers_by_an_order_that_is_gone_answers_all_the_same(docs: Shell) -> None:
    name = ask(docs, "money back", "-k", "3")
    docs("feedback", "add", name, "--action", "thumbs_up", "--position", "2")
    assert docs("feedback", "learn", "--anyway", "-q").code == 0
    assert docs("feedback", "promote", "rerank=learned", "--anyway").code == 0
    assert "rerank: learned" in docs("query", "money", "--explain").err
    (docs.folder / ".qembed/feedback/learned.jsonl").unlink()
    done = docs("query", "money", "-k", "1", "--format", "jsonl")
    assert done.code == 0
    assert done.lines[0]["document"] == "refunds.md"
    assert "warning: no learned order in" in done.err


def test_a_log_that_tells_nothing_or_too_little_stores_nothing(docs: Shell) -> None:
    done = docs("feedback", "learn")
    assert done.code == 2
    assert "nothing is logged yet" in done.err
    docs("query", "money", "--log", "-q")
    done = docs("feedback", "learn", "--format", "json")
    assert done.code == 3
    assert (
        done.json["why"]
        == "there are no events: qembed feedback add, feedback import, feedback agent"
    )
    name = docs("query", "money", "--log", "--format", "json").json["queries"][0]["logged_as"]
    docs("feedback", "add", name, "--action", "thumbs_up", "--position", "2")
    done = docs("feedback", "learn")
    assert done.code == 3
    assert "fewer than 20 queries have later preferences" in done.err
    assert not (docs.folder / ".qembed/feedback/learned.jsonl").exists()
    done = docs("feedback", "learn", "--anyway")
    assert (done.code, "stored all the same" in done.err) == (0, True)
    assert docs("query", "money", "--rerank", "learned", "-q").code == 0
    assert docs("feedback", "learn", "--queries", "q.jsonl").code == 2


def test_clicks_that_follow_position_alone_are_told(docs: Shell) -> None:
    rng = random.Random(3)
    rows: list[LoggedQuery | Event] = []
    for n in range(900):
        shown = tuple(
            ShownHit(d, i) for i, d in enumerate(("refunds.md", "parcels.md", "deep/locks.txt"), 1)
        )
        rows.append(LoggedQuery(f"q{n}", f"money {n % 9}", float(n), shown, client_id=f"c{n}"))
        for hit in shown:
            if rng.random() < 0.6 / hit.rank:
                event = Event(f"e{n}-{hit.rank}", f"q{n}", "click", n + 0.5, hit.id, hit.rank)
                rows.append(event)
    LogStore(docs.folder / ".qembed").append([encode_row(row_of(r)) for r in rows])
    done = docs("feedback", "learn")
    assert done.code == 3
    assert "nothing is stored: clicks follow position alone" in done.err


def ask(shell: Shell, query: str, *args: str) -> str:
    done = shell("query", query, "--log", "--format", "json", *args)
    name = done.json["queries"][0]["logged_as"]
    assert isinstance(name, str)
    return name


def test_a_vote_keeps_its_answer_at_once(docs: Shell) -> None:
    before = top(docs, "money back")
    last = "deep/locks.txt"
    assert before[0] == "refunds.md"
    name = ask(docs, "money back", "-k", "3")
    assert docs("feedback", "add", name, "--action", "thumbs_up", "--object", last).code == 0
    done = docs("query", " MONEY  back? ", "-k", "2", "--explain")
    assert f"by votes on this query: first {last}" in done.err
    assert top(docs, "Money back!") == [last, "refunds.md"]
    assert top(docs, "money back", "--by", "document") == [last, "refunds.md"]
    assert top(docs, "money back", "--mode", "lexical")[0] == last
    assert top(docs, "money back", "--rerank", "py:tests.encoders:shouting")[0] == last
    assert top(docs, "money back", "--no-memory") == before
    assert top(docs, "money") == before
    # a filter holds all the same
    assert last not in top(docs, "money back", "--where", "suffix = '.md'")
    done = docs("query", "money back", "--format", "json", "-k", "2")
    assert done.json["queries"][0]["votes"] == f"first {last}"
    scores = [hit["score"] for hit in done.json["queries"][0]["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert docs("feedback", "forget", "--where", "action = 'thumbs_up'").code == 0
    assert top(docs, "money back") == before


def test_never_works_at_once_and_is_undone(docs: Shell) -> None:
    done = docs("feedback", "never", "money back", "refunds.md", "--client", "person:ann")
    assert done.code == 0, done.err
    assert done.out == "refunds.md is not shown any more for 'money back'\n"
    assert "refunds.md" not in top(docs, "Money back?")
    assert len(top(docs, "money back")) == 2  # the next one took its place
    done = docs("query", "money back")
    assert "by votes on this query: never refunds.md (--no-memory leaves them out)" in done.err
    # another client does not take back what ann said, but may outvote it
    docs("feedback", "never", "money back", "refunds.md", "--undo", "--client", "person:bob")
    assert "refunds.md" not in top(docs, "money back")
    docs("feedback", "never", "money back", "refunds.md", "--undo", "--client", "person:ann")
    assert "refunds.md" in top(docs, "money back")


def test_votes_of_tests_and_mistakes_change_nothing(docs: Shell) -> None:
    before = top(docs, "money")
    done = docs("feedback", "never", "money", "refunds.md", "--client", "test:ci")
    assert "votes of test clients change no answer" in done.err
    assert top(docs, "money") == before
    log = LogStore(docs.folder / ".qembed")
    size = log.path(1).stat().st_size
    for args, message in (
        (("money", "gone.md"), "there is no document gone.md"),
        ((" ", "refunds.md"), "no words"),
    ):
        done = docs("feedback", "never", *args)
        assert (done.code, message in done.err) == (2, True)
    assert log.path(1).stat().st_size == size


def test_a_document_that_left_the_index_is_no_matter(docs: Shell) -> None:
    name = ask(docs, "money", "-k", "3")
    docs("feedback", "add", name, "--action", "thumbs_up", "--object", "parcels.md")
    assert top(docs, "money")[0] == "parcels.md"
    (docs.folder / "docs/parcels.md").unlink()
    assert docs("index", "docs").code == 0
    assert "parcels.md" not in top(docs, "money")


def test_hashed_logs_remember_votes(docs: Shell) -> None:
    docs("feedback", "log", "hashed")
    assert docs("feedback", "never", "money back", "refunds.md").code == 0
    assert "refunds.md" not in top(docs, "money back")
    assert "refunds.md" not in top(docs, " Money back? ")
    memory = docs.folder / ".qembed/feedback/votes.jsonl"
    assert b"money" not in memory.read_bytes()
