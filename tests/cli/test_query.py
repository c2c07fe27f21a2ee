"""`qembed query`: formats, inputs, refusals, what it prints."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import Shell


def test_a_hit_has_the_promised_fields(docs: Shell) -> None:
    done = docs("query", "money back", "-k", "2", "--format", "jsonl")
    assert done.code == 0
    assert done.err == ""
    first = done.lines[0]
    assert first["schema"] == 1
    assert first["query_id"] == "1"
    assert first["query"] == "money back"
    assert first["rank"] == 1
    assert first["document"] == "refunds.md"
    assert first["title"] == "Refunds"
    assert first["scores"]["dense"] <= first["score"]
    assert first["scores"]["lexical"] > 0
    assert first["scores"]["rerank"] is None
    text = (docs.folder / "docs/refunds.md").read_text()
    p = first["passage"]
    assert text[p["start"] : p["end"]] == first["text"]
    assert (p["seq"], p["line"], p["end_line"]) == (0, 1, 3)
    assert [h["rank"] for h in done.lines] == [1, 2]
    assert done.lines[0]["score"] >= done.lines[1]["score"]


def test_json(docs: Shell) -> None:
    body = docs("query", "money", "--format", "json").json
    assert body["schema"] == 1
    assert body["generation"] == 1
    assert len(body["recipe"]) == 16
    assert body["queries"][0]["query"] == "money"
    assert len(body["queries"][0]["hits"]) == 3


def test_trec_tsv_and_paths(docs: Shell) -> None:
    run = [line.split() for line in docs("query", "parcel", "--format", "trec").out.splitlines()]
    assert [(r[0], r[1], r[3], r[5]) for r in run] == [
        ("1", "Q0", str(n), "qembed") for n in (1, 2, 3)
    ]
    assert run[0][2] == "parcels.md"
    rows = [
        line.split("\t") for line in docs("query", "parcel", "--format", "tsv").out.splitlines()
    ]
    assert rows[0][:2] == ["1", "1"]
    assert rows[0][3] == "parcels.md"
    paths = docs("query", "parcel", "--format", "paths").out.splitlines()
    assert paths[0] == "docs/parcels.md"
    assert all((docs.folder / p).exists() for p in paths)


def test_text_off_a_terminal_has_no_colour_and_fits(docs: Shell) -> None:
    done = docs("query", "where is my parcel")
    assert "\x1b" not in done.out
    assert "docs/parcels.md:3" in done.out  # the line of the sentence
    assert "the tracking page says" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_queries_on_stdin(docs: Shell) -> None:
    done = docs(
        "query", "-", "-k", "1", "--format", "jsonl", stdin="money back\n\nlocked account\n"
    )
    assert [(h["query_id"], h["document"]) for h in done.lines] == [
        ("1", "refunds.md"),
        ("3", "deep/locks.txt"),
    ]
    done = docs(
        "query", "-", "-k", "1", "--format", "jsonl",
        stdin='{"_id": "q7", "text": "money back"}\n{"_id": "q8", "text": "parcel"}\n',
    )  # fmt: skip
    assert [h["query_id"] for h in done.lines] == ["q7", "q8"]


@pytest.mark.parametrize(
    ("args", "stdin", "words"),
    [
        ([""], "", "no words"),
        (["  \t"], "", "no words"),
        ([], "", "TEXT"),
        (["-"], "", "no queries"),
        (["-"], '{"_id": "1", "text": "x"}\n{"_id": "1", "text": "y"}\n', "'1' is given 2 times"),
        (["-"], '{"_id": "1"}\n', "-:1"),
        (["-"], b"caf\xe9\n", "not UTF-8"),
        (["x", "-k", "0"], "", "at least 1"),
        (["x", "--template", "no place for it"], "", "{query}"),
        (["x", "--index", "nowhere"], "", "no index at"),
        (["x", "--format", "xml"], "", "xml"),
        (["x", "--rerank=no/such-model"], "", "no/such-model"),
    ],
)
def test_refusals(docs: Shell, args: list[str], stdin: str | bytes, words: str) -> None:
    done = docs("query", *args, stdin=stdin)
    assert done.code == 2
    assert words in done.err
    assert done.out == ""


def test_no_index_here(shell: Shell) -> None:
    done = shell("query", "x")
    assert done.code == 2
    assert "qembed index PATH" in done.err


@pytest.mark.slow
def test_the_advice_makes_the_index_that_was_asked_for(shell: Shell) -> None:
    shell.write("docs/a.md", "# A\n\nwords\n")
    shell.old()
    for args, env in ((["--index", "my index"], {}), ([], {"QEMBED_INDEX": "my index"})):
        said = shell("query", "x", *args, **env).err
        advice = re.search(r"\(make one: qembed (.*)\)", said)
        assert advice is not None, said
        words = shlex.split(advice[1])
        assert words[:2] == ["index", "PATH"]
        assert shell("index", "docs", *words[2:]).code == 0
        assert shell("query", "words", *args, **env).out
        shutil.rmtree(shell.folder / "my index")
    here = shell("index").err
    assert here == "qembed: no index at ./.qembed (make one: qembed index PATH)\n"


@pytest.mark.parametrize(
    "args",
    [
        ["index", "nope", "gone"],
        ["eval", "--queries", "nope", "--qrels", "nope"],
        ["eval", "sts", "nope"],
        ["eval", "diff", "nope", "nope"],
        ["rerank", "--run", "nope", "--queries", "nope"],
    ],
    ids=" ".join,
)
def test_a_missing_file_is_told_in_one_form(docs: Shell, args: list[str]) -> None:
    done = docs(*args)
    assert done.code == 2
    assert re.fullmatch(r"qembed: cannot read nope(, gone)?: no such file or folder\n", done.err)


def test_the_index_is_found_from_below(docs: Shell) -> None:
    below = Shell(docs.folder / "docs" / "deep")
    assert (
        below("query", "parcel", "--format", "paths")
        .out.splitlines()[0]
        .endswith("docs/parcels.md")
    )
    elsewhere = Shell(docs.folder.parent)
    done = elsewhere("query", "parcel", "-k", "1", QEMBED_INDEX=str(docs.folder / ".qembed"))
    assert done.code == 0


def test_the_template_changes_the_vector_and_never_the_words(docs: Shell) -> None:
    how = ("query", "money", "--mode", "dense", "--format", "json", "--explain")
    plain = docs(*how)
    told = docs(*how, "--template", "locked account {query}")
    assert told.json["queries"][0]["query"] == "money"
    assert told.json["queries"][0]["instruction"] == "locked account money"
    assert "encoded 'locked account money'" in told.err
    assert told.json["queries"][0]["hits"][0]["document"] == "deep/locks.txt"
    assert plain.json["queries"][0]["instruction"] is None
    undone = docs(*how, "--template", "locked account {query}", "--no-instruction")
    hits = [h["score"] for h in undone.json["queries"][0]["hits"]]
    assert hits == [h["score"] for h in plain.json["queries"][0]["hits"]]


def test_exact_and_graph_agree(docs: Shell) -> None:
    exact = docs("query", "locked parcel", "--search", "exact", "--format", "jsonl").lines
    graph = docs("query", "locked parcel", "--search", "graph", "--format", "jsonl", "--explain")
    assert [h["document"] for h in exact] == [h["document"] for h in graph.lines]
    assert "search: graph (asked for, ef " in graph.err


def test_min_score_and_by_document(shell: Shell) -> None:
    text = "\n\n".join(f"paragraph {i} says apple " + "and so on " * 30 for i in range(12))
    shell.write("long.md", text)
    shell.write("short.md", "apple")
    assert shell("index", "long.md", "short.md").code == 0
    passages = shell("query", "apple", "--format", "jsonl", "-k", "5").lines
    assert len(passages) == 5
    documents = shell("query", "apple", "--format", "jsonl", "-k", "5", "--by", "document").lines
    assert [h["document"] for h in documents] == ["short.md", "long.md"]
    some = shell("query", "apple", "--format", "jsonl", "--min-score", "0.99").lines
    assert [h["document"] for h in some] == ["short.md"]
    assert shell("query", "pear", "--min-score", "0.99").out == "no hits\n"


@pytest.mark.slow
def test_a_closed_pipe_ends_quietly(docs: Shell) -> None:
    many = "\n".join(f"question {i} about parcels" for i in range(3000))
    done = subprocess.run(
        f"{sys.executable} -m qembed query - --format jsonl | head -1",
        shell=True, cwd=docs.folder, env=docs.env(), input=many.encode(), capture_output=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["rank"] == 1
    assert done.stderr == b""


def test_control_characters_reach_no_terminal(shell: Shell) -> None:
    evil = "alpha \x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe beta\x00"
    shell.write(
        "r.jsonl", json.dumps({"_id": "x\x1b[1m", "title": "t\x1b[0m", "text": evil}) + "\n"
    )
    assert shell("index", "r.jsonl").code == 0
    shown = shell("query", "alpha").out
    assert not [c for c in shown if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0]
    assert "\u202e" not in shown
    raw = shell("query", "alpha", "--format", "jsonl").out
    assert not [c for c in raw if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0]
    assert json.loads(raw)["text"] == evil


@pytest.mark.parametrize("k", ["1000000000", "99999999999999999999"])
def test_more_hits_than_there_are_rows(docs: Shell, k: str) -> None:
    for more in ([], ["--by", "document"], ["--candidates", k, "--diversity", ".3"]):
        done = docs("query", "parcel", "-k", k, "--format", "jsonl", *more)
        assert done.code == 0, done.err
        assert len(done.lines) == 3
