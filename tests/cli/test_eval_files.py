"""qembed eval on files as they are found: compressed, with other headers, with ids that hold blanks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Shell
from tests.corpus.made import zstd

DOCS = {
    "refund rules": "money comes back refund days",
    "parcels": "parcel tracking where",
    "locked accounts": "locked account password",
}
QUERIES = {"q 1": "refund money", "q2": "where parcel"}
QRELS = "Query ID;Document ID;Grade\nq 1;refund rules;1.0\nq2;parcels;2\n"


@pytest.fixture
def files(shell: Shell) -> Shell:
    corpus = "".join(json.dumps({"_id": i, "text": t}) + "\n" for i, t in DOCS.items())
    shell.write("corpus.jsonl", corpus)
    shell.write("queries.json", json.dumps(QUERIES))
    shell.write("qrels.csv", QRELS)
    shell.old()
    return shell


@pytest.mark.parametrize("name", ["{}.gz", "{}.zst", "{}"])
@pytest.mark.parametrize("pack", [gzip.compress, zstd])
@pytest.mark.slow
def test_a_compressed_beir_folder(files: Shell, name: str, pack: Callable[[bytes], bytes]) -> None:
    beir = files.folder / "beir"
    (beir / "qrels").mkdir(parents=True)
    for here, there in {
        "corpus.jsonl": "corpus.jsonl",
        "queries.json": "queries.jsonl",
        "qrels.csv": "qrels/test.tsv",
    }.items():
        data = (files.folder / here).read_bytes()
        (beir / name.format(there)).write_bytes(pack(data))
    done = files("eval", "--beir", "beir", "--format", "json", "--measures", "RR@10")
    assert done.code == 0, done.err
    assert done.json["per_query"] == {"q 1": {"RR@10": 1.0}, "q2": {"RR@10": 1.0}}


def test_a_truncated_corpus_is_named(files: Shell) -> None:
    beir = files.folder / "beir"
    (beir / "qrels").mkdir(parents=True)
    (beir / "corpus.jsonl").write_bytes(
        gzip.compress((files.folder / "corpus.jsonl").read_bytes())[:-9]
    )
    (beir / "queries.jsonl").write_text(json.dumps(QUERIES))
    (beir / "qrels/test.tsv").write_text(QRELS)
    done = files("eval", "--beir", "beir")
    assert done.code == 2
    assert "corpus.jsonl" in done.err
    assert "cannot be unpacked" in done.err


@pytest.mark.slow
def test_judgments_from_a_compressed_pipe(files: Shell) -> None:
    files.write("run.trec", '"q\\u00201" Q0 "refund\\u0020rules" 1 1 t\nq2 Q0 x 1 -inf t\n')
    args = ("eval", "--run", "run.trec", "--qrels", "/dev/stdin", "--format", "json")
    done = files.process(*args, "--measures", "RR@10", stdin=gzip.compress(QRELS.encode()))
    assert done.code == 0, done.err
    assert done.json["per_query"] == {"q 1": {"RR@10": 1.0}, "q2": {"RR@10": 0.0}}
    assert done.json["details"]["q2"]["returned"][0]["score"] is None


def test_a_run_of_ids_with_blanks_is_written_and_read_back(files: Shell) -> None:
    files("index", "corpus.jsonl", "-q")
    args = ("eval", "--queries", "queries.json", "--qrels", "qrels.csv", "--format", "json")
    done = files(*args, "--save-run", "run.trec")
    assert done.code == 0, done.err
    warning = 'written in quotes with escapes: 3 ("q\\u00201", "refund\\u0020rules", "locked'
    assert warning in done.err
    assert any(warning in line for line in done.json["warnings"])
    assert done.json["measures"]["RR@10"] == 1
    again = files("eval", "--run", "run.trec", "--qrels", "qrels.csv", "--format", "json")
    assert again.code == 0, again.err
    assert again.json["measures"] == done.json["measures"]


@pytest.mark.slow
def test_outputs_are_checked_before_anything_is_measured(files: Shell) -> None:
    files("index", "corpus.jsonl", "-q")
    (files.folder / "folder.json").mkdir()
    files.write("file", "")
    judged = ("--queries", "queries.json", "--qrels", "qrels.csv")
    done = files(
        "eval",
        *judged,
        "--report",
        "nowhere/r.md",
        "--report",
        "folder.json",
        "--save-run",
        "file/x",
    )
    assert done.code == 2
    assert not done.out
    assert done.err == (
        "qembed: cannot write nowhere/r.md: no such file or folder\n"
        "  cannot write folder.json: it is a folder\n"
        "  cannot write file/x: part of its path is no folder\n"
    )
    for args in (
        ("eval", "pool", "--queries", "queries.json", "-o", "nowhere/p.tsv"),
        ("tune", *judged, "--report", "nowhere/r.html"),
        ("tune", *judged, "--write-candidates", "nowhere/c.txt"),
        ("train", "mine", *judged, "--out", "nowhere/l.jsonl"),
        ("train", "merge", "minilm", "minilm", "--out", "file/x"),
    ):
        done = files(*args)
        assert done.code == 2, args
        assert "cannot write " in done.err
        assert not done.out


def test_swapped_files_are_told(files: Shell) -> None:
    files("index", "corpus.jsonl", "-q")
    done = files("eval", "--queries", "qrels.csv", "--qrels", "queries.json")
    assert done.code == 2
    said = "qrels.csv holds judgments and queries.json queries: swap --queries and --qrels"
    assert done.err == f"qembed: {said}\n"
    files.write("bad.csv", "nothing of the kind\n")
    assert "swap" not in files("eval", "--queries", "bad.csv", "--qrels", "queries.json").err


def test_measures_are_shown_even_if_the_run_cannot_be_written(files: Shell) -> None:
    files("index", "corpus.jsonl", "-q")
    args = ("eval", "--queries", "queries.json", "--qrels", "qrels.csv", "--format", "json")
    (files.folder / "full.md").symlink_to("/dev/full")
    reports = ["--report", "full.md", "--report", "r.html", "--fail-under", "P@9=1"]
    done = files(*args, "--save-run", "/dev/full", *reports)
    assert done.code == 2
    assert "qembed: cannot write /dev/full: the disk is full" in done.err
    assert "qembed: cannot write full.md: the disk is full" in done.err
    assert "qembed: reports: r.html\n" in done.err
    assert (files.folder / "r.html").exists()
    assert done.json["measures"]["RR@10"] == 1


def test_all_mistakes_of_files_with_headers_are_listed(files: Shell) -> None:
    files.write("bad.csv", "qid,did,label\nq2,parcels,0.5\nq2,x\nq2,y,1,2\n")
    files.write("run.trec", "q2 Q0 parcels 1 0,5 t\nq2 Q0 x 2 nan t\n")
    done = files("eval", "--run", "run.trec", "--qrels", "bad.csv")
    assert done.code == 2
    for where in ("bad.csv:2: grade '0.5'", "bad.csv:3: 2 columns", "bad.csv:4: 4 columns"):
        assert where in done.err
    done = files("eval", "--run", "run.trec", "--qrels", "qrels.csv")
    assert done.code == 2
    for where in ("run.trec:1: score '0,5'", "run.trec:2: score 'nan'"):
        assert where in done.err


def test_a_run_with_infinite_scores_is_reranked(files: Shell) -> None:
    files("index", "corpus.jsonl", "-q")
    ids = {"a": '"refund\\u0020rules"', "b": '"locked\\u0020accounts"'}
    run = f"q2 Q0 {ids['a']} 1 inf t\nq2 Q0 {ids['b']} 2 3 t\nq2 Q0 parcels 3 -inf t\n"
    (files.folder / "run.trec.gz").write_bytes(gzip.compress(run.encode()))
    args = ("rerank", "--run", "run.trec.gz", "--queries", "queries.json", "--model", "late")
    done = files(*args)
    assert done.code == 0, done.err
    assert "nan" not in done.out
    assert sorted(line.split()[2] for line in done.out.splitlines()) == sorted(
        [ids["a"], ids["b"], "parcels"]
    )
    assert "written in quotes with escapes: 2" in done.err


def test_warnings_of_every_file_are_printed(files: Shell) -> None:
    files("index", "corpus.jsonl", "-q")
    files.write("q.tsv", "q2\twhere parcel\nq2\twhere parcel\n")
    files.write("run.trec", "q2 Q0 parcels 1 3 t\n# Q0 parcels 2 3 t\nq2 Q0 parcels 1 3 t\n")
    more_than_once, repeated = "are there more than once: q2", "repeat an earlier one: 1 (line 3)"
    comment = "rows that are comments, which are left out: 1 (line 2)"
    pool = files("eval", "pool", "--queries", "q.tsv", "--run", "run.trec", "-o", "pool.tsv")
    again = files("rerank", "--run", "run.trec", "--queries", "q.tsv", "--model", "late")
    for done in (pool, again):
        assert done.code == 0, done.err
        for warning in (more_than_once, repeated, comment):
            assert done.err.count(warning) == 1, done.err
    done = files("eval", "--run", "run.trec", "--qrels", "qrels.csv")
    assert repeated in done.err
    assert comment in done.err
