"""`qembed tune` on the command line: output, exit codes, what it writes and takes back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from qembed.locks import FileLock
from qembed.store import manifest as manifests
from tests.cli.conftest import ROOT, Filled, Shell
from tests.cli.waiting import until
from tests.stub import Trick, hang, says, serving, status

TUNE = ("tune", "--queries", "q.jsonl", "--qrels", "r.tsv")
LETTERS = "abcdefghij"


def word(n: int, start: str) -> str:
    return start + "".join(LETTERS[int(c)] for c in f"{n:04}")


@pytest.fixture
def tunable(filled: Filled) -> Shell:
    """A model with instructions whose default finds little, and a file with one that finds all."""

    def index(shell: Shell) -> None:
        documents = [{"_id": f"d{i}", "text": " ".join(word(7 * i + n, "d") for n in range(4))}
                     for i in range(40)]  # fmt: skip
        queries = [{"_id": f"q{i}", "text": " ".join(word(7 * i + n, "q") for n in range(2))}
                   for i in range(30)]  # fmt: skip
        for name, records in (("c.jsonl", documents), ("q.jsonl", queries)):
            shell.write(name, "".join(json.dumps(r) + "\n" for r in records))
        shell.write("r.tsv", "".join(f"q{i}\td{i}\t1\n" for i in range(30)))
        shell.write("lines.txt", "Find the very document\n")
        shell.old()
        assert shell("index", "c.jsonl", "--model", "py:tests.encoders:instructed").code == 0

    return filled(index)


@pytest.fixture(autouse=True)
def best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTRUCTED_BEST", "Find the very document")


def test_a_gain_is_written_used_shown_and_taken_back(tunable: Shell) -> None:
    words = word(3 * 7, "q")
    done = tunable(*TUNE, "--candidates", "lines.txt", "--only", "instruction")
    assert done.code == 0, done.err
    assert "*" in done.out
    assert "chosen: task Find the very document" in done.out
    assert "expected on new queries:   nDCG@10 +0." in done.out
    assert "the index uses it from now on (qembed tune --undo takes it back)" in done.out
    explained = tunable("query", words, "--explain", "--no-server")
    assert "Instruct: Find the very document" in explained.err
    assert "tuned (--untuned leaves it out): task Find the very document" in explained.err
    other = tunable("query", words, "--task", "web", "--explain", "--no-server")
    assert "Find the very document" not in other.err
    assert "task Find the very document" in tunable("status").out
    undone = tunable("tune", "--undo")
    assert undone.code == 0
    assert "taken back: task Find the very document" in undone.out
    assert tunable("tune", "--undo", "--format", "json").json == {"schema": 1, "undone": None}
    assert "very document" not in tunable("query", words, "--explain", "--no-server").err


def test_json_has_the_promised_fields(tunable: Shell) -> None:
    done = tunable(*TUNE, "--candidates", "lines.txt", "--format", "json", "--apply", "never")
    assert done.code == 0
    body = done.json
    assert body["schema"] == 1
    assert body["chosen"]["task"] == "Find the very document"
    assert body["applied"] is False
    assert body["gain"]["measure"] == "nDCG@10"
    assert set(body["gain"]["new"]) >= {"mean", "low", "high", "p", "queries"}
    assert body["gain"]["seen"] is None
    assert {frozenset(arm) for arm in body["arms"]} >= {
        frozenset({"settings", "description", "measures"})
    }
    assert body["arms"][0]["settings"] == {}
    assert sorted(q for fold in body["folds"] for q in fold) == sorted(f"q{i}" for i in range(30))
    assert len(body["folds"]) == 5
    assert manifests.read(tunable.folder / ".qembed").tuned is None


def test_a_report_is_written_and_named(tunable: Shell) -> None:
    done = tunable(*TUNE, "--only", "document", "--report", "tuning.html", "--format", "json")
    assert done.code == 3
    assert "report: tuning.html" in done.err
    page = (tunable.folder / "tuning.html").read_text("utf-8")
    assert "Tuning of an index" in page
    assert page.count('class="words"') == 30
    made, words = done.json["provenance"], re.sub(r"</?span[^>]*>", "", page)
    assert f"<dt>index</dt><dd>.qembed, generation {made['generation']}</dd>" in words
    assert made["date"].replace("T", " ").replace("Z", " UTC") in words
    assert f"<dt>model</dt><dd>{done.json['recipe']['model']}" in words


def test_no_gain_is_exit_3_and_nothing_is_written(tunable: Shell) -> None:
    before = manifests.read(tunable.folder / ".qembed")
    done = tunable(*TUNE, "--only", "document", "--folds", "3")
    assert done.code == 3
    assert "nothing is written" in done.err
    assert "expected on new queries" in done.out
    assert manifests.read(tunable.folder / ".qembed") == before
    assert (
        len(tunable(*TUNE, "--only", "document", "--folds", "3", "--format", "json").json["folds"])
        == 3
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tune",), "--queries FILE and --qrels FILE are wanted"),
        (
            (*TUNE, "--only", "mode,rerank"),
            "--only rerank names no reranker: give one, as in --rerank late",
        ),
        (
            (*TUNE, "--only", "mood"),
            "--only mood: one of instruction, mode, fusion, rerank, document",
        ),
        ((*TUNE, "--apply", "maybe"), "--apply maybe"),
        ((*TUNE, "--candidates", "none.txt"), "cannot read none.txt"),
        ((*TUNE, "--folds", "100"), "makes no 100 folds"),
        ((*TUNE, "--undo"), "--undo chooses nothing anew: without --qrels, --queries"),
        (("tune", "--queries", "q.jsonl", "--qrels", "none.tsv"), "none.tsv"),
        ((*TUNE, "--report", "tuning.md"), "a tuning report is written as .html or .json"),
        ((*TUNE, "--propose", "nowhere"), "http(s)://host:port/v1#model is wanted"),
    ],
)
def test_mistakes_are_exit_2(tunable: Shell, arguments: tuple[str, ...], message: str) -> None:
    done = tunable(*arguments)
    assert done.code == 2, done.err
    assert message in done.err
    assert done.out == ""


def test_a_model_that_is_gone(tunable: Shell) -> None:
    done = tunable(*TUNE, "--model", "py:tests.encoders:nobody")
    assert done.code == 2
    assert "has no function 'nobody'" in done.err


def test_without_an_index(shell: Shell) -> None:
    done = shell(*TUNE)
    assert done.code == 2
    assert "no index" in done.err


def test_the_result_is_shown_before_an_error_of_writing(tunable: Shell) -> None:
    with FileLock(tunable.folder / ".qembed" / "lock"):
        done = tunable(*TUNE, "--candidates", "lines.txt", "--only", "instruction", "--wait", "0")
    assert done.code == 75
    assert "chosen: task Find the very document" in done.out
    assert "another qembed" in done.err
    assert manifests.read(tunable.folder / ".qembed").tuned is None


def test_an_earlier_choice_stays_and_is_named(tunable: Shell) -> None:
    assert tunable(*TUNE, "--candidates", "lines.txt", "--only", "instruction").code == 0
    again = tunable(*TUNE, "--only", "document")
    assert again.code == 3
    assert "what was chosen before stays: task Find the very document" in again.err
    assert manifests.read(tunable.folder / ".qembed").tuned is not None


@pytest.mark.parametrize(
    ("trick", "message"),
    [
        (says({"choices": [{"message": {"content": "No."}}]}), "gave no instruction, but 'No.'"),
        (says({"choices": [{"message": {"content": ""}}]}), "gave an empty answer"),
        (status(500), "failed once: status 500"),
        (hang, "failed once: no answer within 0.5 s"),
    ],
)
@pytest.mark.slow
def test_a_language_model_that_fails_is_exit_2(tunable: Shell, trick: Trick, message: str) -> None:
    before = manifests.read(tunable.folder / ".qembed")
    with serving() as server:
        server.always = trick
        done = tunable(
            *TUNE, "--propose", f"{server.base}#writer", "--report", "r.html",
            QEMBED_REMOTE_RETRIES="0", QEMBED_REMOTE_TIMEOUT="0.5",
        )  # fmt: skip
        assert len(server.bodies) == 1
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
    assert manifests.read(tunable.folder / ".qembed") == before
    assert not (tunable.folder / "r.html").exists()


@pytest.mark.slow
def test_ctrl_c_ends_the_wait_for_a_language_model(tunable: Shell) -> None:
    with serving() as server:
        server.always = hang
        command = [sys.executable, "-m", "qembed", *TUNE, "--propose", f"{server.base}#writer"]
        slow = subprocess.Popen(
            command, cwd=tunable.folder, env=tunable.env(), stderr=subprocess.PIPE
        )
        while not server.bodies:
            assert slow.poll() is None
            time.sleep(0.05)
        os.kill(slow.pid, signal.SIGINT)
        _, err = slow.communicate(timeout=8)
    assert slow.returncode == 130, err
    assert b"Traceback" not in err
    assert manifests.read(tunable.folder / ".qembed").tuned is None


@pytest.mark.slow
def test_sigterm_ends_with_143_and_a_second_run_goes_on(tunable: Shell) -> None:
    tunable.write("lines.txt", "".join(f"Find document number {i}\n" for i in range(60)))
    command = [sys.executable, "-m", "qembed", *TUNE, "--candidates", "lines.txt", "-q"]
    cache = tunable.folder.parent / "cache" / "tune"
    slow = subprocess.Popen(
        command, cwd=tunable.folder, env=tunable.env(BAG_DELAY="0.004"), stderr=subprocess.PIPE
    )
    until(slow, lambda: any(cache.glob("*.npz")))
    os.kill(slow.pid, signal.SIGTERM)
    _, err = slow.communicate(timeout=30)
    assert slow.returncode == 143, err
    assert b"Traceback" not in err
    assert manifests.read(tunable.folder / ".qembed").tuned is None
    stored = list(cache.glob("*.npz"))
    assert len(stored) == 1
    begun = len(np.load(stored[0])["keys"])
    assert 64 <= begun < 1800
    assert tunable(*TUNE, "--candidates", "lines.txt").code in (0, 3)
    assert len(np.load(stored[0])["keys"]) > 1800


def test_the_constants_of_the_fusion_are_explained() -> None:
    """Every constant has its words in the table and in the documentation, with its default."""
    from qembed.cli.render.tuning import CONSTANTS, table
    from qembed.pipeline.retrieval.fusion import DEFAULT_FUSION

    defaults = DEFAULT_FUSION._asdict()
    assert set(CONSTANTS) == set(defaults)
    page = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    for name, value in defaults.items():
        assert f"{value:g}".lstrip("0") in CONSTANTS[name]
        rows = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert any(line.endswith(f"| {value:g} |") for line in rows)
    arms = [
        {"description": text, "measures": {"nDCG@10": i / 20}}
        for i, text in enumerate(["defaults", *(f"trust {i}, code .5" for i in range(15))])
    ]
    lines = table(arms, "trust 14, code .5", "nDCG@10")
    assert "13 of 16 settings, the best (--report and --format json have all)" in lines[0]
    assert [line.split()[0] for line in lines[-3:]] == ["trust", "code", "*"]
    assert "all 1 setting" in table(arms[:1], "defaults", "nDCG@10")[0]


def test_a_choice_that_the_project_file_overrides_is_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qembed.cli.render.tuning import overridden_lines

    monkeypatch.chdir(shell.folder)
    chosen = {"mode": "dense", "rerank": "late"}
    assert overridden_lines(chosen) == []
    file = shell.write(".qembed.toml", 'k = 3\nrerank = "none"\n')
    assert overridden_lines(chosen) == [
        f"rerank late: does not hold in this folder, {file}:2 decides"
    ]
