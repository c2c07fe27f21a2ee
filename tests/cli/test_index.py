"""qembed index, as a user meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.cli.conftest import Shell
from tests.cli.index_summary import summary
from tests.cli.waiting import encoded, until


def test_the_summary_has_the_promised_fields(docs: Shell) -> None:
    body = summary(docs, "docs")
    assert body["schema"] == 1
    assert body["generation"] == 1
    assert body["index"] == str(docs.folder / ".qembed")
    assert set(body["documents"]) == {"added", "changed", "moved", "unchanged", "deleted", "failed"}
    assert body["documents"]["unchanged"] == 3
    assert body["passages"]["total"] == 3
    assert body["failed"] == []
    assert body["recipe"]["title_rule"] == "title text"
    assert "total" in body["seconds"]


def test_a_refresh_with_nothing_changed_encodes_nothing_and_loads_no_model(docs: Shell) -> None:
    body = summary(docs)
    assert body["passages"]["encoded"] == 0
    assert body["generation"] == 1
    assert "load" not in body["seconds"]


def test_a_refresh_encodes_only_what_changed(docs: Shell) -> None:
    docs.write("docs/refunds.md", "# Refunds\n\nMoney comes back within two days.\n")
    docs.write("docs/new.md", "# New\n\nSomething new.\n")
    (docs.folder / "docs/parcels.md").unlink()
    docs.old("docs/refunds.md", "docs/new.md")
    body = summary(docs)
    assert body["documents"] == {
        "added": 1, "changed": 1, "moved": 0, "unchanged": 1, "deleted": 1, "failed": 0,
    }  # fmt: skip
    assert body["passages"]["encoded"] == 2
    hits = docs("query", "parcel tracking", "--format", "paths").out.splitlines()
    assert "docs/parcels.md" not in hits
    assert len(hits) == 3


def test_touching_encodes_nothing(docs: Shell) -> None:
    for p in (docs.folder / "docs").rglob("*.*"):
        p.touch()
    passages = summary(docs)["passages"]
    assert (passages["total"], passages["encoded"], passages["reused"]) == (3, 0, 0)


def test_moving_encodes_nothing(docs: Shell) -> None:
    (docs.folder / "docs/refunds.md").rename(docs.folder / "docs/money.md")
    body = summary(docs)
    assert body["documents"]["moved"] == 1
    assert body["documents"]["deleted"] == 0
    assert body["passages"]["encoded"] == 0
    hit = docs("query", "money back", "-k", "1", "--format", "jsonl").lines[0]
    assert hit["document"] == "money.md"


def test_two_folders_may_have_files_of_one_name(shell: Shell) -> None:
    shell.write("a/README.md", "alpha")
    shell.write("b/README.md", "beta")
    assert shell("index", "a", "b").code == 0
    hits = shell("query", "beta", "--format", "jsonl").lines
    assert [h["document"] for h in hits] == ["b/README.md", "README.md"]
    assert summary(shell)["documents"]["deleted"] == 0


def test_meta_and_include(shell: Shell) -> None:
    shell.write("d/a.md", "alpha")
    shell.write("d/b.txt", "beta")
    body = summary(shell, "d", "--include", "*.md", "--meta", "team=red", "--meta", "year=2026")
    assert body["documents"]["added"] == 1
    assert shell("query", "x", "--format", "jsonl").lines[0]["meta"] == {
        "team": "red",
        "year": 2026,
    }


def test_dry_run_writes_nothing(shell: Shell) -> None:
    shell.write("d/a.md", "alpha")
    done = shell("index", "d", "--dry-run")
    assert done.code == 0
    assert "add\td/a.md" in done.out
    assert not (shell.folder / ".qembed").exists()


def test_dry_run_after_a_run_finds_nothing_changed(shell: Shell) -> None:
    """Files written just before a run are read again by the next one: their time says nothing."""
    shell.write("d/a.md", "alpha")
    shell.write("d/r.jsonl", '{"text": "one"}\n{"text": "two"}\n')
    summary(shell, "d", "--meta", "team=red")
    body = summary(shell, "--dry-run")
    assert body["documents"] == {**dict.fromkeys(body["documents"], 0), "unchanged": 3}
    assert not any(body["would"].values())
    shell.write("d/a.md", "gamma")
    shell.write("d/b.md", "beta")
    body = summary(shell, "--dry-run")
    a, b, r = (str(shell.folder / "d" / name) for name in ("a.md", "b.md", "r.jsonl"))
    assert {k: v for k, v in body["would"].items() if v} == {"add": [b], "read": [a]}
    assert (body["documents"]["changed"], body["documents"]["unchanged"]) == (1, 2)
    body = summary(shell, "--dry-run", "--meta", "team=blue", "d")
    assert body["would"]["read"] == [a, r]


def test_rebuild_with_other_passages(docs: Shell) -> None:
    body = summary(docs, "--rebuild", "--chunker", "none")
    assert body["recipe"]["chunker"] == "none"
    assert body["documents"]["added"] == 3
    assert len(docs("query", "money", "--format", "paths").out.splitlines()) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_a_signal_keeps_what_is_done_and_a_rerun_does_the_rest(
    shell: Shell, number: int, code: int
) -> None:
    records = [{"_id": str(i), "text": f"record number {i}"} for i in range(1500)]
    shell.write("r.jsonl", "\n".join(json.dumps(r) for r in records))
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", "index", "r.jsonl", "--format", "json"],
        cwd=shell.folder,
        env=shell.env(BAG_DELAY="0.004", BAG_LOG=str(shell.folder / "log")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert b"loading" in process.stderr.readline()
    until(process, encoded(shell.folder / "log", 100))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    done = json.loads(out)
    assert done["interrupted"] is True
    assert 0 < done["passages"]["encoded"] < 1500
    rest = summary(shell)
    assert done["passages"]["encoded"] + rest["passages"]["encoded"] == 1500
    assert rest["passages"]["total"] == 1500


def test_what_was_cut_short_is_counted_and_listed(shell: Shell) -> None:
    shell.write("docs/long.md", "word " * 900)
    shell.write("docs/short.md", "word")
    done = shell("index", "docs", "--chunker", "none", "-v")
    assert "1 truncated to 200 tokens" in done.out
    assert "cut short: docs/long.md:1" in done.err
    asked = shell("query", "word " * 400, "-v", "--format", "paths")
    assert "1 of 1 query was longer than the model reads" in asked.err
    assert "cut short: 'word word" in asked.err
