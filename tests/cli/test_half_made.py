"""A half-made index answers with the words it has, and says that it is half made."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from qembed.locks import FileLock
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from tests.cli.conftest import BAG, Filled, Shell
from tests.cli.waiting import encoded, until

pytestmark = pytest.mark.slow

SMALL = IndexOptions(
    recipe=RecipeOptions(BAG),
    batches=BatchPolicy(min_passages=4, max_passages=4),
    commits=CommitPolicy(rows=4),
)

RUN = """
import os, signal
from pathlib import Path
from qembed.locks import FileLock
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
polls = 0
def stop():
    global polls
    polls += 1
    if polls == 70:
        os.kill(os.getpid(), signal.SIGKILL)
    return False
small = IndexOptions(
    paths=["docs"],
    recipe=RecipeOptions("py:tests.encoders:bag"),
    batches=BatchPolicy(min_passages=4, max_passages=4),
    commits=CommitPolicy(rows=4),
)
build(Path(".qembed").absolute(), small, Progress(stop=stop))
"""


@pytest.fixture
def killed(filled: Filled) -> Shell:
    """A first run that was killed at about the thirtieth of forty files."""

    def index(shell: Shell) -> None:
        for i in range(40):
            shell.write(f"docs/p{i:02}.md", f"page number n{i} of the zebra book\n")
        shell.old()
        done = subprocess.run(
            [sys.executable, "-c", RUN], cwd=shell.folder, env=shell.env(), check=False
        )
        assert done.returncode == -signal.SIGKILL

    return filled(index)


def test_judgments_of_what_is_not_in_yet_name_the_state(killed: Shell) -> None:
    killed.write("q.jsonl", '{"_id": "q1", "text": "page n39"}\n')
    killed.write("r.tsv", "query-id\tcorpus-id\tscore\nq1\tp39.md\t1\n")
    done = killed("eval", "--queries", "q.jsonl", "--qrels", "r.tsv")
    assert done.code == 2
    assert "this cannot be evaluated" in done.err
    assert "the index is half made, with" in done.err


def test_a_killed_first_run_answers_by_words_and_says_so(killed: Shell) -> None:
    done = killed("query", "n5", "--format", "json")
    assert done.code == 0
    (query,) = done.json["queries"]
    best = query["hits"][0]
    assert best["document"] == "p05.md"
    assert best["scores"]["lexical"] > 0
    known = killed("status", "--format", "json").json["documents"]
    assert 6 < known < 40
    assert f"the index is half made, with {known} documents so far" in done.err
    assert any("half made" in w for w in done.json["warnings"])
    assert "half made" in killed("query", "n5", "--mode", "dense").err
    status = killed("status")
    assert (
        "unfinished  a run was stopped before its end (qembed index completes it)\n" in status.out
    )
    assert (
        "documents so far: a run was stopped before its end (qembed index completes it)" in done.err
    )
    assert killed("status", "--format", "json").json["unfinished"] is True
    stale = killed("status", "-q", "--fail-if-stale", "24h")
    assert stale.code == 3
    assert "stale: no run has come to its end yet" in stale.err


def test_a_run_that_goes_on_is_told_from_one_that_was_stopped(killed: Shell) -> None:
    with FileLock(killed.folder / ".qembed/lock"):
        state = f"process {os.getpid()} writes to it"
        assert f"documents so far: {state}\n" in killed("query", "n5").err
        assert f"unfinished  {state}\n" in killed("status").out
    assert "writes to it" not in killed("query", "n5").err


def test_before_its_first_commit_an_index_is_being_made(shell: Shell) -> None:
    shell.write("docs/a.md", "a page")
    shell.write(".qembed/lock", "")
    made_by = f"{shell.folder}/.qembed yet: process {os.getpid()} is making it"
    (shell.folder / "sub").mkdir()
    with FileLock(shell.folder / ".qembed/lock"):
        for folder in (shell.folder, shell.folder / "sub"):
            done = Shell(folder).process("query", "page")
            assert (done.code, done.err) == (2, f"qembed: no index at {made_by}\n")
        for command in (["status"], ["verify", "--index", ".qembed"]):
            assert made_by in shell.process(*command).err
        for command in (["index"], ["index", "docs"], ["add", "x", "--wait", "0"]):
            for folder in (shell.folder, shell.folder / "sub"):
                if command[1:] == ["docs"] and folder != shell.folder:
                    continue
                done = Shell(folder).process(*command)
                assert done.code == 75, (command, folder, done.err)
                assert f"(process {os.getpid()}) is writing" in done.err
        began = time.monotonic()
        assert shell.process("index", "--wait", "1").code == 75
        assert time.monotonic() - began > 1
        assert shell.process("forget", "--where", "id = 'x'", "--wait", "0").code == 75
    assert "making it" not in shell("query", "page").err
    assert "making it" not in shell("index").err
    assert shell("index", "docs").code == 0


def test_the_next_run_completes_it(killed: Shell) -> None:
    known = killed("status", "--format", "json").json["documents"]
    done = killed("index", "--format", "json")
    assert done.json["documents"]["added"] == 40 - known
    assert "half made" not in killed("query", "n5").err
    assert killed("status", "--format", "json").json["unfinished"] is False
    assert killed("verify").code == 0


@pytest.mark.slow
def test_missing_words_are_told(killed: Shell) -> None:
    assert killed("index").code == 0
    stamp = killed.folder / ".qembed/derived/lexical.json"
    body = json.loads(stamp.read_text())
    stamp.write_text(json.dumps({**body, "upto": 25}))
    done = killed("query", "n5")
    assert "the word index is behind: 15 of 40 passages are found by meaning only" in done.err
    assert "15 passages are found by meaning only" in killed("status").out
    stamp.unlink()
    done = killed("query", "n5")
    assert "there is no word index: passages are found by meaning only" in done.err
    assert "word index" not in killed("query", "n5", "--mode", "dense").err
    assert killed("index").code == 0
    assert killed("query", "n5").err == ""


@pytest.mark.slow
def test_an_interrupted_run_has_its_words(shell: Shell) -> None:
    for i in range(40):
        shell.write(f"docs/p{i:02}.md", f"page number n{i}\n")
    stop = iter([False] * 70 + [True] * 1000)
    root = shell.folder / ".qembed"
    options = IndexOptions(
        paths=[str(shell.folder / "docs")],
        recipe=SMALL.recipe,
        batches=SMALL.batches,
        commits=SMALL.commits,
    )
    summary = build(root, options, Progress(stop=lambda: next(stop)))
    assert summary.interrupted
    body = shell("status", "--format", "json").json
    assert 0 < body["documents"] < 40
    assert body["unfinished"] is True
    assert body["derived"]["lexical"]["behind"] == 0


def test_readers_during_a_run_have_words(shell: Shell) -> None:
    """A snapshot that is opened before a later commit uses the longer word index up to its own rows."""
    from qembed.pipeline.retrieval.session import Session

    shell.write("docs/a.md", "first alpha\n")
    shell.old()
    assert shell("index", "docs").code == 0
    with Session(shell.folder / ".qembed") as session:
        shell.write("docs/b.md", "second alpha\n")
        assert shell("index").code == 0
        found = session.search.lexical_search("alpha", 10)
        assert found is not None
        assert found[0].tolist() == [0]
        assert session.search.rows_without_words == 0


def test_passages_that_are_gone_lack_no_words(shell: Shell) -> None:
    for n in range(4):
        shell.write(f"docs/{n}.md", f"note {n}")
    assert shell("index", "docs").code == 0
    (shell.folder / "docs/0.md").unlink()
    assert shell("index").code == 0
    derived = shell.folder / ".qembed/derived"
    shutil.rmtree(derived)
    assert "3 passages are found by meaning only" in shell("status").out
    assert "passages are found by meaning only" in shell("query", "note").err
    assert "usable lexical file: passages are found by meaning only" in shell("verify").out
    for n in range(1, 4):
        (shell.folder / f"docs/{n}.md").unlink()
    assert shell("index", "--yes").code == 0
    shutil.rmtree(derived)
    assert "meaning only" not in shell("status").out
    assert "meaning only" not in shell("query", "note").err
    assert shell("verify").code == 0


@pytest.mark.slow
def test_a_closed_terminal_keeps_what_is_done(shell: Shell) -> None:
    for n in range(400):
        shell.write(f"docs/{n}.md", f"note number {n}")
    log = shell.write("encoded", "0")
    run = subprocess.Popen(
        [sys.executable, "-m", "qembed", "index", "docs"],
        cwd=shell.folder,
        env=shell.env(BAG_DELAY=".02", BAG_LOG=str(log)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(run, encoded(log, 60))
    run.send_signal(signal.SIGHUP)
    assert run.wait(30) == 128 + signal.SIGHUP
    body = shell("status", "--format", "json").json
    assert 0 < body["documents"] < 400


def test_a_run_over_something_else_does_not_complete_it(killed: Shell) -> None:
    assert killed("add", "a note").code == 0
    killed.write("more/a.md", "a page more")
    assert killed("index", "more").code == 0
    assert killed("query", "n5").err.count("the index is half made, with") == 1
    assert killed("status", "-q", "--fail-if-stale", "1d").code == 3
    assert killed("index").code == 0
    assert killed("query", "n5").err == ""
    assert killed("status", "--format", "json").json["documents"] == 42


def test_a_record_by_hand_is_no_refresh(docs: Shell) -> None:
    before = docs("status", "--format", "json").json
    assert docs("add", "a note").code == 0
    assert docs("status", "--format", "json").json["refreshed"] == before["refreshed"]


def test_a_file_in_which_a_run_was_stopped_is_no_changed_one(shell: Shell) -> None:
    shell.write("r.jsonl", "".join(f'{{"text": "record number {i}"}}\n' for i in range(80)))
    shell.old()
    stop = iter([False] * 50 + [True] * 1000)
    options = IndexOptions(
        paths=[str(shell.folder / "r.jsonl")],
        recipe=SMALL.recipe,
        batches=SMALL.batches,
        commits=SMALL.commits,
    )
    assert build(shell.folder / ".qembed", options, Progress(stop=lambda: next(stop))).interrupted
    assert 0 < shell("status", "--format", "json").json["documents"] < 80
    done = shell("verify", "--no-model")
    assert "sources:" not in done.out
    assert "the index is half made, with" in done.err
    assert "no run has come to its end yet" in shell("status").out
    shell.write("r.jsonl", "".join(f'{{"text": "another {i}"}}\n' for i in range(80)))
    assert "1 file has other content than when indexed" in shell("verify", "--no-model").out
