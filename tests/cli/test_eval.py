"""qembed eval, as a CI script meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

DOCS = {
    "refunds": "money comes back refund days",
    "parcels": "parcel tracking where",
    "locks": "locked account password",
    "gifts": "gift card balance",
}
QUERIES = {"q1": "refund money", "q2": "where parcel", "q3": "account locked"}


@pytest.fixture
def beir(shell: Shell) -> Shell:
    shell.write(
        "beir/corpus.jsonl",
        "".join(json.dumps({"_id": i, "title": "", "text": t}) + "\n" for i, t in DOCS.items()),
    )
    shell.write(
        "beir/queries.jsonl",
        "".join(json.dumps({"_id": i, "text": t}) + "\n" for i, t in QUERIES.items()),
    )
    shell.write(
        "beir/qrels/test.tsv",
        "query-id\tcorpus-id\tscore\nq1\trefunds\t1\nq2\tparcels\t1\nq3\tgifts\t1\n",
    )
    shell.old()
    return shell


def test_beir_folder(beir: Shell) -> None:
    done = beir("eval", "--beir", "beir", "--format", "json", "--measures", "RR@10 R@4")
    assert done.code == 0, done.err
    body = done.json
    assert body["queries"] == 3
    # q1 and q2 find theirs first; q3's judgment names a document that shares no word with it
    assert body["per_query"]["q1"]["RR@10"] == 1
    assert body["per_query"]["q2"]["RR@10"] == 1
    assert body["per_query"]["q3"]["RR@10"] < 1
    assert body["measures"]["R@4"] == 1
    assert body["recipe"]["model"] == "bag-of-words"
    assert body["settings"]["encoded"] == "{query}"
    assert not (beir.folder / ".qembed").exists()


def test_a_document_that_is_the_query_counts_only_where_it_is_judged(beir: Shell) -> None:
    beir.write("beir/queries.jsonl", json.dumps({"_id": "refunds", "text": DOCS["refunds"]}))
    for judged in ("refunds", "parcels"):
        beir.write("beir/qrels/test.tsv", f"query-id\tcorpus-id\tscore\nrefunds\t{judged}\t1\n")
        done = beir("eval", "--beir", "beir", "--save-run", f"{judged}.trec", "--format", "json")
        assert done.code == 0, done.err
        first = (beir.folder / f"{judged}.trec").read_text().split()[2]
        assert (first == "refunds") == (judged == "refunds")
        assert ("refunds Q0 refunds" in (beir.folder / f"{judged}.trec").read_text()) == (
            judged == "refunds"
        )


@pytest.mark.slow
def test_a_second_run_encodes_no_passage(beir: Shell) -> None:
    beir("eval", "--beir", "beir")
    again = beir("eval", "--beir", "beir", BAG_DELAY="0.5")
    assert again.code == 0
    index = next((beir.folder.parent / "cache/eval").iterdir()) / ".qembed"
    status = beir("status", "--index", str(index), "--format", "json").json
    assert status["generation"] == 1


def test_the_same_content_elsewhere_is_the_same_index(beir: Shell) -> None:
    beir("eval", "--beir", "beir")
    (beir.folder / "beir").rename(beir.folder / "moved")
    done = beir("eval", "--beir", "moved", "--format", "json")
    assert done.code == 0, done.err
    assert len(list((beir.folder.parent / "cache/eval").iterdir())) == 1


class TestAgainstAnIndex:
    @pytest.fixture
    def indexed(self, beir: Shell) -> Shell:
        assert beir("index", "beir/corpus.jsonl").code == 0
        return beir

    def files(self, *more: str) -> list[str]:
        return ["eval", "--queries", "beir/queries.jsonl", "--qrels", "beir/qrels/test.tsv", *more]

    def test_a_table(self, indexed: Shell) -> None:
        done = indexed(*self.files())
        assert done.code == 0
        assert [line.split()[0] for line in done.out.splitlines()] == [
            "nDCG@10", "RR@10", "R@100", "P@5", "Success@1", "Judged@10", "queries", "latency",
        ]  # fmt: skip

    def test_gates(self, indexed: Shell) -> None:
        assert indexed(*self.files("--fail-under", "R@100=0.9")).code == 0
        done = indexed(*self.files("--fail-under", "R@100=0.9", "--fail-under", "P@1=0.99"))
        assert done.code == 3
        assert "P@1" in done.err
        assert "R@100" not in done.err

    def test_a_baseline(self, indexed: Shell) -> None:
        assert indexed(*self.files("--report", "base.json", "--report", "base.md")).code == 0
        assert "nDCG@10" in (indexed.folder / "base.md").read_text()
        same = self.files("--baseline", "base.json", "--max-drop", "RR@10=0")
        assert indexed(*same).code == 0
        worse = indexed(*same, "--template", "parcel tracking {query}")
        assert worse.code == 3
        assert "RR@10" in worse.err
        indexed.write("beir/queries.jsonl", '{"_id": "q1", "text": "refund"}\n')
        indexed.write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\trefunds\t1\n")
        refused = indexed(*same)
        assert refused.code == 2
        assert "q2" in refused.err

    @pytest.mark.slow
    def test_runs_go_out_and_come_in(self, indexed: Shell) -> None:
        ours = indexed(*self.files("--save-run", "run.trec", "--format", "json")).json
        again = indexed(
            "eval", "--run", "run.trec", "--qrels", "beir/qrels/test.tsv", "--format", "json"
        )
        assert again.code == 0, again.err
        assert again.json["measures"] == ours["measures"]
        assert again.json["recipe"] is None

    def test_a_run_that_was_cut_is_told(self, indexed: Shell) -> None:
        indexed(*self.files("--save-run", "run.trec"))
        lines = (indexed.folder / "run.trec").read_text().splitlines(keepends=True)
        indexed.write("run.trec", "".join(line for line in lines if line.split()[3] == "1"))
        files = ("eval", "--run", "run.trec", "--qrels", "beir/qrels/test.tsv", "--measures")
        said = "the run has 1 document a query at most: nDCG@10 can see no further"
        assert said in indexed(*files, "RR@1 nDCG@10").err
        assert "can see no further" not in indexed(*files, "RR@1").err

    def test_rerank(self, indexed: Shell) -> None:
        done = indexed(*self.files("--rerank", "late", "--format", "json"))
        assert done.code == 0, done.err
        assert done.json["settings"]["rerank"] == "late"

    def test_exact_and_graph_agree(self, indexed: Shell) -> None:
        exact = indexed(*self.files("--search", "exact", "--format", "json")).json
        graph = indexed(*self.files("--search", "graph", "--format", "json")).json
        assert exact["measures"] == graph["measures"]
        assert graph["settings"]["plan"].startswith("graph")

    def test_a_document_that_is_the_query_is_left_out(self, indexed: Shell) -> None:
        indexed.write(
            "beir/queries.jsonl", json.dumps({"_id": "refunds", "text": DOCS["refunds"]}) + "\n"
        )
        indexed.write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nrefunds\tgifts\t1\n")
        indexed(*self.files("--save-run", "run.trec"))
        assert "Q0 refunds" not in (indexed.folder / "run.trec").read_text()

    @pytest.mark.parametrize(
        ("change", "more", "words"),
        [
            ({}, ["--measures", "nDCG@10 nDGC@10 Foo"], ["nDGC@10", "Foo"]),
            ({"beir/qrels/test.tsv": "query-id\tcorpus-id\tscore\nq9\trefunds\t1\n"}, [], ["q9"]),
            (
                {"beir/qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\tnowhere\t1\n"},
                [],
                ["nowhere", "not in the index"],
            ),
            (
                {"beir/qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\trefunds\tx\nq2\n"},
                [],
                ["test.tsv:2", "test.tsv:3"],
            ),
            ({"beir/queries.jsonl": "{broken\n"}, [], ["queries.jsonl:1"]),
            ({"beir/qrels/test.tsv": ""}, [], ["test.tsv"]),
            ({}, ["--fail-under", "nDCG@10"], ["nDCG@10"]),
            ({}, ["--max-drop", "nDCG@10=0.1"], ["--baseline"]),
            ({}, ["--report", "r.pdf"], [".json"]),
            ({}, ["--baseline", "nowhere.json", "--max-drop", "RR@10=1"], ["nowhere.json"]),
        ],
    )
    @pytest.mark.slow
    def test_what_cannot_be_evaluated(
        self, indexed: Shell, change: dict[str, str], more: list[str], words: list[str]
    ) -> None:
        for name, text in change.items():
            indexed.write(name, text)
        done = indexed(*self.files(*more))
        assert done.code == 2
        for word in words:
            assert word in done.err
        assert done.out == ""

    def test_missing_files_and_options(self, indexed: Shell) -> None:
        for args in (
            ["--qrels", "no.tsv"],
            [],
            ["--beir", "no"],
            ["--queries", "beir/queries.jsonl"],
        ):
            done = indexed("eval", *args)
            assert done.code == 2, args
            assert done.err


def test_a_broken_corpus_is_not_measured(beir: Shell) -> None:
    corpus = Path(beir.folder / "beir/corpus.jsonl")
    corpus.write_text(corpus.read_text() + "{broken\n")
    done = beir("eval", "--beir", "beir")
    assert done.code == 2
    assert "corpus.jsonl:5" in done.err
