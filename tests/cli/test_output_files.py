"""Outputs of a command line that are its inputs, or one another, are refused before any work."""

from __future__ import annotations

import os
from typing import Any

import pytest
from typer.main import get_command

from qembed.cli.app import app
from qembed.cli.option_checks import WRITTEN
from tests.cli.conftest import FILES, Shell

JUDGED = ("--queries", "q.tsv", "--qrels", "r.tsv")
REFUSED = [
    ("eval", *JUDGED, "--save-run", "q.tsv"),
    ("eval", *JUDGED, "--save-run", "./r.tsv"),
    ("eval", *JUDGED, "--report", "q.tsv", "--mteb", "SciFact"),
    ("eval", *JUDGED, "--report", "new.json", "--save-run", "sub/../new.json"),
    ("eval", *JUDGED, "--report", "new.json", "--report", "new.json"),
    ("eval", *JUDGED, "--baseline", "absent.json", "--report", "link.json"),
    ("eval", "--run", "q.tsv", "--qrels", "r.tsv", "--save-run", "q.tsv"),
    ("eval", "--beir", "beir", "--save-run", "beir/qrels/test.tsv"),
    ("eval", "pool", "--queries", "q.tsv", "-o", "q.tsv"),
    ("eval", "pool", "--judged", "q.tsv", "-o", "q.tsv"),
    ("tune", *JUDGED, "--report", "r.tsv"),
    ("tune", *JUDGED, "--candidates", "c.json", "--write-candidates", "c.json"),
    ("drift", "--new", "q.tsv", "--report", "q.tsv"),
    ("drift", "--golden", "q.tsv", "r.tsv", "--report", "r.tsv"),
    ("train", "mine", *JUDGED, "--out", "q.tsv"),
    ("train", "encoder", *JUDGED, "--out", "m", "--lists", "l", "--write-lists", "l"),
    ("train", "adapt", "--made", "q.tsv", "--write-made", "q.tsv"),
    ("map", "--index", "beir", "--out", "beir"),
]


@pytest.fixture
def files(shell: Shell) -> Shell:
    for name in ("q.tsv", "r.tsv", "beir/qrels/test.tsv", "sub/x"):
        shell.write(name, name)
    (shell.folder / "link.json").symlink_to("absent.json")
    return shell


@pytest.mark.parametrize("line", REFUSED, ids=" ".join)
def test_an_output_that_is_an_input_is_refused(files: Shell, line: tuple[str, ...]) -> None:
    done = files(*line)
    assert done.code == 2
    assert "which is read: write another file" in done.err or "are one file: write two" in done.err
    assert (files.folder / "q.tsv").read_text() == "q.tsv"


def test_all_of_them_are_named(files: Shell) -> None:
    os.link(files.folder / "q.tsv", files.folder / "same")
    done = files("eval", *JUDGED, "--report", "r.tsv", "--report", "a.md", "--save-run", "same")
    assert done.code == 2
    assert done.err.splitlines() == [
        "qembed: --report r.tsv would replace --qrels r.tsv, which is read: write another file",
        "  --save-run same would replace --queries q.tsv, which is read: write another file",
    ]


def test_a_red_build_stays_red(collection: Shell) -> None:
    report = collection.folder / "b.json"
    assert collection(*FILES, "--report", "b.json").code == 0
    first = report.read_bytes()
    gate = (
        "--baseline",
        "b.json",
        "--max-drop",
        "RR@10=5%",
        "--template",
        "w1 w2 w3 w4 w5 {query}",
    )
    for _ in range(2):
        done = collection(*FILES, *gate, "--report", "b.json")
        assert done.code == 2
        assert "--report b.json would replace --baseline b.json, which is read" in done.err
    assert report.read_bytes() == first
    assert collection(*FILES, *gate, "--report", "c.json").code == 3


def test_devices_may_be_both(collection: Shell) -> None:
    null = ("--report", "/dev/null", "--save-run", "/dev/null")
    assert "one file" not in collection(*FILES, *null).err
    assert collection(*FILES, "--save-run", "/dev/null").code == 0


def commands(command: Any, path: str = "qembed") -> list[tuple[str, Any]]:
    """All commands with their paths."""
    found = [(path, command)]
    for name in getattr(command, "commands", ()):
        found += commands(command.commands[name], f"{path} {name}")
    return found


def test_every_option_that_writes_is_known() -> None:
    seen = set()
    for path, command in commands(get_command(app)):
        for param in command.params:
            named = {"--out", "--output", "--report", "--save-run"} & set(param.opts)
            if param.type.name == "path" and (
                named or (getattr(param, "help", "") or "")[:5] == "Write"
            ):
                assert param.name in WRITTEN, (path, param.opts)
                seen.add(param.name)
    assert seen == WRITTEN


def test_an_export_never_replaces_a_source(docs: Shell) -> None:
    docs.write("r.jsonl", '{"_id": "r", "text": "a record"}\n')
    assert docs("index", "r.jsonl").code == 0
    (docs.folder / "link.jsonl").symlink_to("docs/refunds.md")
    for path in ("docs/refunds.md", "link.jsonl", "r.jsonl"):
        before = (docs.folder / path).read_bytes()
        done = docs("export", "jsonl", path, "--force")
        assert done.code == 2
        assert f"{path} is a file that the index is made of: write another one" in done.err
        assert (docs.folder / path).read_bytes() == before
    for _ in range(2):
        assert docs("export", "jsonl", "docs/new.jsonl", "--force").code == 0
