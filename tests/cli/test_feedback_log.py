"""`query --log`: what is logged of a query, and what decides whether it is."""

from __future__ import annotations

from typing import Any

from qembed.feedback.text_hash import is_hashed
from tests.cli.conftest import Shell
from tests.cli.feedback_log import ask, events, logged


def test_nothing_is_logged_unless_it_is_asked_for(docs: Shell) -> None:
    done = docs("query", "money", "--format", "json")
    assert "logged_as" not in done.json["queries"][0]
    assert done.json["queries"][0]["query_id"] == "1"
    assert not (docs.folder / ".qembed/feedback").exists()
    assert "feedback" not in docs("status").out
    assert docs("status", "--format", "json").json["feedback"]["queries"] == 0


def test_a_logged_query_says_what_was_shown_and_how(docs: Shell) -> None:
    done = docs(
        "query", "money", "--log", "-k", "2", "--mode", "dense", "--format", "json",
        "--where", "suffix = '.md'", "--client", "agent:nightly", "--session", "s7",
    )  # fmt: skip
    (answer,) = done.json["queries"]
    (query,) = logged(docs)
    assert query.query_id == answer["logged_as"] == answer["query_id"]
    assert [line["logged_as"] for line in answer["hits"]] == [query.query_id] * 2
    assert [(h.id, h.rank, h.score) for h in query.shown] == [
        (hit["document"], hit["rank"], hit["score"]) for hit in answer["hits"]
    ]
    assert (query.text, query.client_id, query.client_kind, query.session_id) == (
        "money", "nightly", "agent", "s7",
    )  # fmt: skip
    assert query.generation == 1
    assert query.settings == {
        "recipe": done.json["recipe"], "k": 2, "mode": "dense", "where": ["suffix = '.md'"],
    }  # fmt: skip


def test_every_hit_has_its_rank(shell: Shell) -> None:
    shell.write("docs/a.md", "".join(f"# Part {i}\n\n{'money back ' * 150}\n\n" for i in range(3)))
    shell.write("docs/b.md", "# Other\n\nA parcel.\n")
    assert shell("index", "docs").code == 0
    hits = shell("query", "money", "--log", "--format", "jsonl").lines
    (query,) = logged(shell)
    assert [(h.id, h.rank) for h in query.shown] == [(h["document"], h["rank"]) for h in hits]
    assert len({h.id for h in query.shown}) < len(query.shown)
    add = ("feedback", "add", query.query_id, "--action", "click")
    assert shell(*add, "--position", str(len(hits))).code == 0
    assert shell(*add, "--object", "a.md").code == 0
    assert [(e.object_id, e.position) for e in events(shell)] == [
        (hits[-1]["document"], len(hits)),
        ("a.md", next(h["rank"] for h in hits if h["document"] == "a.md")),
    ]


def test_the_other_formats_say_the_id_on_stderr(docs: Shell) -> None:
    done = docs("query", "money", "--log")
    (query,) = logged(docs)
    assert f"qembed: logged as {query.query_id} (qembed feedback add " in done.err
    assert docs("query", "money", "--log", "-q").err == ""
    run = docs("query", "money", "--log", "--format", "trec", "-q")
    assert {line.split()[0] for line in run.out.splitlines()} == {logged(docs)[-1].query_id}


def test_queries_on_stdin_keep_their_ids(docs: Shell) -> None:
    done = docs("query", "-", "--log", "--format", "trec", stdin="money\nparcel\n")
    assert {line.split()[0] for line in done.out.splitlines()} == {"1", "2"}
    assert "logged 2 queries" in done.err
    asked = '{"_id": "own", "text": "money", "where": "suffix = \'.md\'"}\n'
    hits = docs("query", "-", "--log", "--format", "jsonl", stdin=asked).lines
    assert {h["query_id"] for h in hits} == {"own"}
    assert {h["logged_as"] for h in hits} == {logged(docs)[-1].query_id}
    assert logged(docs)[-1].settings["where"] == ["suffix = '.md'"]
    assert len(logged(docs)) == 3


