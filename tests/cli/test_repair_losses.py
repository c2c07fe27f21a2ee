"""A repair gives up no document that cannot be read again, unless somebody agrees."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.progress import Progress
from tests.cli.conftest import Filled, Shell
from tests.cli.kept_folder import KeptFolder

pytestmark = pytest.mark.slow

SMALL = BatchPolicy(min_passages=1, max_passages=2)
RECORDS = [f'{{"_id": "r{i}", "text": "record {i}"}}\n' for i in range(20)]


@pytest.fixture
def damaged(filled: Filled) -> Shell:
    """40 documents: 10 of a, whole; of b 10 files and 20 records, in a shard that is gone."""

    def index(shell: Shell) -> None:
        for i in range(10):
            shell.write(f"a/a{i}.md", f"alpha {i}\n")
            shell.write(f"b/b{i}.md", f"beta {i}\n")
        shell.write("b/faq.jsonl", "".join(RECORDS))
        shell.old()
        assert shell("index", "a").code == shell("index", "b").code == 0
        max((shell.folder / ".qembed/shards").iterdir()).unlink()

    return filled(index)


def documents(shell: Shell) -> int:
    count: int = shell("status", "--format", "json").json["documents"]
    return count


def index_files(shell: Shell) -> dict[str, bytes]:
    root = shell.folder / ".qembed"
    own = {"checked.json", "lock"}
    files = (p for p in root.rglob("*") if p.is_file() and p.name not in own)
    return {str(p.relative_to(root)): p.read_bytes() for p in files}


def without(*names: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return remove


def empty(folder: Path) -> None:
    shutil.rmtree(folder / "b")
    (folder / "b").mkdir()


def shrink(folder: Path) -> None:
    (folder / "b/faq.jsonl").write_text("".join(RECORDS[:12]))


def break_records(folder: Path) -> None:
    broken = [line if i % 4 else '{"_id": "r\n' for i, line in enumerate(RECORDS)]
    (folder / "b/faq.jsonl").write_text("".join(broken))


@pytest.mark.parametrize(
    ("change", "options", "question", "why", "lost"),
    [
        (empty, [], "30 of 40 documents are gone from b (an empty mount?)", "gone", 30),
        (
            without("b/b1.md", "b/b2.md"),
            [],
            "2 damaged documents of 40 in the index would be deleted: gone",
            "gone",
            2,
        ),
        (
            lambda _: None,
            ["b", "--exclude", "b?.md"],
            "10 damaged documents of 40 in the index would be deleted: filtered by --exclude 'b?.md'",
            "filtered by --exclude 'b?.md'",
            10,
        ),
        (
            shrink,
            [],
            "8 damaged documents of 40 in the index would be deleted: no longer in their file",
            "no longer in their file",
            8,
        ),
        (
            break_records,
            [],
            "5 damaged documents of 40 in the index would be deleted: could not be read or encoded",
            "could not be read or encoded",
            5,
        ),
    ],
)
@pytest.mark.slow
def test_documents_that_no_file_has_are_lost_with_yes_only(
    damaged: Shell,
    change: Callable[[Path], None],
    options: list[str],
    question: str,
    why: str,
    lost: int,
) -> None:
    change(damaged.folder)
    before = index_files(damaged)
    dry = damaged("index", "--repair", "--dry-run", *options)
    assert f"a run would ask: {question} (" in dry.err
    assert "--yes deletes them from the index)" in dry.err
    refused = damaged("index", "--repair", "-q", *options)
    assert refused.code == 2
    assert f"{question}; nothing was changed (" in refused.err
    assert index_files(damaged) == before
    assert documents(damaged) == 40
    done = damaged("index", "--repair", "-q", "--yes", *options)
    assert done.code == (4 if change is break_records else 0)
    assert f"{lost} documents were deleted from the index: {why}" in done.err
    assert documents(damaged) == 40 - lost
    assert damaged("verify", "--no-model").code == 0


def test_the_summary_counts_what_was_not_read_again(damaged: Shell) -> None:
    break_records(damaged.folder)
    plan = damaged("index", "--repair", "--dry-run", "--format", "json").json
    assert "5 damaged documents" in plan["question"]
    done = damaged("index", "--repair", "--yes", "--format", "json").json
    assert done["deleted_why"] == {"could not be read or encoded": 5}
    counts = {k: done["documents"][k] for k in ("added", "unchanged", "deleted", "failed")}
    assert counts == {"added": 25, "unchanged": 10, "deleted": 5, "failed": 5}


def test_a_gone_source_of_damaged_documents(damaged: Shell) -> None:
    (damaged.folder / "b").rename(damaged.folder / "c")
    before = index_files(damaged)
    for options in ([], ["-q"], ["--yes"], ["--dry-run"], ["a"]):
        done = damaged("index", "--repair", *options)
        assert (done.code, "b: the source is gone" in done.err) == (2, True)
        assert index_files(damaged) == before
    assert damaged("index", "--repair", "-q", "--allow-missing").err.endswith(
        "30 documents were deleted from the index: gone\n"
    )
    assert documents(damaged) == 10


def test_whole_documents_of_a_gone_source_and_derived_files_stay(damaged: Shell) -> None:
    (damaged.folder / "a").rename(damaged.folder / "c")
    before = index_files(damaged)
    assert damaged("index", "--repair").code == 2
    assert index_files(damaged) == before


def test_all_sources_with_damaged_documents_are_read(damaged: Shell) -> None:
    done = damaged("index", "a", "--repair", "--format", "json")
    assert done.json["documents"]["added"] == 30
    assert documents(damaged) == 40
    assert damaged("verify", "--no-model").code == 0


def test_a_damaged_document_that_has_moved_is_not_lost(damaged: Shell) -> None:
    (damaged.folder / "b/b1.md").rename(damaged.folder / "b/z.md")
    done = damaged("index", "--repair", "--format", "json")
    assert (done.code, done.json["documents"]["moved"]) == (0, 1)
    assert (documents(damaged), damaged("verify", "--no-model").code) == (40, 0)
    assert "z.md" in damaged("query", "beta 1", "-k", "20", "--mode", "dense").out


@pytest.mark.slow
def test_a_repair_that_is_stopped_loses_nothing(damaged: Shell) -> None:
    generations = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(damaged.folder)
        for polls in (3, 20, 30, 40):
            stop = iter([False] * polls + [True] * 1000)
            options = IndexOptions(repair=True, commits=CommitPolicy(rows=1), batches=SMALL)
            done = build(
                damaged.folder / ".qembed", options, Progress(stop=lambda it=stop: next(it))
            )
            assert done.interrupted
            assert documents(damaged) == 40
            generations.add(done.generation)
    assert len(generations) > 2, "what was read until then is kept"
    assert damaged("index").code == 2, "it is damaged still"
    assert damaged("index", "--repair").code == 0
    assert (documents(damaged), damaged("verify", "--no-model").code) == (40, 0)


def test_settings_of_vectors_wait_for_the_repair(damaged: Shell) -> None:
    before = index_files(damaged)
    for options in (["--dim", "16"], ["--rebuild"]):
        done = damaged("index", "--repair", *options)
        assert (done.code, index_files(damaged) == before) == (2, True), done.err


# ── the documents file ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def headless(filled: Filled) -> Shell:
    """20 documents of two sources, whose documents file is gone."""

    def index(shell: Shell) -> None:
        for i in range(10):
            shell.write(f"a/a{i}.md", f"alpha {i}\n")
            shell.write(f"b/b{i}.md", f"beta {i}\n")
        shell.old()
        assert shell("index", "a", "b").code == 0
        kept = max((shell.folder / ".qembed").glob("documents-*"))
        kept.unlink()

    return filled(index)


def present_documents(shell: Shell) -> Path:
    manifest = json.loads((shell.folder / ".qembed/manifest.json").read_bytes())
    return shell.folder / ".qembed" / manifest["documents"]["name"]


def test_documents_of_a_lost_documents_file_are_missed(headless: Shell) -> None:
    kept = KeptFolder.of(headless.folder)
    before = index_files(headless)
    empty(headless.folder)
    question = "10 damaged documents of 20 in the index would be deleted: not found again"
    dry = headless("index", "--repair", "--dry-run")
    assert f"a run would ask: {question}" in dry.err
    assert headless("index", "--repair", "a").code == 2
    done = headless("index", "--repair", "-q")
    assert (done.code, question in done.err) == (2, True)
    assert index_files(headless) == before
    done = headless("index", "--repair", "-q", "--yes")
    assert "10 documents were deleted from the index: not found again" in done.err
    assert documents(headless) == 10
    shutil.rmtree(headless.folder)
    headless.folder.mkdir()
    kept.write(headless.folder)
    shutil.rmtree(headless.folder / "b")
    done = headless("index", "--repair", "--yes")
    assert (done.code, "b: the source is gone" in done.err) == (2, True)
    assert index_files(headless) == before


def test_all_documents_of_a_lost_documents_file_are_missed(headless: Shell) -> None:
    for name in "ab":
        shutil.rmtree(headless.folder / name)
        (headless.folder / name).mkdir()
    before = index_files(headless)
    done = headless("index", "--repair", "-q")
    assert done.code == 2
    assert "20 of 20 documents would be deleted: not found again; nothing was changed" in done.err
    assert index_files(headless) == before


def test_a_stopped_repair_of_the_documents_file_changes_nothing(headless: Shell) -> None:
    before = index_files(headless)
    stop = iter([False] * 20 + [True] * 1000)
    options = IndexOptions(repair=True, commits=CommitPolicy(rows=1), batches=SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(headless.folder)
        assert build(headless.folder / ".qembed", options, Progress(stop=lambda: next(stop)))
    assert index_files(headless) == before
    assert headless("index", "--repair").code == 0
    assert documents(headless) == 20


def test_what_no_repair_mends_is_said_alike(headless: Shell) -> None:
    max((headless.folder / ".qembed/shards").iterdir()).unlink()
    refused = headless("index", "--repair")
    help_ = (
        f"restore a backup, or remove {headless.folder / '.qembed'} and run qembed index PATH again"
    )
    assert (refused.code, help_ in refused.err) == (2, True), refused.err
    found = headless("verify", "--no-model", "--format", "json").json["findings"]
    assert [(f["kind"], f["mend"]) for f in found] == [("documents", help_), ("shard", help_)]
    assert "mending" not in str(found)
    assert {d["mend"] for d in headless("status", "--format", "json").json["damaged_files"]} == {
        help_
    }
