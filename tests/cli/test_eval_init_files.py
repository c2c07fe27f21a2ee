"""Files that `qembed eval init` writes are no documents, and another machine makes the same index by them."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qembed.pipeline.experiments.needed_extras import needed_extras
from qembed.store import manifest as manifests
from tests.cli.conftest import Filled, Shell

pytestmark = pytest.mark.slow


def test_its_files_are_no_documents(shell: Shell) -> None:
    shell.write("a.md", "a note")
    shell.write("b.md", "another one")
    assert shell("index", ".").code == 0
    assert shell("eval", "init").code == 0
    shell.write("retrieval/baseline.json", '{"queries": 2}')
    done = shell("index", "--format", "json")
    assert done.json["documents"]["added"] == 0
    assert done.json["documents"]["unchanged"] == 2
    script = (shell.folder / "retrieval/check.sh").read_text()
    made = {"/queries.jsonl", "/qrels.tsv", "/baseline.json", "/check.sh", "/out/"}
    assert made <= set((shell.folder / "retrieval/.qembedignore").read_text().splitlines())
    assert {f"retrieval{name}".rstrip("/") for name in made - {"/check.sh"}} <= set(
        re.findall(r"retrieval/[\w.]+", script)
    )


def test_documents_beside_its_files_stay(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    assert shell("index", "docs").code == 0
    shell.write("docs/.qembedignore", "drafts/")
    assert shell("eval", "init", "docs").code == 0
    rules = (shell.folder / "docs/.qembedignore").read_text()
    assert rules.startswith("drafts/\n#")
    assert shell("eval", "init", "docs", "--force").code == 0
    assert (shell.folder / "docs/.qembedignore").read_text() == rules
    done = shell("index", "--format", "json")
    assert {k: v for k, v in done.json["documents"].items() if v} == {"unchanged": 1}


RECIPES = [
    [],
    ["--max-tokens", "100", "--overlap", "10", "--headings"],
    ["--chunker", "none", "--task", "code"],
    ["--overlap", "0"],
    ["--max-tokens", "64"],
]


@pytest.mark.parametrize("options", RECIPES, ids=" ".join)
def test_another_machine_makes_the_same_index(shell: Shell, options: list[str]) -> None:
    shell.write("docs/a.md", "# One\n\na note\n")
    assert shell("index", "docs", *options).code == 0
    assert shell("eval", "init").code == 0
    script = (shell.folder / "retrieval/check.sh").read_text()
    (line,) = [x for x in script.splitlines() if x.startswith("qembed index ")]
    words = shlex.split(line.partition(" || ")[0])[1:]
    assert words[7:] == [*options, "docs"]
    before = shell("status", "--format", "json").json
    shutil.rmtree(shell.folder / ".qembed")
    assert shell(*words).code == 0
    after = shell("status", "--format", "json").json
    assert after["recipe"] == before["recipe"]
    assert after["task"] == before["task"]


def test_sources_that_another_machine_lacks_are_warned_of(shell: Shell, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.md").write_text("a note")
    shell.write("b.md", "another")
    assert shell("index", str(elsewhere)).code == 0
    assert shell("index", ".", "--no-ignore").code == 0
    done = shell("eval", "init", "a check")
    assert done.code == 0
    assert f"{elsewhere} lies outside of this index's folder" in done.err
    command = "qembed index . --no-ignore --exclude '/a check/' leaves them out"
    assert f"--no-ignore: these files become documents ({command})" in done.err
    assert shell(*shlex.split(command.partition(" leaves")[0])[1:]).code == 0
    assert shell("status", "--format", "json").json["documents"] == 2


def test_the_workflow_installs_the_extras_that_the_index_needs(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/b.py", "def note():\n    return 1\n")
    assert shell("index", "docs").code == 0
    assert shell("eval", "init", "check").code == 0
    text = (shell.folder / ".github/workflows/retrieval.yml").read_text()
    assert re.search(r"pip install .*\[code\]", text), text
    # the project's reranker is not the index's, and measured all the same
    shell.write(".qembed.toml", 'rerank = "minilm-l12"\n')
    assert shell("eval", "init", "check", "--force").code == 0
    text = (shell.folder / ".github/workflows/retrieval.yml").read_text()
    assert re.search(r"pip install .*\[code,models\]", text), text


def test_extras_by_files_models_and_settings(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def index(shell: Shell) -> None:
        shell.write("docs/a.md", "a note")
        assert shell("index", "docs").code == 0

    shell = filled(index)
    monkeypatch.chdir(shell.folder)
    plain = manifests.read(shell.folder / ".qembed")
    for names, wanted in (
        (["a.md", "b.epub", "c.csv"], set()),
        (["a.pdf"], {"office"}),
        (["b.docx", "src/x.py.gz"], {"office", "code"}),
        (["x.gbk", "y.cif"], {"sequences"}),
        (["mail/inbox.mbox"], {"office"}),  # of what is attached
    ):
        assert needed_extras(plain, names) == wanted, names
    pictures = replace(plain, recipe=replace(plain.recipe, images=True))
    assert needed_extras(pictures, ["a.png"]) == {"images"}
    read = replace(pictures, settings={"pictures": ["pages", "ocr"]})
    assert needed_extras(read, ["a.png"]) == {"images", "ocr"}
    assert needed_extras(replace(plain, spec="multilingual"), []) == {"models"}
    assert needed_extras(
        replace(plain, settings={"tuned": {"options": {"rerank": "minilm-l12"}}}), []
    ) == {"models"}
    for rerank, wanted in (("minilm-l12", {"models"}), ("late", set()), ("none", set())):
        shell.write(".qembed.toml", f'rerank = "{rerank}"\n')
        assert needed_extras(plain, []) == wanted
