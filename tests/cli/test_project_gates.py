"""Gates of a project file: judgments, limits and baseline of `eval`."""

from __future__ import annotations

import shlex

from tests.cli.conftest import Shell
from tests.cli.project_file import project


def test_eval_takes_the_projects_gates_as_a_whole(collection: Shell) -> None:
    project(
        collection,
        '[gates]\nqueries = "q.jsonl"\nqrels = "qrels.tsv"\nfail_under = { "nDCG@10" = 1.0 }\n',
    )
    assert collection("eval", "--mode", "dense").code == 3
    assert collection("eval", "--mode", "dense", "--fail-under", "nDCG@10=0").code == 0
    # somebody's own queries are not the project's to judge
    assert collection("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv").code == 0
    sub = collection.folder / "sub"
    sub.mkdir()
    assert Shell(sub)("eval", "--mode", "dense").code == 3


def test_half_of_the_gates_names_the_file_and_the_other_half(collection: Shell) -> None:
    file = collection.folder / ".qembed.toml"
    for text, lacking in (
        ('[gates]\nqueries = "q.jsonl"\nfail_under = "RR=0.1"\n', "qrels"),
        ('[gates]\nqrels = "qrels.tsv"\n', "queries"),
        ('[gates]\nfail_under = "RR=0.1"\n', "qrels and queries"),
        (
            '[gates]\nqueries = "q.jsonl"\nqrels = "qrels.tsv"\nmax_drop = { RR = 0.1 }\n',
            "baseline",
        ),
    ):
        project(collection, text)
        done = collection("eval")
        assert done.code == 2
        assert done.err.endswith(f"qembed: the table gates of {file} has no {lacking}\n"), done.err
    # with inputs of one's own the file has no part in it
    assert str(file) not in collection("eval", "--queries", "q.jsonl").err


def test_the_filter_of_a_project_holds_for_its_own_judgments_too(docs: Shell) -> None:
    docs.write(".qembed.toml", "where = \"suffix = '.txt'\"\n")
    docs.write("q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    docs.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tparcels.md\t1\n")
    inputs = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--format", "json"]
    report = docs(*inputs).json
    assert report["settings"]["where"] == ["suffix = '.txt'"]
    assert report["measures"]["nDCG@10"] == 0
    anything = docs(*inputs, "--where", "suffix exists").json
    assert anything["settings"]["where"] == ["suffix exists"]


def test_a_baseline_that_is_not_there_is_told_how_to_be_made(docs: Shell) -> None:
    docs.write(
        ".qembed.toml",
        '[gates]\nqueries = "a q.jsonl"\nqrels = "qrels.tsv"\nbaseline = "b.json"\n'
        'max_drop = "nDCG@10=2%"\n',
    )
    docs.write("a q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    docs.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tparcels.md\t1\n")
    done = docs("eval")
    assert done.code == 2
    command = "qembed eval --queries 'a q.jsonl' --qrels qrels.tsv --report b.json"
    assert f"cannot read b.json: no such file or folder (this makes it: {command})" in done.err
    assert done.err.rstrip().endswith(".qembed.toml:4")
    assert docs(*shlex.split(command)[1:]).code == 0
    assert docs("eval").code == 0
