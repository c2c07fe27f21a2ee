"""`qembed drift` on the command line: exit codes, text and JSON, what cron and CI rely on."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.drift.dated import record, records, words_of

SINCE = ("drift", "--since", "2025-01-01")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An index of 200 records of 2024 and 130 of 2025, 30 of these of a new subject."""
    folder = tmp_path_factory.mktemp("drift") / "work"
    folder.mkdir()
    shell = Shell(folder)
    rng = random.Random(5)
    lines = [
        *records(200, date(2024, 1, 1)),
        *records(100, date(2025, 1, 1), seed=1, days=100),
        *(record(f"new-{i}", "quantum", date(2025, 3, 1), rng) for i in range(30)),
    ]
    shell.write("corpus.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    assert shell("index", "corpus.jsonl", "-q").code == 0
    return shell


@pytest.mark.slow
def test_the_text_has_the_verdict_first_the_signals_their_evidence_and_the_next_command(
    made: Shell,
) -> None:
    done = made(*SINCE)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("confirm: a new subject (quantum")
    assert lines[1].startswith("  old: 200 documents, 200 passages, 2024-01-01 to 2024-10-")
    assert lines[2].startswith("  new: 130 documents, 130 passages, 2025-01-01 to ")
    assert any(line.startswith("! subjects  [######") for line in lines)
    assert any(line.startswith("    words: quantum") for line in lines)
    assert lines[-1].startswith("next: qembed eval init --index ")


@pytest.mark.slow
def test_json_has_the_promised_keys(made: Shell) -> None:
    body = made(*SINCE, "--format", "json", "-q").json
    assert body["schema"] == 1
    assert body["verdict"] == "confirm"
    assert body["next"].startswith("qembed ")
    assert {"name", "effect", "p", "alarm", "evidence"} <= body["signals"][0].keys()
    subjects = next(s for s in body["signals"] if s["name"] == "subjects")
    assert set(subjects["evidence"][0]["words"]) <= set(words_of("quantum"))


@pytest.mark.slow
@pytest.mark.parametrize(("level", "code"), [("watch", 3), ("confirm", 3), ("update", 0)])
def test_fail_on_is_a_gate(made: Shell, level: str, code: int) -> None:
    done = made(*SINCE, "--fail-on", level, "--format", "json")
    assert done.code == code
    assert done.json["verdict"] == "confirm"
    said = f"qembed: drift: confirm, and --fail-on {level} was given\n"
    assert done.err == (said if code else "")
    assert made(*SINCE, "--fail-on", level, "-q").code == code


def test_too_little_text_is_no_failure(made: Shell) -> None:
    done = made("drift", "--since", "2025-04-01", "--fail-on", "watch")
    assert done.code == 0
    assert done.out.startswith("nothing: cannot say: ")


def test_what_cannot_run_exits_with_2_and_one_line(made: Shell, tmp_path: Path) -> None:
    for args, said in (
        (("--since", "soon"), "--since 'soon': wanted a span of time (30d)"),
        (("--since", "30d", "--new", "x"), "--since and --new contradict one another"),
        (("--new", "none.jsonl"), "--new none.jsonl: no such file or folder"),
        (("--against", str(tmp_path)), f"no index at {tmp_path}"),
    ):
        done = made("drift", *args)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"qembed: {said}")
        assert len(done.err.splitlines()) == 1


@pytest.mark.slow
def test_history_and_judged_queries_are_kept_and_compared(made: Shell) -> None:
    queries = {f"q{i}": " ".join(words_of(f"topic{i % 12}")[i % 5 : i % 5 + 6]) for i in range(40)}
    made.write(
        "q.jsonl", "".join(f"{json.dumps({'_id': q, 'text': t})}\n" for q, t in queries.items())
    )
    hits = made("query", "-", "-k", "1", "--mode", "dense", "--format", "jsonl", stdin=(
        made.folder / "q.jsonl").read_text()).lines  # fmt: skip
    rows = "".join(f"{h['query_id']}\t{h['document']}\t1\n" for h in hits)
    made.write("qrels.tsv", f"query-id\tcorpus-id\tscore\n{rows}")
    golden = (*SINCE, "--golden", "q.jsonl", "qrels.tsv", "--history")
    first = made(*golden)
    assert first.code == 0, first.err
    assert "stored for the next check" in first.out
    body = made(*golden, "--format", "json").json
    signal = next(s for s in body["signals"] if s["name"] == "golden")
    assert (signal["effect"], signal["alarm"]) == (0, False)
    assert [e["verdict"] for e in body["history"]] == ["confirm", "confirm"]
    assert body["step"] == "eval"
    assert body["next"].endswith("--queries q.jsonl --qrels qrels.tsv")
    text = made(*golden).out.splitlines()
    assert sum(line[11:16] == "[## ]" for line in text) == 3
    # the index goes on as one of qembed's own
    assert made("index", "-q").code == 0
    assert made("verify", "--no-model").code == 0


@pytest.mark.slow
def test_the_report_is_written_and_another_suffix_refused(made: Shell) -> None:
    for name in ("r.html", "r.md", "r.json"):
        assert made(*SINCE, "--report", name).err == f"qembed: wrote {name}\n"
    assert '<circle class="point subject"' in (made.folder / "r.html").read_text()
    done = made(*SINCE, "--report", "r.pdf")
    assert (done.code, done.out) == (2, "")
    assert done.err == "qembed: a drift report is written as .html or .md or .json, not r.pdf\n"


@pytest.mark.slow
def test_new_texts_from_a_folder(made: Shell) -> None:
    rng = random.Random(6)
    for i in range(110):
        text = record(f"n{i}", "botany", date(2026, 1, 1), rng)["text"]
        made.write(f"inbox/{i}.txt", text)
    done = made("drift", "--new", "inbox", "--fail-on", "confirm", "-q")
    assert done.code == 3
    assert "botany" in done.out.splitlines()[0]


@pytest.mark.slow
def test_new_texts_from_stdin(made: Shell) -> None:
    rng = random.Random(6)
    records = [record(f"n{i}", "botany", date(2026, 1, 1), rng) for i in range(110)]
    lines = "".join(json.dumps(r) + "\n" for r in records)
    done = made("drift", "--new", "-", "--format", "json", stdin=lines + "no json\n")
    body = json.loads(done.out)
    assert (done.code, body["new"]["documents"]) == (0, 110)
    assert "botany" in body["reason"]
    assert done.err == "qembed: warning: not read: -:111: not JSON: Expecting value at column 1\n"
    done = made("drift", "--new", "-", stdin="")
    assert (done.code, done.out) == (2, "")
    assert "--new -: no document could be read" in done.err