def test_who_decides_whether_queries_are_logged(docs: Shell) -> None:
    def grows(*args: str, **env: str) -> bool:
        before = len(logged(docs))
        done = docs("query", "money", *args, **env)
        assert done.code == 0, done.err
        return len(logged(docs)) > before

    assert grows(QEMBED_LOG="1")
    assert not grows("--no-log", QEMBED_LOG="1")
    assert not grows(QEMBED_LOG="0")
    assert docs("feedback", "log", "on").code == 0
    assert grows()
    assert not grows("--no-log")
    assert not grows(QEMBED_LOG="off")
    assert docs("feedback", "log", "on").err == ""
    file = docs.write(".qembed.toml", "log = false\n")
    told = docs("feedback", "log", "on")
    assert told.err == f"qembed: here {file}:1 (log = false) decides, not the index\n"
    told = docs("feedback", "log", QEMBED_LOG="hashed")
    assert told.err == "qembed: here QEMBED_LOG=hashed decides, not the index\n"
    assert docs("feedback", "log", QEMBED_LOG="1").err == ""
    assert not grows()
    assert grows(QEMBED_LOG="1")
    assert grows("--log")
    docs.write(".qembed.toml", "log = true\n")
    assert docs("feedback", "log", "off").code == 0
    assert grows()
    (docs.folder / ".qembed.toml").unlink()
    assert not grows()
    refused = docs("query", "money", QEMBED_LOG="perhaps")
    assert (refused.code, refused.out) != (0, "")
    assert "QEMBED_LOG=perhaps: 1, 0 or hashed is wanted" in refused.err
    docs.write(".qembed.toml", 'log = "sometimes"\n')
    assert 'log: true, false or "hashed" is wanted' in docs("query", "money").err


def test_config_shows_what_holds(docs: Shell) -> None:
    def shown(**env: str) -> tuple[Any, str, str]:
        rows = docs("config", "--format", "json", **env).json["settings"]
        assert "QEMBED_LOG" not in [r["name"] for r in rows], "told with the setting it is of"
        row = next(r for r in rows if r["name"] == "log")
        return row["value"], row["from"].rpartition("/")[2], row["note"]

    assert shown() == (None, "default", "")
    assert shown(QEMBED_LOG="1") == (True, "QEMBED_LOG", "")
    assert docs("feedback", "log", "on").code == 0
    assert shown() == (True, "index", "")
    assert shown(QEMBED_LOG="0") == (False, "QEMBED_LOG", "")
    docs.write(".qembed.toml", "log = false\n")
    assert shown() == (False, ".qembed.toml:1", "")
    assert shown(QEMBED_LOG="yes") == (True, "QEMBED_LOG", "")
    docs.write(".qembed.toml", "log = true\n")
    assert shown(QEMBED_LOG="hashed") == ("hashed", "QEMBED_LOG", "")
    assert docs("feedback", "log", "hashed").code == 0
    assert shown() == ("hashed", ".qembed.toml:1", "index says hashed")
    assert shown(QEMBED_LOG="off") == (False, "QEMBED_LOG", "")
    assert docs("config", QEMBED_LOG="1").out.count("QEMBED_LOG") == 1
    refused = docs("config", "--format", "json", QEMBED_LOG="perhaps")
    assert refused.code == 2
    assert refused.json["mistakes"] == ["QEMBED_LOG=perhaps: 1, 0 or hashed is wanted"]


def test_hashed_texts_stay_hashed_whatever_turns_the_log_on(docs: Shell) -> None:
    assert docs("feedback", "log", "hashed").code == 0
    ask(docs)
    ask(docs, "--where", "suffix = '.md'", QEMBED_LOG="1")
    one, two = logged(docs)
    assert is_hashed(one.text)
    assert one.text == two.text
    assert all(is_hashed(w) for w in two.settings["where"])
    data = (docs.folder / ".qembed/feedback/log-00000001.jsonl").read_text()
    assert "money" not in data
    assert ".md'" not in data
    gone = docs("feedback", "forget", "--where", "query = 'money'", "--format", "json").json
    assert gone["queries"] == 2
    ask(docs)
    warned = docs("feedback", "forget", "--where", "query glob '*mon*'")
    assert "texts are hashed, and query = '…' alone finds them: 1" in warned.err
    assert len(logged(docs)) == 1


def test_a_log_that_cannot_be_written_is_told_and_changes_no_answer(docs: Shell) -> None:
    docs.write(".qembed/feedback", "somebody's file")
    done = docs("query", "money", "--log", "--format", "json")
    assert done.code == 0
    assert "logged_as" not in done.json["queries"][0]
    assert "warning: not logged: cannot write " in done.err
    assert "part of its path is no folder" in done.err


def test_a_client_without_a_log_is_told(docs: Shell) -> None:
    assert "--client, --session: no effect without --log" in docs("query", "m", "--client", "a").err
    assert docs("query", "money", QEMBED_CLIENT="agent:a").err == ""
    assert docs("query", "money", "--log", "--client", "").code == 2
