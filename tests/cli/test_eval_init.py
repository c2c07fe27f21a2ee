"""The script that `qembed eval init` writes, run by a real shell: passes untouched, fails sabotaged."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from qembed.store import manifest as manifests
from qembed.store.durable_files import FileInfo, checksum
from tests import encoders
from tests.cli.conftest import BAG, Done, Shell

pytestmark = pytest.mark.slow

WORDS = [f"w{i}" for i in range(900)]


DOCUMENTS, QUERIES = 1500, 40


def write_corpus(path: Path, keep: Iterable[int]) -> None:
    rng = random.Random(8)
    texts = [" ".join(rng.choices(WORDS, k=10)) for _ in range(DOCUMENTS)]
    lines = [json.dumps({"_id": f"d{i}", "text": texts[i]}) + "\n" for i in keep]
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An indexed corpus with a golden set, the script, and an accepted baseline."""
    shell = Shell(tmp_path_factory.mktemp("ci") / "work")
    shell.folder.mkdir()
    write_corpus(shell.folder / "corpus.jsonl", range(DOCUMENTS))
    shell.old()
    assert shell("index", "corpus.jsonl").code == 0
    done = shell("eval", "init")
    assert done.code == 0, done.err
    assert done.out.split() == [
        "retrieval/queries.jsonl", "retrieval/qrels.tsv", "retrieval/.qembedignore",
        "retrieval/check.sh", ".github/workflows/retrieval.yml",
    ]  # fmt: skip
    commands = "sh retrieval/check.sh --accept && git add retrieval .github/workflows/retrieval.yml"
    assert "the workflow fail until there is a baseline" in done.err
    assert commands in done.err
    # users' questions in the place of the starter's, judged by what really is nearest
    rng = random.Random(9)
    corpus = [json.loads(x) for x in (shell.folder / "corpus.jsonl").read_text().splitlines()]
    texts = [" ".join(rng.choices(WORDS, k=4)) for _ in range(QUERIES)]
    encoder = encoders.bag()
    scores = encoder.encode(texts) @ encoder.encode([d["text"] for d in corpus]).T
    asked = [{"_id": f"q{i}", "text": text} for i, text in enumerate(texts)]
    shell.write("retrieval/queries.jsonl", "".join(json.dumps(q) + "\n" for q in asked))
    rows = [f"q{q}\td{d}\t1\n" for q in range(QUERIES) for d in np.argsort(-scores[q])[:5]]
    shell.write("retrieval/qrels.tsv", f"query-id\tcorpus-id\tscore\n{''.join(rows)}")
    bin_folder = shell.folder.parent / "bin"
    bin_folder.mkdir()
    command = bin_folder / "qembed"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m qembed "$@"\n')
    command.chmod(0o755)
    first = check(shell, "--accept")
    assert first.code == 0, first.err
    assert "nDCG@10    1.0000" in first.out
    assert "check.sh: these numbers are the baseline now, retrieval/baseline.json" in first.err
    assert "git add retrieval/baseline.json" in first.err
    assert json.loads((shell.folder / "retrieval/baseline.json").read_text())["queries"] == QUERIES
    return shell


