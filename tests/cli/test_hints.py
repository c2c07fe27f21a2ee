"""Commands that messages name repeat the index that was named."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from qembed.cli.console import dumps
from qembed.hints import remember_index, with_index
from tests.cli.conftest import Shell


def test_hints_after_errors_repeat_the_index(docs: Shell) -> None:
    assert docs("index", "docs", "--index", "my index").code == 0
    named = "--index 'my index'"
    for args, hint in (
        (["query", "x", "--model", "py:tests.encoders:other"], f"(qembed index {named} --rebuild "),
        (["query", "x", "--search", "graph"], f"(qembed index {named} makes"),
    ):  # fmt: skip
        (docs.folder / "my index/derived/graph.json").unlink(missing_ok=True)
        done = docs(*args, "--index", "my index")
        assert hint in done.err, (args, done.err)
        assert named not in docs(*args).err
    (next((docs.folder / "my index").glob("documents-*"))).unlink()
    assert f"(qembed verify {named} tells" in docs("query", "x", "--index", "my index").err
    gone = docs("query", "x", "--index", "no index").err
    assert gone.count("--index") == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("make one: qembed index PATH", "make one: qembed index --index i PATH"),
        ("qembed index PATH --index 'j'", "qembed index PATH --index 'j'"),
        ("(qembed verify tells, qembed index --rebuild encodes)",
         "(qembed verify --index i tells, qembed index --index i --rebuild encodes)"),
        ("what qembed tune chose", "what qembed tune chose"),
        ("qembed tune --undo", "qembed tune --index i --undo"),
        ("judge more: qembed eval pool)", "judge more: qembed eval pool --index i)"),
        ("qembed models prepare x", "qembed models prepare x"),
    ],
)  # fmt: skip
def test_only_commands_that_take_an_index_repeat_it(text: str, wanted: str) -> None:
    try:
        remember_index(Path("i"))
        assert with_index(text) == wanted
    finally:
        remember_index(None)
    assert with_index(text) == text


@pytest.mark.slow
def test_hints_in_json_repeat_the_index(collection: Shell) -> None:
    assert collection("index", "corpus.jsonl", "--index", "mine").code == 0
    shutil.rmtree(collection.folder / "mine/derived")
    for args in (
        ["query", "w1"],
        ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--latency", "0"],
    ):
        body = collection(*args, "--format", "json", "--index", "mine").json
        hints = [w for w in body["warnings"] if "no word index" in w]
        assert hints, body["warnings"]
        assert all("(qembed index --index mine makes it)" in w for w in hints)


def test_reports_repeat_it_in_their_warnings_alone() -> None:
    body = {"query": "qembed index", "warnings": ["behind (qembed index completes it)"]}
    try:
        remember_index(Path("i"))
        found = json.loads(dumps(body))
    finally:
        remember_index(None)
    assert found == {**body, "warnings": ["behind (qembed index --index i completes it)"]}
    assert json.loads(dumps(body)) == body


def test_words_without_quotes_are_given_back_in_quotes(shell: Shell) -> None:
    shell.write("docs/a.md", "a page that is only excluded")
    assert shell("index", "docs").code == 0
    for words in (("late", "parcel"), ("--", "-only excluded", "page")):
        done = shell("query", *words)
        assert done.code == 2
        _, _, hint = done.err.partition("one text in quotes is wanted: qembed ")
        assert shell(*shlex.split(hint)).code == 0, hint


@pytest.mark.parametrize(
    ("command", "given"),
    [("similar", "a"), ("status", ""), ("config", ""), ("verify", ""), ("models show", "m"), ("map", ""),
     ("models prepare", "m"), ("rerank", ""), ("eval init", "a"), ("indexes add", "name path")],
)  # fmt: skip
def test_words_that_no_argument_takes_are_named(shell: Shell, command: str, given: str) -> None:
    words, hint = [*command.split(), *given.split()], f"(qembed {command} -h shows what there is)"
    one = shell(*words, "b")
    assert (one.code, one.err) == (2, f"qembed: unexpected argument: b {hint}\n")
    more = shell(*words, "--", "b c", "-d")
    assert (more.code, more.err) == (2, f"qembed: unexpected arguments: 'b c', -d {hint}\n")


def test_a_name_of_no_model_is_no_reason_for_a_rebuild(docs: Shell) -> None:
    done = docs("index", "docs", "--model", "nosuch")
    assert done.code == 2
    assert "'nosuch' is no model" in done.err
    assert "--rebuild" not in done.err
