"""The same bytes through a server and without one."""

from __future__ import annotations

import os

import pytest

import qembed.serve.client as client
from qembed.pipeline.retrieval.tuned_setting import apply_choice
from qembed.store import manifest as manifests
from tests.cli.conftest import Shell
from tests.serve.comparison import FORMATS, both
from tests.serve.conftest import Running

pytestmark = pytest.mark.slow


def test_all_formats_are_the_same_bytes(running: Running) -> None:
    for form in FORMATS:
        done = both(running, "query", "where is the parcel", "--format", form)
        assert done.out
        assert done.code == 0


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_terminal_sees_the_same(running: Running, term: str) -> None:
    """Colours and width are those of the client's terminal."""
    import fcntl
    import pty
    import struct
    import sys
    import termios

    def seen(*more: str) -> bytes:
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(running.shell.folder)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 57, 0, 0))
            os.execve(
                sys.executable,
                [sys.executable, "-m", "qembed", "query", "locked account", "-q", *more],
                running.shell.env(TERM=term),
            )
        out = b""
        while True:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(fd)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        return out

    before = running.requests
    warm = seen()
    assert running.requests == before + 1
    assert warm == seen("--no-server")
    assert (b"\x1b[" in warm) == (term != "dumb")


def test_several_indexes_of_which_one_has_a_server(running: Running) -> None:
    record = '{"_id": "n1", "text": "the parcel is here", "num": 3}\n'
    assert running.shell("index", "-", "--index", "other/.qembed", stdin=record).code == 0
    asked = ("query", "parcel", "--index", ".qembed", "--index", "other/.qembed")
    done = both(running, *asked, "--where", "num = 3", "--format", "jsonl")
    assert [hit["document"] for hit in done.lines] == ["n1"]
    assert done.err.count(" is left out: --where, column 1: no document has a field num") == 1
    assert both(running, *asked, "--where", "num >").code == 2


def test_options_and_their_errors(running: Running) -> None:
    both(running, "query", "-", "--format", "jsonl", stdin="parcel\nlocked\n")
    both(running, "query", "locked", "--mode", "lexical", "--explain")
    both(running, "query", "locked", "--mode", "dense", "--search", "graph", "--explain")
    both(running, "query", "locked", "--rerank", "late", "--explain", "-k", "2")
    both(running, "query", "locked", "--where", "path like '%refunds%'", "--by", "document")
    both(running, "query", "locked", "--format", "jsonl", "--rerank", "py:tests.encoders:shouting")
    assert both(running, "query", "locked", "-k", "0").code == 2
    assert both(running, "query", "locked", "--where", "nonsense =").code == 2
    assert (
        both(
            running, "query", "locked", "--rerank", "late", "--rerank-budget", "soon", served=False
        ).code
        == 2
    )
    assert both(running, "query", " ").code == 2
    assert both(running, "query", "locked", "--model", "minilm", served=True).code == 2


def test_a_query_of_100_kb(running: Running) -> None:
    assert both(running, "query", "parcel " * 15_000, "--format", "tsv").out


def test_a_request_above_the_limit_is_done_without(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_REQUEST", 5000)
    both(running, "query", "parcel", "--format", "paths")
    long = "parcel " * 1000
    assert both(running, "query", "-", "--format", "paths", stdin=long, served=False).out


def test_rerank(running: Running) -> None:
    hits = running.shell("query", "locked parcel", "--format", "jsonl").out
    for spec in ("late", "py:tests.encoders:shouting"):
        assert both(running, "rerank", "--model", spec, "--explain", stdin=hits).out
    assert both(running, "rerank", "-k", "0", stdin=hits).code == 2
    assert both(running, "rerank", stdin="no json\n", served=False).code == 2
    broken = b'{"query": "\xff", "text": "x"}\n'
    assert both(running, "rerank", stdin=broken, served=False).code == 2
    running.shell.write("run.trec", running.shell("query", "locked", "--format", "trec").out)
    running.shell.write("q.jsonl", '{"_id": "1", "text": "locked"}')
    assert both(running, "rerank", "--run", "run.trec", "--queries", "q.jsonl").out
    assert both(running, "rerank", "--run", "none.trec", "--queries", "q.jsonl", served=False).code


def test_it_follows_new_generations(running: Running) -> None:
    shell = running.shell
    assert "zebra" not in both(running, "query", "zebra crossing", "--format", "paths").out
    shell.write("docs/zebra.md", "A zebra crossing.")
    assert shell("index").code == 0
    first = both(running, "query", "zebra crossing", "--format", "paths").out
    assert first.splitlines()[0].endswith("zebra.md")
    (shell.folder / "docs/zebra.md").unlink()
    assert shell("index").code == 0
    assert "zebra" not in both(running, "query", "zebra crossing", "--format", "paths").out
    assert shell("index", "--rebuild").code == 0
    both(running, "query", "zebra crossing", "--format", "json")
    (shell.folder / ".qembed/derived/lexical.json").unlink()
    assert both(running, "query", "locked", "--mode", "lexical").code == 2


def test_an_index_that_is_gone(running: Running) -> None:
    (running.index / "manifest.json").rename(running.index / "away")
    done = both(running, "query", "x", "--index", str(running.index))
    assert done.code == 2
    assert "manifest.json is missing" in done.err
    (running.index / "away").rename(running.index / "manifest.json")
    both(running, "query", "locked")


def test_a_request_whose_answer_could_differ_is_refused(running: Running) -> None:
    shell = running.shell
    other = shell("query", "locked", "-v", "--format", "paths", HF_HUB_OFFLINE="0")
    assert "another HF_HUB_OFFLINE" in other.err
    assert other.out
    elsewhere = Shell(shell.folder / "docs")
    cache = shell.env()["QEMBED_CACHE"]
    done = elsewhere("query", "locked", "-v", "--format", "paths", QEMBED_CACHE=cache)
    assert "depends on the folder" in done.err  # the model is code found by way of it
    assert done.out.splitlines()


def test_a_server_takes_what_was_chosen_for_its_index(running: Running) -> None:
    """Also while it runs: the choice is a new generation."""
    shell = running.shell
    before = len(shell("query", "parcel", "--format", "jsonl").lines)
    manifest = manifests.read(running.index)
    asked = running.requests
    apply_choice(
        running.index,
        (manifest.uid, manifest.generation),
        {"mode": "lexical"},
        {"measure": "nDCG@10", "new": {"mean": 0.1}},
        {},
    )
    done = both(running, "query", "parcel", "--format", "json")
    assert done.json["tuned"] == {"mode": "lexical"}
    assert running.requests > asked
    assert len(done.json["queries"][0]["hits"]) < before
    for option in (("--mode", "dense"), ("--untuned",)):
        other = both(running, "query", "parcel", "--format", "json", *option)
        assert len(other.json["queries"][0]["hits"]) == before