def check(shell: Shell, *args: str) -> Done:
    found = [
        p / "bin"
        for p in (shell.folder.parent, *shell.folder.parents)
        if (p / "bin/qembed").exists()
    ]
    env = shell.env(PATH=f"{found[0]}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run(
        ["sh", "retrieval/check.sh", *args, "--mode", "dense"],
        cwd=shell.folder, env=env, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def copy(project: Shell, tmp_path: Path) -> Shell:
    shutil.copytree(project.folder, tmp_path / "work", symlinks=True)
    (tmp_path / "bin").symlink_to(project.folder.parent / "bin")
    return Shell(tmp_path / "work")


def test_untouched_it_passes(project: Shell) -> None:
    done = check(project)
    assert done.code == 0, done.err
    assert "FAILED" not in done.out
    out = project.folder / "retrieval/out"
    assert {p.suffix for p in out.glob("*.*") if p.suffix} == {".json", ".md", ".html", ".xml"}
    text = (project.folder / ".github/workflows/retrieval.yml").read_text()
    assert re.search(r"pip install \S*(qembed-search|qembed_search)", text)
    # Markdown and a model of one's own need none of the extras that are installed here
    assert not re.search(r"pip install .*\[", text)
    assert "run: sh retrieval/check.sh" in text
    assert "${{ github.sha }}" in text


def test_a_wrong_template_is_named(project: Shell) -> None:
    done = check(project, "--template", "w1 w2 w3 w4: {query}")
    assert done.code == 3
    assert "gate: max-drop nDCG@10=5%: fell by 0." in done.err
    assert (
        'cause: other settings than the baseline\'s: encoded was "{query}", is "w1 w2' in done.err
    )
    assert "leave out --template" in done.err
    assert "fell nDCG@10 on " in done.err
    assert f" of {QUERIES} queries" in done.err
    assert " (grade 1): rank " in done.err


def test_a_narrow_graph_is_named(project: Shell) -> None:
    done = check(project, "--search", "graph", "--ef", "10")
    assert done.code == 3
    assert "ef was null, is 10" in done.err
    assert "of the 10 nearest passages at ef 10 (a larger --ef finds more" in done.err


def test_half_of_the_documents_gone_is_named(copy: Shell) -> None:
    write_corpus(copy.folder / "corpus.jsonl", range(DOCUMENTS // 2, DOCUMENTS))
    done = check(copy)
    assert done.code in (2, 3)
    assert "the corpus differs: 750 deleted: d0, d1, d10" in done.err or done.code == 2
    assert f"({DOCUMENTS:,} documents then, {DOCUMENTS // 2} now)" in done.err or (
        "name documents that are not in the index" in done.err
    )


def test_a_change_that_deletes_most_documents_is_judged_and_not_asked_about(copy: Shell) -> None:
    judged = {
        int(line.split("\t")[1][1:])
        for line in (copy.folder / "retrieval/qrels.tsv").read_text().splitlines()[1:]
    }
    write_corpus(copy.folder / "corpus.jsonl", sorted({*judged, *range(DOCUMENTS // 3)}))
    done = check(copy)
    assert done.code == 0, done.err
    assert "--yes" not in done.err


def test_shuffled_vectors_are_named(copy: Shell) -> None:
    root = copy.folder / ".qembed"
    manifest = manifests.read(root)
    shards = []
    for shard in manifest.shards:
        path = root / shard.file.name
        table = pq.read_table(path)
        order = np.random.default_rng(1).permutation(table.num_rows)
        vectors = table.column("vector").take(order)
        table = table.set_column(table.schema.get_field_index("vector"), "vector", vectors)
        pq.write_table(table, path)
        size, crc = checksum(path)
        shards.append(replace(shard, file=FileInfo(shard.file.name, size, crc)))
    manifests.write(root, replace(manifest, shards=tuple(shards)))
    shutil.rmtree(root / "derived")
    done = check(copy)
    assert done.code == 3
    assert "cause: stored vectors are not those of their passages: 16 of 16" in done.err
    assert "qembed verify" in done.err


def test_without_a_baseline_it_fails_and_says_so(copy: Shell) -> None:
    baseline = copy.folder / "retrieval/baseline.json"
    baseline.unlink()
    shutil.rmtree(copy.folder / "retrieval/out")
    done = check(copy)
    assert done.code == 2
    assert "retrieval/baseline.json is missing" in done.err
    assert "sh retrieval/check.sh --accept" in done.err
    assert "nDCG@10    1.0000" in done.out
    assert not baseline.exists()
    out = copy.folder / "retrieval/out"
    assert (out / "report.html").exists()
    assert (out / ".gitignore").read_text() == "*\n"
    # the option may stand behind others
    done = check(copy, "--latency", "0", "--accept")
    assert done.code == 0, done.err
    assert check(copy).code == 0


def test_the_workflow_copes_with_missing_files(project: Shell) -> None:
    text = (project.folder / ".github/workflows/retrieval.yml").read_text()
    (line,) = [x for x in text.splitlines() if "GITHUB_STEP_SUMMARY" in x]
    command = line.partition("run: ")[2]
    summary = project.folder.parent / "summary.md"
    env = {**os.environ, "GITHUB_STEP_SUMMARY": str(summary)}
    empty = project.folder.parent / "empty"
    empty.mkdir()
    assert subprocess.run(["sh", "-ec", command], cwd=empty, env=env, check=False).returncode == 0
    assert not summary.exists()
    assert "if-no-files-found: ignore" in text


def test_a_folder_with_blanks(project: Shell, tmp_path: Path) -> None:
    shutil.copytree(project.folder / ".qembed", tmp_path / "work/.qembed")
    shutil.copy(project.folder / "corpus.jsonl", tmp_path / "work/corpus.jsonl")
    shell = Shell(tmp_path / "work")
    done = shell("eval", "init", "the check's set")
    assert done.code == 0, done.err
    assert """git add 'the check'"'"'s set' .github/workflows/retrieval.yml""" in done.err
    workflow = yaml.safe_load((shell.folder / ".github/workflows/retrieval.yml").read_text())
    steps = workflow["jobs"]["retrieval"]["steps"]
    assert steps[-1]["with"]["path"] == "the check's set/out"
    (command,) = [s["run"] for s in steps if s.get("run", "").endswith("/check.sh")]
    assert (shell.folder / shlex.split(command)[1]).is_file()
    script = (shell.folder / "the check's set/check.sh").read_text()
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    (line,) = [x for x in script.splitlines() if x.startswith("qembed index ")]
    command, _, rest = line.partition(" || ")
    assert rest == "unread $?"
    assert shlex.split(command)[2:] == [
        "-q", "--yes", "--wait", "60", "--model", BAG, "corpus.jsonl",
    ]  # fmt: skip


def test_init_keeps_what_is_there(project: Shell) -> None:
    done = project("eval", "init")
    assert done.code == 2
    assert "already there: " in done.err
    assert "--force" in done.err
    elsewhere = project("eval", "init", str(project.folder.parent / "other"))
    assert elsewhere.code == 2
    assert "not in the index's folder" in elsewhere.err
    assert BAG in (project.folder / "retrieval/check.sh").read_text()


def test_an_index_of_another_recipe_is_told(project: Shell, copy: Shell) -> None:
    assert copy("index", "--rebuild", "--max-tokens", "64").code == 0
    done = check(copy)
    assert done.code == 0
    assert "compared with the baseline, the index is another: max_tokens was" in done.err


def test_files_that_cannot_be_read_are_no_end(copy: Shell) -> None:
    with (copy.folder / "corpus.jsonl").open("a") as corpus:
        corpus.write("{broken\n")
    done = check(copy)
    assert done.code == 0, done.err
    assert f"corpus.jsonl:{DOCUMENTS + 1}: " in done.err
    assert "check.sh: retrieval is measured without what could not be read" in done.err
    assert "nDCG@10    1.0000" in done.out
