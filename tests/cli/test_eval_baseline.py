"""qembed eval --baseline and qembed eval diff: two reports."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import FILES, Shell


def test_gates_against_a_baseline(collection: Shell) -> None:
    assert collection(*FILES, "--report", "base.json").code == 0
    gates = [
        "--baseline",
        "base.json",
        "--max-drop-significant",
        "nDCG@10",
        "--max-drop",
        "RR@10=5%",
    ]
    done = collection(*FILES, *gates)
    assert done.code == 0, done.err
    assert "ok      max-drop-significant nDCG@10: as before: " in done.out
    assert "ok      max-drop RR@10=5%: as before: " in done.out
    worse = collection(*FILES, *gates, "--template", "w1 w2 w3 w4 w5 {query}", "--report", "j.xml")
    assert worse.code == 3
    assert "p " in worse.err
    assert worse.err.count("gate: ") == 2
    assert "fell nDCG@10 on " in worse.err
    assert "fell RR@10 on " in worse.err
    assert ": rank 1 -> " in worse.err
    assert "and 18 more: --report FILE.html" in worse.err
    date = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC(, commit [^;]*)?"
    assert re.search(rf"\nqembed: baseline: {date}; this run: {date}\n", worse.err)
    assert 'failures="2"' in (collection.folder / "j.xml").read_text()
    # nothing is chance at this alpha, so only the plain drop fails
    lax = collection(*FILES, *gates, "--template", "w1 w2 w3 w4 w5 {query}", "--alpha", "1e-9")
    assert lax.code == 3
    assert lax.err.count("gate: ") == 1


@pytest.mark.slow
def test_another_corpus_is_refused_or_compared_on_common_queries(collection: Shell) -> None:
    assert collection(*FILES, "--report", "base.json").code == 0
    with (collection.folder / "corpus.jsonl").open("a") as f:
        f.write('{"_id": "new", "text": "w1 w2"}\n')
    assert collection("index").code == 0
    gate = ["--baseline", "base.json", "--max-drop", "nDCG@10=0.5"]
    done = collection(*FILES, *gate)
    assert done.code == 2
    assert "differs: 1 changed: corpus.jsonl (300 documents then, 301 now)" in done.err
    assert "--common" in done.err
    lines = (collection.folder / "q.jsonl").read_text().splitlines()
    collection.write(
        "q.jsonl", "\n".join([*lines[1:], '{"_id": "q0", "text": "other words"}']) + "\n"
    )
    done = collection(*FILES, *gate, "--common", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["comparison"]["queries"] == 29
    (drop,) = done.json["gates"]
    assert drop["verdict"].endswith(" (compared on 29 of 30 queries)")
    assert "the words of 1 query differ: q0" in done.err
    changed = [line.replace('"text": "', '"text": "other ') for line in lines[:20]]
    collection.write("q.jsonl", "\n".join([*changed, *lines[20:]]) + "\n")
    done = collection(*FILES, *gate, "--common")
    assert done.code == 3
    assert "(compared on 10 of 30 queries, on less than half of the baseline's 30: take" in done.err


@pytest.mark.slow
def test_rows_of_passages_that_are_gone_are_named_as_a_cause(collection: Shell) -> None:
    mode = ["--mode", "hybrid"]
    assert collection(*FILES, *mode, "--report", "base.json").code == 0
    corpus = (collection.folder / "corpus.jsonl").read_text()
    collection.write("corpus.jsonl", corpus.replace('"text": "', '"text": "anew '))
    assert collection("index").code == 0
    gate = ["--baseline", "base.json", "--common", "--fail-under", "nDCG@10=1"]
    told = "300 of 600 rows are of passages that are gone, and still count in the weights of words"
    done = collection(*FILES, *mode, *gate)
    assert done.code == 3
    assert told in done.err
    assert told not in collection(*FILES, *gate).err  # dense


def test_two_reports_side_by_side(collection: Shell) -> None:
    collection(*FILES, "--report", "a.json")
    collection(*FILES, "--report", "b.json", "--template", "w1 w2 w3 w4 w5 {query}")
    text = collection("eval", "diff", "a.json", "b.json", "-n", "2")
    assert text.code == 0, text.err
    assert "worse on " in text.out
    assert "more queries that moved" in text.out
    body = collection("eval", "diff", "a.json", "b.json", "--format", "json").json
    changes = [q["change"] for q in body["queries"]]
    assert changes == sorted(changes)
    assert changes[0] < 0
    assert collection("eval", "diff", "a.json", "b.json", "--format", "markdown").out.startswith(
        "# a.json"
    )
    page = collection(
        "eval", "diff", "a.json", "b.json", "--format", "html", "--measure", "mrr@10"
    ).out
    assert page.startswith("<!doctype html>")
    assert "RR@10" in page
    assert collection("eval", "diff", "a.json", "nowhere.json").code == 2
    assert collection("eval", "diff", "a.json", "b.json", "--measure", "AP").code == 2


def test_gates_that_cannot_be_are_refused_together(collection: Shell) -> None:
    done = collection(
        *FILES, "--fail-under", "nDCG@10=70", "--query-floor", "RR=-1", "--max-drop", "P@5=7"
    )
    assert done.code == 2
    for option in ("--fail-under 'nDCG@10=70'", "--query-floor 'RR=-1'", "--max-drop 'P@5=7'"):
        assert f"{option}: " in done.err
    assert "did you mean 0.7?" in done.err
    assert done.out == ""


def test_what_the_baseline_lacks_is_not_compared_in_silence(collection: Shell) -> None:
    assert collection(*FILES, "--report", "base.json").code == 0
    files = FILES[: FILES.index("--measures")]
    done = collection(*files, "--measures", "nDCG@5 AP", "--baseline", "base.json")
    assert done.code == 2
    assert done.out == ""
    assert (
        "nothing can be compared with the baseline: it has no nDCG@5, AP (it has nDCG@10, RR@10; "
        "name one of these among the --measures)"
    ) in done.err
    done = collection(*files, "--measures", "AP RR@10", "--baseline", "base.json")
    assert done.code == 0
    assert "not compared: the baseline has no AP" in done.err
    # a gate brings the measure that it wants
    gate = ["--baseline", "base.json", "--max-drop", "RR@10=5%"]
    assert collection(*files, "--measures", "AP", *gate).code == 0


def test_few_queries_are_no_evidence(collection: Shell) -> None:
    for name in ("q.jsonl", "qrels.tsv"):
        lines = (collection.folder / name).read_text().splitlines(keepends=True)
        collection.write(name, "".join(lines[: 3 + (name == "qrels.tsv")]))
    assert collection(*FILES, "--report", "base.json").code == 0
    done = collection(*FILES, "--baseline", "base.json", "--ablate", "mode", "--report", "r.md")
    said = "3 queries give no evidence of any difference, nor that there is none: 6 are needed at least."
    assert done.out.count(said) == 2
    assert "-1.0000 +1.0000  " in done.out
    assert "-1.0000 to +1.0000  1" in done.out
    assert "+0.0000 +0.0000" not in done.out
    assert (collection.folder / "r.md").read_text().count(said) == 2


def test_a_query_floor_lists_all_queries_below(collection: Shell) -> None:
    done = collection(
        *FILES, "--template", "w1 w2 w3 w4 w5 {query}", "--query-floor", "RR@10=0.9",
        "--report", "r.md", "--report", "r.html", "--report", "r.json",
    )  # fmt: skip
    assert done.code == 3
    floors = json.loads((collection.folder / "r.json").read_text())["floors"]
    assert len(floors) > 10
    for suffix in (".md", ".html"):
        text = (collection.folder / f"r{suffix}").read_text().partition("below the floor")[2]
        for below in floors:
            assert f"{below['query']}<" in text or f"| {below['query']} |" in text
    *listed, last = done.err.partition("below RR@10")[2].splitlines()[1:]
    assert last == "qembed: reports: r.md, r.html, r.json"
    assert [line.split()[2] for line in listed] == [below["query"] for below in floors]


def test_a_renamed_file_explains_a_red_build(shell: Shell) -> None:
    for i in range(6):
        shell.write(f"docs/w{i}.md", f"w{i} page number w{i + 20}\n")
    shell.write("q.jsonl", "".join(f'{{"_id": "q{i}", "text": "w{i}"}}\n' for i in range(6)))
    shell.write("qrels.tsv", "".join(f"q{i} w{i}.md 1\n" for i in range(6)))
    assert shell("index", "docs").code == 0
    assert shell(*FILES, "--report", "base.json").code == 0
    (shell.folder / "docs/w3.md").rename(shell.folder / "docs/other.md")
    assert shell("index", "docs").code == 0
    gate = ["--baseline", "base.json", "--common", "--max-drop", "RR@10=0"]
    done = shell(*FILES, *gate)
    assert done.code == 3
    assert "the corpus differs: 1 renamed: w3.md -> other.md (6 documents then as now)" in done.err
    assert "cause: the judgments have old names of files: w3.md is other.md now (" in done.err
    assert "not among the first 10, renamed to other.md since the baseline" in done.err
    shell.write("qrels.tsv", (shell.folder / "qrels.tsv").read_text().replace("w3.md", "other.md"))
    assert shell(*FILES, *gate).code == 0


def test_records_are_named_by_their_file_in_all_outputs(shell: Shell) -> None:
    shell.write("docs/a.md", "alpha beta\n")
    shell.write("docs/b.md", "gamma delta\n")
    records = [f'{{"_id": "r{i}", "text": "epsilon {i}"}}\n' for i in range(20)]
    shell.write("docs/faq.jsonl", "".join(records))
    shell.write("q.jsonl", '{"_id": "q", "text": "epsilon 7"}\n')
    shell.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq\tr7\t3\nq\ta.md\t1\n")
    assert shell("index", "docs").code == 0
    assert shell(*FILES, "--report", "base.json").code == 0
    (shell.folder / "docs/faq.jsonl").unlink()
    assert shell("index", "--yes").code == 0
    outputs = ["now.json", "now.md", "now.html", "now.xml"]
    reports = [word for name in outputs for word in ("--report", name)]
    done = shell(
        *FILES, "--baseline", "base.json", "--common", "--max-drop", "nDCG@10=1%", *reports
    )
    assert done.code == 3, done.err
    assert "the corpus differs: 1 deleted: faq.jsonl (22 documents then, 2 now)" in done.err
    assert "r7 (grade 3): rank 1 -> not among the first 10, deleted since the baseline" in done.err
    texts = {name: (shell.folder / name).read_text() for name in outputs}
    assert all("faq.jsonl" in text for text in texts.values())
    assert texts["now.md"].count("| deleted | ") == 1
    assert "<li>1 deleted: " in texts["now.html"]
    told = shell("eval", "diff", "base.json", "now.json")
    assert "1 deleted: faq.jsonl" in told.err + told.out
