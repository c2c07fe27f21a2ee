"""An index whose model is behind an address, from the first run to a server that changed its mind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qembed.models.remote import retry_policy
from tests import stub
from tests.cli.conftest import BAG, Shell
from tests.encoders import Bag, OtherBag
from tests.stub import Server

KEY = "sk-never-written-42"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_policy, "FIRST_PAUSE", 0.005)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("QEMBED_REMOTE_RETRIES", "2")
    monkeypatch.setenv("QEMBED_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[Server]:
    with stub.serving() as made:
        yield made


@pytest.fixture
def remote(shell: Shell, server: Server) -> Shell:
    """An index made through the server."""
    shell.write("docs/refunds.md", "# Refunds\n\nMoney comes back within five days.\n")
    shell.write("docs/parcels.md", "# Parcels\n\nWhere the parcel is, the tracking page says.\n")
    shell.old()
    done = shell("index", "docs", "--model", f"{server.base}#some/bag")
    assert done.code == 0, done.err
    return shell


def test_the_same_hits_as_with_the_encoder_here(remote: Shell, server: Server) -> None:
    here = remote("index", "docs", "--index", "here", "--model", BAG)
    assert here.code == 0, here.err
    query = ("query", "where is my parcel", "--format", "jsonl", "--mode", "dense")
    far, near = remote(*query).lines, remote(*query, "--index", "here").lines
    assert [h["document"] for h in far] == [h["document"] for h in near]
    assert [h["score"] for h in far] == pytest.approx([h["score"] for h in near], abs=1e-5)
    assert "where is my parcel" in server.texts


def test_the_key_is_written_nowhere(remote: Shell, server: Server) -> None:
    done = remote("query", "parcel", "--explain", "-v", "--format", "json")
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert KEY not in done.out + done.err
    files = [p for p in remote.folder.parent.rglob("*") if p.is_file()]
    assert len(files) > 4
    assert [p for p in files if KEY.encode() in p.read_bytes()] == []


@pytest.mark.slow
def test_what_was_committed_stays_and_a_rerun_goes_on(
    shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(30):
        shell.write(f"docs/{i:02}.md", f"document {i} " + "with words of its own " * (i + 1))
    shell.old()
    spec = f"{server.base}#bag"
    assert shell("index", "docs/00.md", "docs/01.md", "--model", spec).code == 0
    server.always = stub.status(503)
    broken = shell("index", "docs")
    assert broken.code == 2
    assert "failed 3 times: status 503" in broken.err
    assert shell("status", "--format", "json").code == 0
    server.always = None
    before = len(server.texts)
    done = shell("index", "docs", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["documents"]["added"] + done.json["documents"]["moved"] >= 28
    # what the first run had encoded is not sent again
    assert not any(t.startswith(("document 0 ", "document 1 ")) for t in server.texts[before:])


@pytest.mark.slow
def test_a_server_that_runs_another_model_now(remote: Shell, server: Server) -> None:
    server.encoder = OtherBag()
    for command in (["query", "parcel"], ["verify"]):
        done = remote(*command)
        assert done.code != 0
        assert "gives other vectors than when this index was made" in done.err + done.out
    remote.write("docs/new.md", "something new")
    done = remote("index")
    assert done.code == 2
    assert "other vectors" in done.err
    server.encoder = Bag()
    assert remote("query", "parcel").code == 0


def test_the_same_model_at_another_address(remote: Shell, server: Server) -> None:
    with stub.serving() as other:
        spec = f"{other.base}#bag"  # without its organisation
        assert remote("query", "parcel", "--model", spec).code == 0
        wrong = remote("query", "parcel", "--model", f"{other.base}#poet")
        assert wrong.code == 2
        assert "their vectors cannot be compared" in wrong.err


@pytest.mark.slow
def test_a_server_that_moved_is_followed(remote: Shell, server: Server) -> None:
    """Nothing is encoded anew, and from then on the new address is asked."""
    remote.write("docs/new.md", "something new")
    old = len(server.bodies)
    with stub.serving() as other:
        spec = f"{other.base}#bag"
        would = remote("index", "--model", spec, "--dry-run", "--format", "json")
        assert (would.code, would.json["would"]["add"]) == (0, [str(remote.folder / "docs/new.md")])
        assert remote("status", "--format", "json").json["model"] == f"{server.base}#some/bag"
        done = remote("index", "--model", spec, "--format", "json")
        assert done.code == 0, done.err
        assert f"some/bag is at {spec} now" not in done.err  # the name is the new server's
        assert f"bag is at {spec} now, it was at {server.base}#some/bag" in done.err
        assert done.json["passages"]["encoded"] == 1
        assert not any(t.startswith(("# Refunds", "# Parcels")) for t in other.texts)
        assert remote("status", "--format", "json").json["model"] == spec
        assert remote("query", "parcel", "--mode", "dense").code == 0
        assert remote("index").code == 0
        assert len(server.bodies) == old


def test_a_server_that_moved_with_nothing_to_encode(remote: Shell) -> None:
    """The probe decides all the same, before anything is remembered."""
    with stub.serving() as other:
        spec = f"{other.base}#bag"
        done = remote("index", "--model", spec)
        assert done.code == 0, done.err
        assert other.texts  # the probe texts
        assert remote("status", "--format", "json").json["model"] == spec


@pytest.mark.parametrize("command", ["index", "index --dry-run", "query parcel --mode dense"])
@pytest.mark.slow
def test_other_vectors_at_another_address(remote: Shell, server: Server, command: str) -> None:
    before = remote("status", "--format", "json").json["model"]
    with stub.serving() as other:
        other.encoder = OtherBag()
        spec = f"{other.base}#bag"
        done = remote(*command.split(), "--model", spec)
        assert (done.code, done.out) == (2, "")
        assert (
            f"{spec} gives other vectors than {before}, which this index was made with" in done.err
        )
        assert f"--rebuild --model '{spec}'" in done.err
        # another model is no move: it is not asked for vectors
        wrong = remote("index", "--model", f"{other.base}#poet")
        assert wrong.code == 2
        assert f"{before} (asked for: {other.base}#poet)" in wrong.err
    assert remote("status", "--format", "json").json["model"] == before
    assert remote("query", "parcel").code == 0


def test_a_new_address_that_cannot_be_reached(remote: Shell) -> None:
    with stub.serving() as other:
        spec = f"{other.base}#bag"
    done = remote("index", "--model", spec)
    assert done.code == 2
    assert "cannot be reached" in done.err
    assert remote("query", "parcel").code == 0


def test_a_server_that_is_gone(shell: Shell) -> None:
    with stub.serving() as server:
        spec = f"{server.base}#bag"
        shell.write("docs/a.md", "a text")
        assert shell("index", "docs", "--model", spec).code == 0
    done = shell("query", "text", "--mode", "dense")
    assert done.code == 2
    assert "cannot be reached" in done.err
    assert done.out == ""


def test_rerank_endpoint(docs: Shell, server: Server) -> None:
    spec = f"{server.base}#some/reranker"
    done = docs("query", "locked account", "--rerank", spec, "--format", "jsonl", "--explain")
    assert done.code == 0, done.err
    assert done.lines[0]["document"].endswith("locks.txt")
    assert done.lines[0]["scores"]["rerank"] == pytest.approx(1)
    assert "(remote), 3 of 3 pairs scored; scores are as the server gives them" in done.err
    few = docs(
        "query", "locked account", "--rerank", spec, "--min-score", "0.5", "--format", "paths"
    )
    assert [Path(p).name for p in few.out.split()] == ["locks.txt"]


def test_late_is_not_to_be_had(remote: Shell) -> None:
    done = remote("query", "parcel", "--rerank", "late")
    assert done.code == 2
    assert "an endpoint gives no token vectors" in done.err


@pytest.mark.parametrize("trick", [stub.status(500), stub.status(422), stub.drop])
@pytest.mark.slow
def test_a_refused_text_costs_its_document_only(
    remote: Shell, server: Server, trick: stub.Trick
) -> None:
    server.always = stub.on_poison(trick)
    remote.write("docs/bad.md", "poison\n")
    remote.write("docs/good.md", "another document\n")
    done = remote("index", "--format", "json")
    assert done.code == 4, done.err
    assert done.json["documents"]["added"] == 1
    assert [f["path"].rsplit("/", 1)[-1] for f in done.json["failed"]] == ["bad.md"]
    server.always = None
    mended = remote("index", "--format", "json")
    assert (mended.code, mended.json["documents"]["added"]) == (0, 1), mended.err


@pytest.mark.parametrize("answered", [0, 1])
@pytest.mark.slow
def test_ctrl_c_during_a_pause_ends_at_once(remote: Shell, server: Server, answered: int) -> None:
    """The first request asks for the model's width."""
    remote.write("docs/new.md", "something new\n")
    server.tricks = [lambda handler, body: False] * answered
    server.always = stub.status(429, retry_after="100")
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", "index"],
        cwd=remote.folder,
        env=remote.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if b"asks for a pause of 100 s" in line:
            break
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 10
    assert b"Traceback" not in err
    server.always = None
    assert remote("index").code == 0
