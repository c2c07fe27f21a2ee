"""What `status` and `verify` tell of votes and of learned weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qembed.feedback.learning.model import LearnedModel, read_model, write_model
from tests.cli.conftest import Shell


def feedback(shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = shell("status", "--format", "json").json["feedback"]
    return found


def line(shell: Shell) -> str:
    return next(row for row in shell("status").out.splitlines() if row.startswith("feedback"))


def findings(shell: Shell) -> list[tuple[str, str]]:
    done = shell("verify", "--no-model", "--format", "json")
    assert done.code == (2 if done.json["findings"] else 0), done.err
    return [(f["what"], f["mend"]) for f in done.json["findings"]]


def store(root: Path, recipe: str, better: bool = True, **weights: float) -> None:
    learned = {"date": 1_790_000_000.0, "better": better, "pairs": 7, "queries": 3}
    write_model(root, LearnedModel(weights or {"order": 1.0}, recipe, learned), {})


def test_status_tells_votes_and_learned_weights(docs: Shell) -> None:
    found = feedback(docs)
    assert (found["voted_queries"], found["learned"]) == (0, None)
    docs("feedback", "never", "money back", "refunds.md")
    docs("feedback", "never", "Money back!", "refunds.md")
    docs("feedback", "never", "parcel", "refunds.md")
    root = docs.folder / ".qembed"
    store(root, docs("status", "--format", "json").json["recipe"]["fingerprint"])
    found = feedback(docs)
    assert found["voted_queries"] == 2
    learned = {"date": 1_790_000_000.0, "better": True, "pairs": 7, "queries": 3, "usable": True}
    assert found["learned"] == learned
    told = "votes on 2 queries; learned order of 2026-09-21, better on what it had not seen"
    assert line(docs).endswith(told)
    store(root, "another")
    assert not feedback(docs)["learned"]["usable"]
    assert "of another recipe, which cannot be used: qembed feedback learn" in line(docs)
    assert findings(docs) == []


def test_verify_finds_weights_that_cannot_be_read(docs: Shell) -> None:
    root = docs.folder / ".qembed"
    store(root, "r", order=1.0, colour=2.0)
    learn = "qembed feedback learn"
    unknown = "learned.jsonl: weights of features that this qembed does not have: colour"
    assert findings(docs) == [(unknown, learn)]
    store(root, "r", order=float("nan"))
    assert findings(docs) == [("learned.jsonl: weights that are no numbers: order", learn)]
    store(root, "r")
    path = root / "feedback/learned.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert read_model(root) is None
    ((what, mend),) = findings(docs)
    assert (what.split(":")[0], mend) == ("learned.jsonl is damaged, or of another qembed", learn)


def test_verify_compares_votes_and_their_vectors_with_the_log(docs: Shell) -> None:
    docs("feedback", "never", "money back days", "refunds.md")
    assert "refunds.md" not in docs("query", "days back money").out
    assert findings(docs) == []
    folder = docs.folder / ".qembed/feedback"
    votes, mend = folder / "votes.jsonl", "qembed feedback forget --unreadable"
    votes.write_bytes(votes.read_bytes().replace(b"refunds.md", b"parcels.md"))
    assert findings(docs) == [("votes.jsonl does not have the votes of the log", mend)]
    assert docs("feedback", "forget", "--unreadable").code == 0
    assert findings(docs) == []
    assert "refunds.md" not in docs("query", "days back money").out
    (vectors,) = folder.glob("votes-*.vectors")
    data = bytearray(vectors.read_bytes())
    data[-60:-40] = bytes(20)
    vectors.write_bytes(data)
    assert findings(docs) == [(f"vectors of voted queries are damaged: {vectors.name}", mend)]
    vectors.write_bytes(data[:-1])
    assert findings(docs) == [(f"vectors of voted queries are damaged: {vectors.name}", mend)]
    assert docs("feedback", "forget", "--unreadable").code == 0
    assert findings(docs) == []
