"""`qembed feedback pairs`: preferences of the log, and reasons why there are none."""

from __future__ import annotations

import json

import pytest

from qembed.training.reranker.examples import read_preferences
from tests.cli.conftest import Shell
from tests.cli.feedback_log import add, append, ask, lines_of
from tests.feedback.simulated import examined, position_based, simulate


def records(shell: Shell, names: list[str]) -> None:
    """An index of one short record for each name."""
    lines = [json.dumps({"_id": n, "text": f"text of {n}"}) + "\n" for n in names]
    shell.write("corpus.jsonl", "".join(lines))
    assert shell("index", "corpus.jsonl").code == 0


def test_votes_become_pairs_that_the_trainer_reads(docs: Shell) -> None:
    name = ask(docs)
    add(docs, name, "thumbs_up", "parcels.md")
    add(docs, name, "thumbs_down", "refunds.md")
    done = docs("feedback", "pairs", "--out", "pairs.jsonl")
    assert done.code == 0, done.err
    path = docs.folder / "pairs.jsonl"
    found = lines_of(path)
    assert done.out == f"pairs.jsonl: {len(found)} pairs of 1 query, {len(found)} by persons\n"
    voted = next(line for line in found if line["reason"] == "vote")
    assert voted["query"] == "money"
    assert (voted["chosen_id"], voted["rejected_id"]) == ("parcels.md", "refunds.md")
    assert voted["rejected"] == "# Refunds\n\nMoney comes back within five days."
    assert (voted["weight"], voted["kind"], voted["clients"]) == (1.0, "person", 1)
    read = read_preferences(path)
    assert [(r.query, *r.texts) for r in read] == [
        (line["query"], line["chosen"], line["rejected"]) for line in found
    ]


def test_of_a_long_document_the_passage_nearest_to_the_query_is_written(shell: Shell) -> None:
    parts = [f"# Part {i}\n\n{f'filler{i} ' * 150}\n\n" for i in range(3)]
    shell.write("docs/long.md", "".join([*parts[:2], "# Money\n\nmoney money money\n\n", parts[2]]))
    shell.write("docs/short.md", "# Other\n\nmoney and a parcel.\n")
    assert shell("index", "docs").code == 0
    name = ask(shell)
    add(shell, name, "thumbs_up", "long.md")
    add(shell, name, "thumbs_down", "short.md")
    assert shell("feedback", "pairs", "--out", "pairs.jsonl").code == 0
    found = lines_of(shell.folder / "pairs.jsonl")
    assert "money money money" in found[0]["chosen"]
    best = next(h for h in shell("query", "money", "--format", "jsonl").lines
                if h["document"] == "long.md")  # fmt: skip
    assert best["text"] in found[0]["chosen"]


def test_persons_and_agents_are_told_apart(docs: Shell) -> None:
    name = ask(docs)
    add(docs, name, "thumbs_up", "parcels.md")
    add(docs, name, "thumbs_down", "refunds.md")
    add(docs, name, "cite", "parcels.md", "--client", "agent:helper")
    add(docs, name, "copy", "refunds.md", "--client", "test:smoke")
    done = docs("feedback", "pairs", "--out", "pairs.jsonl", "--format", "json")
    assert set(done.json["kinds"]) == {"person", "agent"}
    assert "pairs of persons and of agents are in one file, netted apart" in done.err
    assert "left out: 1 answer of other kinds of clients" in done.err
    only = docs("feedback", "pairs", "--out", "pairs.jsonl", "--client-kind", "agent", "-q")
    assert (only.code, only.out, only.err) == (0, "", "")
    assert {line["kind"] for line in lines_of(docs.folder / "pairs.jsonl")} == {"agent"}


def test_a_small_log_is_assumed_to_be_looked_at_as_the_inverse_rank(docs: Shell) -> None:
    name = ask(docs)
    shown = [h["document"] for h in docs("query", "money", "--format", "jsonl").lines]
    add(docs, name, "click", shown[1])
    body = docs("feedback", "pairs", "--out", "p.jsonl", "--format", "json").json
    assert (body["written"], body["clicks"]["verdict"]) == (True, "unknown")
    assert [r["method"] for r in body["propensities"]["ranks"]] == ["first", "assumed", "assumed"]
    skipped = ("--position", "skipped", "--format", "json")
    body = docs("feedback", "pairs", "--out", "p.jsonl", *skipped).json
    assert (body["pairs"], body["propensities"]) == (1, None)
    body = docs("feedback", "pairs", "--out", "p.jsonl", *skipped, "--next-below").json
    assert body["pairs"] == 2


