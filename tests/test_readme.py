"""The command blocks of README.md and docs/, run; their links followed.

`console` blocks are transcripts of the real model: each `$` line is run and its output compared, seconds
and cosines within the differences between machines. `sh` and `python` blocks are recipes: they run in a
folder with documents, an index of them, queries and judgments, with a fast encoder, and must succeed. A
`python` block that begins with `# name.py` is saved under that name for the other blocks of its page. A
block under `<!-- not run: reason -->` is left out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from qembed.pipeline.project.project_file import find_project
from tests.documentation import EXPORTS, PAGES, ROOT, Block, anchors, blocks, blocks_of, links

NUMBER = re.compile(r"-?\d+\.\d+")
VARYING = re.compile(r"generation \d+ · \d+\.\d+ s\b|^latency .*", re.M)
"""Times; and a slow machine commits in between, which counts as a generation."""
PATIENCE = re.compile(
    r"^qembed: [\w ]+: (\d+s so far|(\d+m \d+s so far)|[\d,]+ of |[\d,]+ \w+, ).*\n", re.M
)
"""What a slow machine says in between."""
MODEL = "py:qembed.testing:encoder"
REFUNDS = ("退钱", "气死了，这破平台还不给退钱！")
LANGUAGES = {"console", "sh", "python", "text", "toml", "mermaid"}


def environment(cache: Path, **more: str) -> dict[str, str]:
    tools = Path(sys.executable).parent
    return {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "QEMBED_CACHE": str(cache),
        "QEMBED_CONFIG": str(cache / "config"),
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


def samples(folder: Path) -> Path:
    """The sample corpora in `folder`, without indexes."""
    shutil.copytree(
        ROOT / "sample_corpora",
        folder / "sample_corpora",
        ignore=shutil.ignore_patterns(".qembed"),
    )
    return folder


def same(got: str, wanted: str) -> None:
    """Line by line, with numbers compared as numbers."""
    got = PATIENCE.sub("", got)
    got, wanted = VARYING.sub("#", got), VARYING.sub("#", wanted)
    assert NUMBER.sub("#", got) == NUMBER.sub("#", wanted)
    for a, b in zip(NUMBER.findall(got), NUMBER.findall(wanted), strict=True):
        assert float(a) == pytest.approx(float(b), abs=0.002)


@pytest.mark.parametrize("block", blocks_of("console"), ids=str)
@pytest.mark.slow
def test_transcripts(block: Block, tmp_path: Path) -> None:
    folder = samples(tmp_path)
    env = environment(EXPORTS)
    made = run("qembed models prepare multilingual", folder, env)
    assert made.returncode == 0, made.stdout
    steps = re.split(r"^\$ ", block.text, flags=re.M)[1:]
    assert steps
    for step in steps:
        command, _, wanted = step.partition("\n")
        if command.startswith("cd "):
            folder = folder / command[3:]
            continue
        done = run(command, folder, env)
        assert done.returncode == 0, done.stdout
        same(done.stdout, wanted)
    if block.page == "README.md":  # its index takes longer to make than all of these queries
        for query in REFUNDS:
            for mode in ("auto", "dense"):
                check_refunds(query, mode, folder, env)


def check_refunds(query: str, mode: str, folder: Path, env: dict[str, str]) -> None:
    """A customer who wants money back finds the pages on refunds, in the customer's language first."""
    given = f"--mode {mode} -k 100 --explain --format json 2> said"
    done = run(f"qembed query '{query}' {given}", folder, env)
    assert done.returncode == 0, done.stdout
    assert f"encoded 'query: {query}'\n" in (folder / "said").read_text()
    hits = json.loads(done.stdout)["queries"][0]["hits"]
    found = [hit["document"] for hit in hits]
    # by meaning alone a dispute with a shop that does not refund may go before
    assert set(found[: 1 if mode == "auto" else 4]) & {
        "zh/refund-timeline.md",
        "zh/refund-refused.md",
    }
    assert "退" in hits[0]["text"]
    for name in found:
        if name.startswith("en/") and name.replace("en/", "zh/") in found:
            assert found.index(name.replace("en/", "zh/")) < found.index(name)


def test_the_demo_is_the_transcript() -> None:
    shown = {
        line[2:]
        for block in blocks("README.md")
        for line in block.text.splitlines()
        if line.startswith("$ qembed")
    }
    made = re.findall(r"helpdesk && \S+/(qembed .+)", (ROOT / "Makefile").read_text())
    assert made
    assert set(made) <= shown


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with notes and an index of them, queries and judgments."""
    folder = samples(tmp_path_factory.mktemp("recipes"))
    golden = folder / "sample_corpora/helpdesk"
    shutil.copytree(golden / "docs/en", folder / "docs")
    queries = (golden / "queries.jsonl").read_text().splitlines(keepends=True)
    (folder / "queries.jsonl").write_text("".join(x for x in queries if '"en-' in x))
    header, *grades = (golden / "qrels.tsv").read_text().splitlines(keepends=True)
    english = [g.replace("\ten/", "\t") for g in grades if g.startswith("en-") and "\ten/" in g]
    (folder / "qrels.tsv").write_text(header + "".join(english))
    made = run("qembed index docs -q", folder, environment(folder / "cache", QEMBED_MODEL=MODEL))
    assert made.returncode == 0, made.stdout
    return folder


@pytest.mark.parametrize("block", blocks_of("sh", "python"), ids=str)
@pytest.mark.slow
def test_recipes(block: Block, prepared: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    shutil.copytree(prepared, place)
    for other in blocks(block.page):
        if other.language == "python" and other.name:
            (place / other.name).write_text(other.text)
    script = block.text
    if block.language == "python":
        name = block.name or "recipe.py"
        (place / name).write_text(block.text)
        script = f"{sys.executable} {name}"
    done = run(script, place, environment(place / "cache", QEMBED_MODEL=MODEL))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_blocks_are_of_a_known_language(page: str) -> None:
    assert {b.language for b in blocks(page)} <= LANGUAGES


def test_project_files_hold(tmp_path: Path) -> None:
    shown = [b.text for page in PAGES for b in blocks(page) if b.language == "toml"]
    assert shown
    for text in shown:
        (tmp_path / ".qembed.toml").write_text(text, "utf-8")
        found = find_project(tmp_path)
        assert found is not None
        assert found.settings


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    wrong = []
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = ((ROOT / page).parent / parts.path).resolve() if parts.path else ROOT / page
        name = target.relative_to(ROOT).as_posix()
        if not target.exists() or (parts.fragment and parts.fragment not in anchors(name)):
            wrong.append(link)
    assert not wrong


def test_every_page_is_reached_from_the_readme() -> None:
    reached, due = set(), ["README.md"]
    while due:
        page = due.pop()
        reached.add(page)
        for link in links(page):
            path = ((ROOT / page).parent / urlsplit(link).path).resolve()
            if path.is_relative_to(ROOT) and path.is_file():
                name = path.relative_to(ROOT).as_posix()
                if name in PAGES and name not in reached:
                    due.append(name)
    assert reached == set(PAGES)
