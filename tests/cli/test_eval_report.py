"""What an evaluation reports: of queries, tasks, filters, judged passages."""

from __future__ import annotations

import json

from tests.cli.conftest import FILES, Shell


def test_a_report_holds_what_a_page_needs(collection: Shell) -> None:
    body = collection(*FILES, "--format", "json").json
    assert body["inputs"]["documents"] == 300
    assert all(body["inputs"].values())
    assert body["latency"]["queries"] == 5
    assert 0 < body["latency"]["median"] <= body["latency"]["p95"]
    assert [k for k, _ in body["recall"]] == [1, 2, 3, 5, 10]
    low, high = body["intervals"]["nDCG@10"]
    assert low < body["measures"]["nDCG@10"] < high
    assert body["provenance"]["index"] == ".qembed"
    assert body["provenance"]["generation"] == body["settings"]["generation"]
    assert len(body["contents"]) == 300
    assert len(body["contents"]["d0"]) == 8
    detail = body["details"]["q1"]
    assert len(detail["returned"]) == 10
    assert detail["returned"][0]["title"].startswith("T")
    again = collection(*FILES, "--format", "json", "--latency", "0").json
    assert again["latency"] is None
    same = ("measures", "intervals", "per_query", "details", "inputs", "contents")
    assert {k: body[k] for k in same} == {k: again[k] for k in same}


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


def test_a_query_with_its_own_task(collection: Shell) -> None:
    lines = [json.loads(x) for x in (collection.folder / "q.jsonl").read_text().splitlines()]
    bare = collection(
        *FILES, "--format", "json", "--template", "{task} {query}", "--task", "web"
    ).json
    lines[0]["task"] = "w1 w2 w3 w4 w5 w6"
    collection.write("q.jsonl", "".join(json.dumps(x) + "\n" for x in lines))
    own = collection(
        *FILES, "--format", "json", "--template", "{task} {query}", "--task", "web"
    ).json
    changed = [q for q in own["details"] if own["details"][q] != bare["details"][q]]
    assert changed == ["q0"]


def test_a_filter_that_cannot_be_applied_is_no_silent_answer(collection: Shell) -> None:
    first, *rest = (collection.folder / "q.jsonl").read_text().splitlines()
    changed = json.dumps({**json.loads(first), "where": "user_id = = 'a'"})
    collection.write("q.jsonl", "\n".join([changed, *rest]) + "\n")
    done = collection(*FILES)
    assert done.code == 2
    assert "filters" in done.err or "where" in done.err
