"""qembed eval: comparisons, ablations, passages, pools, differences."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests import encoders
from tests.cli.conftest import Shell

WORDS = [f"w{i}" for i in range(120)]


@pytest.fixture
def indexed(shell: Shell) -> Shell:
    """300 short records and 30 queries made of their words."""
    rng = random.Random(3)
    texts = [" ".join(rng.choices(WORDS, k=8)) for _ in range(300)]
    records = [{"_id": f"d{i}", "title": f"T{i}", "text": t} for i, t in enumerate(texts)]
    shell.write("corpus.jsonl", "".join(json.dumps(r) + "\n" for r in records))
    chosen = rng.sample(range(300), 30)
    queries = [{"_id": f"q{i}", "text": " ".join(rng.sample(texts[d].split(), 4))}
               for i, d in enumerate(chosen)]  # fmt: skip
    shell.write("q.jsonl", "".join(json.dumps(q) + "\n" for q in queries))
    rows = "".join(f"q{i}\td{d}\t1\n" for i, d in enumerate(chosen))
    shell.write("qrels.tsv", f"query-id\tcorpus-id\tscore\n{rows}")
    shell.old()
    assert shell("index", "corpus.jsonl").code == 0
    return shell


FILES = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--mode", "dense", "--measures",
         "nDCG@10 RR@10"]  # fmt: skip


def test_a_report_holds_what_a_page_needs(indexed: Shell) -> None:
    body = indexed(*FILES, "--format", "json").json
    assert body["inputs"]["documents"] == 300
    assert all(body["inputs"].values())
    assert body["latency"]["queries"] == 5
    assert 0 < body["latency"]["median"] <= body["latency"]["p95"]
    assert [k for k, _ in body["recall"]] == [1, 2, 3, 5, 10]
    low, high = body["intervals"]["nDCG@10"]
    assert low < body["measures"]["nDCG@10"] < high
    detail = body["details"]["q1"]
    assert len(detail["returned"]) == 10
    assert detail["returned"][0]["title"].startswith("T")
    again = indexed(*FILES, "--format", "json", "--latency", "0").json
    assert again["latency"] is None
    same = ("measures", "intervals", "per_query", "details", "inputs")
    assert {k: body[k] for k in same} == {k: again[k] for k in same}


class TestAblations:
    def arms(self, shell: Shell, *args: str) -> list[dict[str, Any]]:
        done = shell(*FILES, "--format", "json", *args)
        assert done.code == 0, done.err
        found: list[dict[str, Any]] = done.json["ablations"]
        assert [a["reference"] for a in found].count(True) == 1
        return found

    def test_instruction(self, indexed: Shell) -> None:
        done = indexed(*FILES, "--ablate", "instruction", "--report", "r.md", "--report", "r.html")
        assert done.code == 0, done.err
        lines = done.out.splitlines()
        assert [line.split()[0] for line in lines if line.startswith(("without", "web", "qa"))] == [
            "without", "web", "qa",
        ]  # fmt: skip
        # a bag of words takes the instruction's words for the user's
        assert "instruction: keep without, nothing else is better beyond chance; with " in done.out
        assert "95 % interval -" in done.out
        assert "Ablation: instruction" in (indexed.folder / "r.md").read_text()
        assert "Ablation: instruction" in (indexed.folder / "r.html").read_text()

    def test_dimensions_are_cut_from_the_stored_vectors(self, indexed: Shell) -> None:
        arms = self.arms(indexed, "--ablate", "dim")
        assert [a["dim"] for a in arms] == [24, 48]
        assert arms[1]["reference"]
        plain = indexed(*FILES, "--format", "json", "--search", "exact").json
        assert arms[1]["measures"] == plain["measures"]
        assert arms[0]["measures"]["nDCG@10"] < arms[1]["measures"]["nDCG@10"]
        assert arms[0]["difference"]["p_holm"] <= 1

    def test_search(self, indexed: Shell) -> None:
        arms = self.arms(indexed, "--ablate", "search")
        assert arms[0]["search"] == "graph ef 10"
        assert arms[-1]["search"] == "exact"
        assert arms[-2]["measures"] == arms[-1]["measures"]  # ef 400 over 300 rows
        assert all(a["ms_per_query"] >= 0 for a in arms)

    def test_mode_and_rerank(self, indexed: Shell) -> None:
        assert {a["mode"] for a in self.arms(indexed, "--ablate", "mode")} >= {"dense", "lexical"}
        arms = self.arms(indexed, "--ablate", "rerank")
        assert [a["rerank"] for a in arms] == ["without", "late"]
        alone = indexed(*FILES, "--format", "json", "--rerank", "late").json
        assert arms[1]["measures"] == alone["measures"]

    def test_a_grid_encodes_each_text_once(
        self, indexed: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[str] = []
        tokens: list[str] = []
        encode, encode_tokens = encoders.Bag.encode, encoders.Bag.encode_tokens

        def counted(self: encoders.Bag, texts: Any) -> Any:
            seen.extend(texts)
            return encode(self, texts)

        def token_counted(self: encoders.Bag, texts: Any) -> Any:
            tokens.extend(texts)
            return encode_tokens(self, texts)

        monkeypatch.setattr(encoders.Bag, "encode", counted)
        monkeypatch.setattr(encoders.Bag, "encode_tokens", token_counted)
        args = ["--ablate", "rerank,instruction", "--ablate", "dim", "--ablate", "search"]
        done = indexed(*FILES, "--format", "json", *args)
        assert done.code == 0, done.err
        grid = [a for a in done.json["ablations"] if a["ablation"] == "rerank,instruction"]
        assert len(grid) == 12
        assert len(seen) == len(set(seen)) == 30 * 6  # bare, and in each of five tasks
        assert done.json["settings"]["encoded_texts"] == len(seen)
        passages = [t for t in tokens if t.startswith("T")]
        assert len(passages) == len(set(passages))

    def test_what_cannot_be_ablated(self, indexed: Shell) -> None:
        done = indexed(*FILES, "--ablate", "colour", "--ablate", "dim,dim")
        assert done.code == 2
        assert "colour, dim,dim" in done.err
        indexed(*FILES, "--save-run", "a.trec")
        done = indexed("eval", "--run", "a.trec", "--qrels", "qrels.tsv", "--ablate", "dim")
        assert done.code == 2
        assert "cannot be made anew" in done.err


def test_several_runs_are_compared_in_one_call(indexed: Shell) -> None:
    indexed(*FILES, "--save-run", "good.trec")
    indexed(*FILES, "--template", "w1 w2 w3 w4 w5 {query}", "--save-run", "bad.trec")
    both = ["--run", "good.trec", "--run", "bad.trec", "--qrels", "qrels.tsv"]
    done = indexed("eval", *both, "--measures", "nDCG@10", "--format", "json")
    assert done.code == 0, done.err
    good, bad = done.json["ablations"]
    assert (good["run"], good["reference"]) == ("good.trec", True)
    assert bad["difference"]["difference"] < 0
    assert done.json["measures"] == good["measures"]
    assert done.json["recommendations"][0].startswith("run: keep good.trec")
    text = indexed("eval", *both, "--measures", "nDCG@10")
    assert "bad.trec" in text.out
    # a system that returned nothing that was asked for is no bad system but a wrong file
    indexed.write("empty.trec", "other Q0 d1 1 1.0 x\n")
    done = indexed("eval", *both, "--run", "empty.trec")
    assert done.code == 2
    assert "empty.trec cannot be evaluated" in done.err
    assert "no judged query has a result" in done.err


def test_gates_against_a_baseline(indexed: Shell) -> None:
    assert indexed(*FILES, "--report", "base.json").code == 0
    gates = [
        "--baseline",
        "base.json",
        "--max-drop-significant",
        "nDCG@10",
        "--max-drop",
        "RR@10=5%",
    ]
    done = indexed(*FILES, *gates)
    assert done.code == 0, done.err
    assert "max-drop-significant" in done.out
    worse = indexed(*FILES, *gates, "--template", "w1 w2 w3 w4 w5 {query}", "--report", "j.xml")
    assert worse.code == 3
    assert "p " in worse.err
    assert worse.err.count("gate: ") == 2
    assert "worst nDCG@10" in worse.err
    assert 'failures="2"' in (indexed.folder / "j.xml").read_text()
    # nothing is chance at this alpha, so only the plain drop fails
    lax = indexed(*FILES, *gates, "--template", "w1 w2 w3 w4 w5 {query}", "--alpha", "1e-9")
    assert lax.code == 3
    assert lax.err.count("gate: ") == 1


def test_another_corpus_is_refused_or_compared_on_common_queries(indexed: Shell) -> None:
    assert indexed(*FILES, "--report", "base.json").code == 0
    with (indexed.folder / "corpus.jsonl").open("a") as f:
        f.write('{"_id": "new", "text": "w1 w2"}\n')
    assert indexed("index").code == 0
    gate = ["--baseline", "base.json", "--max-drop", "nDCG@10=0.5"]
    done = indexed(*FILES, *gate)
    assert done.code == 2
    assert "the corpus differs: 300 documents then, 301 now" in done.err
    assert "--common" in done.err
    lines = (indexed.folder / "q.jsonl").read_text().splitlines()
    indexed.write("q.jsonl", "\n".join([*lines[1:], '{"_id": "q0", "text": "other words"}']) + "\n")
    done = indexed(*FILES, *gate, "--common", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["comparison"]["queries"] == 29
    assert "the words of 1 queries differ: q0" in done.err


def test_two_reports_side_by_side(indexed: Shell) -> None:
    indexed(*FILES, "--report", "a.json")
    indexed(*FILES, "--report", "b.json", "--template", "w1 w2 w3 w4 w5 {query}")
    text = indexed("eval", "diff", "a.json", "b.json", "-n", "2")
    assert text.code == 0, text.err
    assert "worse on " in text.out
    assert "more queries that moved" in text.out
    body = indexed("eval", "diff", "a.json", "b.json", "--format", "json").json
    changes = [q["change"] for q in body["queries"]]
    assert changes == sorted(changes)
    assert changes[0] < 0
    assert indexed("eval", "diff", "a.json", "b.json", "--format", "markdown").out.startswith(
        "# a.json"
    )
    page = indexed(
        "eval", "diff", "a.json", "b.json", "--format", "html", "--measure", "mrr@10"
    ).out
    assert page.startswith("<!doctype html>")
    assert "RR@10" in page
    assert indexed("eval", "diff", "a.json", "nowhere.json").code == 2
    assert indexed("eval", "diff", "a.json", "b.json", "--measure", "AP").code == 2


def test_a_pool_is_judged_and_evaluated(indexed: Shell) -> None:
    indexed(*FILES, "--save-run", "run.trec")
    done = indexed("eval", "pool", "--queries", "q.jsonl", "--run", "run.trec", "--depth", "3",
                   "--qrels", "qrels.tsv", "-o", "pool.jsonl")  # fmt: skip
    assert done.code == 0, done.err
    lines = [json.loads(x) for x in (indexed.folder / "pool.jsonl").read_text().splitlines()]
    assert all(line["text"] for line in lines)
    q1 = [line for line in lines if line["query_id"] == "q1"]
    assert 3 <= len(q1) <= 13
    assert sum(line["grade"] is not None for line in lines) == 30  # what was judged before
    indexed.write(
        "pool.jsonl", "".join(json.dumps(x | {"grade": x["grade"] or 0}) + "\n" for x in lines)
    )
    done = indexed("eval", "pool", "--judged", "pool.jsonl", "-o", "new.tsv")
    assert done.code == 0, done.err
    assert f"{len(lines)} judgments of 30 queries" in done.err
    found = indexed("eval", "--queries", "q.jsonl", "--qrels", "new.tsv", "--measures", "Judged@3",
                    "--mode", "dense", "--format", "json")  # fmt: skip
    assert found.json["measures"]["Judged@3"] == 1
    assert indexed("eval", "pool", "-o", "x.tsv").code == 2
    indexed.write("foreign.trec", "q1 Q0 nowhere 1 1.0 x\n")
    done = indexed("eval", "pool", "--queries", "q.jsonl", "--run", "foreign.trec", "-o", "x.tsv")
    assert done.code == 2
    assert "'nowhere' is not in the index" in done.err


def test_judgments_on_passages(shell: Shell) -> None:
    parts = ["alpha beta gamma. " * 30, "delta epsilon zeta. " * 30, "eta theta iota. " * 30]
    shell.write("docs/long.txt", "\n\n".join(parts))
    shell.write("docs/other.txt", "kappa lambda")
    shell.old()
    assert shell("index", "docs", "--max-tokens", "120", "--overlap", "0").code == 0
    at = len(parts[0]) + 2
    shell.write("q.jsonl", '{"_id": "q", "text": "delta epsilon"}\n')
    stretch = f"long.txt#{at}-{at + len(parts[1])}"
    shell.write("qrels.tsv", f"query-id\tcorpus-id\tscore\nq\t{stretch}\t1\nq\tlong.txt#0-300\t0\n")
    args = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--measures", "RR@10 R@10"]
    done = shell(*args, "--format", "json", "--mode", "dense")
    assert done.code == 0, done.err
    assert done.json["measures"] == {"RR@10": 1, "R@10": 1}
    returned = [hit["id"] for hit in done.json["details"]["q"]["returned"]]
    assert returned[0] == stretch
    assert len(returned) == len(set(returned))
    shell.write("qrels.tsv", f"query-id\tcorpus-id\tscore\nq\t{stretch}\t1\nq\tother.txt\t1\n")
    done = shell(*args)
    assert done.code == 2
    assert "'other.txt' is a document" in done.err


def test_a_query_with_its_own_task(indexed: Shell) -> None:
    lines = [json.loads(x) for x in (indexed.folder / "q.jsonl").read_text().splitlines()]
    bare = indexed(*FILES, "--format", "json", "--template", "{task} {query}", "--task", "web").json
    lines[0]["task"] = "w1 w2 w3 w4 w5 w6"
    indexed.write("q.jsonl", "".join(json.dumps(x) + "\n" for x in lines))
    own = indexed(*FILES, "--format", "json", "--template", "{task} {query}", "--task", "web").json
    changed = [q for q in own["details"] if own["details"][q] != bare["details"][q]]
    assert changed == ["q0"]


def test_a_filter_that_cannot_be_applied_is_no_silent_answer(indexed: Shell) -> None:
    first, *rest = (indexed.folder / "q.jsonl").read_text().splitlines()
    changed = json.dumps({**json.loads(first), "where": "user_id = = 'a'"})
    indexed.write("q.jsonl", "\n".join([changed, *rest]) + "\n")
    done = indexed(*FILES)
    assert done.code == 2
    assert "filters" in done.err or "where" in done.err


def test_help_names_the_commands(shell: Shell) -> None:
    done = shell("eval", "--help")
    assert done.code == 0
    for word in ("diff", "pool", "init", "--ablate", "--max-drop-significant"):
        assert word in done.out
