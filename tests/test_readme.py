"""The README's command blocks, run.

`console` blocks are transcripts of the real model: each `$` line is run and what it prints compared,
seconds and cosines within what differs from machine to machine. `sh` and `python` blocks are recipes:
they run in a folder like the ones they speak of, with a fast encoder, and must succeed. A block under
`<!-- not run: reason -->` is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXPORTS = ROOT / ".pytest_cache" / "exports"
"""Exports of the built-in model take a minute each: those tests that do not test them share one."""
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"(<!-- not run: .+? -->\n+)?^```(\w+)\n(.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"-?\d+\.\d+")
VARYING = re.compile(r"generation \d+ · \d+\.\d+ s\b|^latency .*", re.M)
"""Times; and a slow machine commits in between, which counts as a generation."""


def blocks(*kinds: str) -> list[str]:
    return [m[3] for m in BLOCK.finditer(README) if m[2] in kinds and not m[1]]


def environment(cache: Path, **more: str) -> dict[str, str]:
    tools = Path(sys.executable).parent
    return {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "QEMBED_CACHE": str(cache),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "80",
        **more,
    }


def run(script: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "sample_corpora",
        tmp_path / "sample_corpora",
        ignore=shutil.ignore_patterns(".qembed"),
    )
    return tmp_path


def same(got: str, wanted: str) -> None:
    """Line by line, with numbers compared as numbers."""
    got, wanted = VARYING.sub("#", got), VARYING.sub("#", wanted)
    assert NUMBER.sub("#", got) == NUMBER.sub("#", wanted)
    for a, b in zip(NUMBER.findall(got), NUMBER.findall(wanted), strict=True):
        assert float(a) == pytest.approx(float(b), abs=0.002)


@pytest.mark.parametrize("text", blocks("console"))
def test_transcripts(text: str, checkout: Path) -> None:
    made = run("qembed models prepare minilm", checkout, environment(EXPORTS))
    assert made.returncode == 0, made.stdout
    env = environment(EXPORTS)
    folder = checkout
    steps = re.split(r"^\$ ", text, flags=re.M)[1:]
    assert steps
    for step in steps:
        command, _, wanted = step.partition("\n")
        if command.startswith("cd "):
            folder = folder / command[3:]
            continue
        done = run(command, folder, env)
        assert done.returncode == 0, done.stdout
        same(done.stdout, wanted)


def test_the_demo_is_the_transcript() -> None:
    shown = {
        line[2:]
        for text in blocks("console")
        for line in text.splitlines()
        if line.startswith("$ qembed")
    }
    made = re.findall(r"helpdesk && \S+/(qembed .+)", (ROOT / "Makefile").read_text())
    assert made
    assert set(made) <= shown


@pytest.fixture
def place(checkout: Path) -> Path:
    """A folder such as the recipes speak of: notes and an index of them, golden queries, a run."""
    shutil.copytree(checkout / "sample_corpora/helpdesk/docs/en", checkout / "docs")
    golden = checkout / "sample_corpora/helpdesk"
    queries = (golden / "queries.jsonl").read_text().splitlines(keepends=True)
    queries = [x for x in queries if '"en-' in x]
    (checkout / "queries.jsonl").write_text("".join(queries))
    header, *grades = (golden / "qrels.tsv").read_text().splitlines(keepends=True)
    english = [g.replace("\ten/", "\t") for g in grades if g.startswith("en-") and "\ten/" in g]
    (checkout / "qrels.tsv").write_text(header + "".join(english))
    return checkout


@pytest.mark.parametrize("text", blocks("sh", "python"))
def test_recipes(text: str, place: Path) -> None:
    env = environment(place / "cache", QEMBED_MODEL="py:tests.encoders:bag")
    made = run("qembed index docs -q", place, env)
    assert made.returncode == 0, made.stdout
    if text.lstrip().startswith(("import ", "from ")):
        (place / "recipe.py").write_text(text)
        text = f"{sys.executable} recipe.py"
    done = run(text, place, env)
    assert done.returncode == 0, done.stdout
