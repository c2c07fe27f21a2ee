"""`query --exchange`: neighbours are exchanged in what is shown and logged."""

from __future__ import annotations

from qembed.feedback.propensity.exchange import exchange
from tests.cli.conftest import Shell
from tests.cli.feedback_log import logged


def test_neighbours_are_exchanged_in_what_is_logged(docs: Shell) -> None:
    plain = [h["document"] for h in docs("query", "money", "--format", "jsonl").lines]
    moved = 0
    for _ in range(12):
        done = docs("query", "money", "--log", "--explore", "--explain", "--format", "json")
        (answer,) = done.json["queries"]
        query = logged(docs)[-1]
        ranks = answer.get("explored", [])
        assert query.explored == tuple(ranks)
        assert query.settings["explore"] is True
        shown = [h["document"] for h in answer["hits"]]
        assert [h.id for h in query.shown] == shown
        assert [h["rank"] for h in answer["hits"]] == list(range(1, len(shown) + 1))
        assert shown == exchange(plain, ranks)
        assert ("exchanged at random (--no-explore): ranks" in done.err) == bool(ranks)
        moved += bool(ranks)
    assert 0 < moved < 12


def test_nothing_is_exchanged_without_a_log_nor_for_agents(docs: Shell) -> None:
    plain = docs("query", "money", "--format", "jsonl").out
    for _ in range(4):
        done = docs("query", "money", "--explore", "--format", "jsonl")
        assert done.out == plain
        assert "--explore: no effect without --log, nothing is exchanged" in done.err
    done = docs("query", "money", "--explore", "--log", "--client", "agent:x")
    assert "--explore: no effect for an agent" in done.err
    assert (logged(docs)[0].explored, logged(docs)[0].settings.get("explore")) == ((), None)
    done = docs("query", "money", "--explore", "--log", "--format", "trec")
    assert (done.code, done.out) == (2, "")


def test_an_index_may_have_neighbours_exchanged(docs: Shell) -> None:
    done = docs("feedback", "log", "--explore")
    assert done.code == 2
    assert "--explore: with a log alone" in done.err
    assert "neighbours exchanged at random" in docs("feedback", "log", "on", "--explore").out
    assert docs("feedback", "log", "--format", "json").json["explore"] is True
    for args in ([], ["--no-explore"], ["--client", "agent:x"], ["--format", "trec"]):
        assert docs("query", "money", *args).code == 0
    assert [bool(q.settings.get("explore")) for q in logged(docs)] == [True, False, False, False]
    assert docs("feedback", "log", "--no-explore").code == 0
    assert docs("query", "money").code == 0
    assert "explore" not in logged(docs)[-1].settings
    assert docs("feedback", "log", "on", "--explore").code == 0
    assert docs("feedback", "log", "off", "--format", "json").json["explore"] is False