@pytest.mark.slow
def test_clicks_that_follow_position_alone_write_nothing_and_it_is_said(shell: Shell) -> None:
    names = [f"q{q}-d{d}" for q in range(5) for d in range(5)]
    records(shell, names)
    blind = simulate(
        position_based(examined(5)),
        sessions=600,
        noise=0,
        seed=3,
        queries=5,
        documents=5,
        blind=True,
    )
    append(shell, blind)
    done = shell("feedback", "pairs", "--out", "pairs.jsonl")
    assert (done.code, done.out) == (3, "")
    assert "no pairs, nothing is written: clicks follow position alone (p " in done.err
    assert not (shell.folder / "pairs.jsonl").exists()
    report = shell("feedback", "report").out
    assert "clicks follow position alone (p " in report
    assert "0 preferences of 0 queries" in report


@pytest.mark.slow
def test_clicks_that_follow_documents_are_corrected(shell: Shell) -> None:
    names = [f"q{q}-d{d}" for q in range(5) for d in range(5)]
    records(shell, names)
    log = simulate(
        position_based(examined(5)),
        sessions=600, noise=0.1, seed=3, queries=5, documents=5, relevant=2, drift=1.0,
    )  # fmt: skip
    append(shell, log)
    done = shell("feedback", "pairs", "--out", "pairs.jsonl")
    assert done.code == 0, done.err
    assert "clicks follow the documents" in done.err
    assert "position by documents that stood on several ranks" in done.err
    found = lines_of(shell.folder / "pairs.jsonl")
    right, wrong = log.agreement([(p["query"], p["chosen_id"], p["rejected_id"]) for p in found])
    assert right > 9 * wrong
    rows = shell("feedback", "report", "--format", "json").json
    assert [r["shown"] for r in rows["ranks"]] == [600] * 5
    assert rows["clicks"]["verdict"] == "documents"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--client-kind", "robot"], "'robot' is not one of"),
        (["--next-below"], "--next-below: only with --position skipped"),
        (["--share", "0"], "share of one client: 0"),
        (["--per-query", "0"], "answers of a client that count: 0"),
        (["--robot", "1"], "times that make a robot: 1"),
        (["--min-weight", "-1"], "--min-weight"),
        (["--out", "none/pairs.jsonl"], "cannot write none/pairs.jsonl"),
        ([], "nothing is logged yet in"),
    ],
)
def test_refusals(docs: Shell, args: list[str], message: str) -> None:
    given = args if "--out" in args else ["--out", "pairs.jsonl", *args]
    done = docs("feedback", "pairs", *given)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not (docs.folder / "pairs.jsonl").exists()


def test_reasons_why_there_are_no_pairs(docs: Shell) -> None:
    def why(*args: str) -> str:
        done = docs("feedback", "pairs", "--out", "pairs.jsonl", *args)
        assert done.code == 3
        return done.err.rpartition("nothing is written: ")[2]

    name = ask(docs)
    assert why().startswith("there are no events")
    add(docs, name, "impression", "refunds.md")
    assert why() == "no event tells two documents of an answer apart\n"
    add(docs, name, "copy", "parcels.md")
    assert why("--min-weight", "50").endswith("weigh less than --min-weight\n")
    assert why("--client-kind", "agent").startswith("no client of the kinds asked for")
    hashed = docs.folder.parent / "hashed"
    (docs.folder / ".qembed/feedback").rename(hashed)
    name = docs("query", "money", "--log", "--format", "json", QEMBED_LOG="hashed")
    add(docs, name.json["queries"][0]["logged_as"], "copy", "parcels.md")
    assert why().startswith("the log has only hashes of the queries' texts")


def test_documents_that_left_the_index_are_left_out(docs: Shell) -> None:
    name = ask(docs)
    add(docs, name, "thumbs_up", "parcels.md")
    add(docs, name, "thumbs_down", "refunds.md")
    (docs.folder / "docs/refunds.md").unlink()
    assert docs("index").code == 0
    done = docs("feedback", "pairs", "--out", "pairs.jsonl")
    assert (done.code, done.out) == (0, "pairs.jsonl: 1 pair of 1 query, 1 by persons\n")
    assert "left out: 2 pairs with a document that left the index" in done.err


@pytest.mark.slow
def test_a_pipe_gets_the_pairs(docs: Shell) -> None:
    name = ask(docs)
    add(docs, name, "copy", "parcels.md")
    done = docs.process("feedback", "pairs", "--out", "/dev/stdout", "-q")
    assert done.code == 0, done.err
    assert {line["chosen_id"] for line in done.lines} == {"parcels.md"}
