"""The plan of a run: what is decided before anything is written, and that a dry run decides the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import NoIndex, RecipeMismatch, UsageError
from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.index_plan import plan_index, plan_recipe
from qembed.pipeline.indexing.options import (
    BatchPolicy,
    CommitPolicy,
    GraphPolicy,
    IndexOptions,
)
from qembed.pipeline.locate import model_spec, unused_model
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.store import Snapshot
from tests.documentation import EXPORTS
from tests.models import tiny
from tests.pipeline.conftest import BAG, index


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for i in range(30):
        path = folder / f"{i}.md"
        path.write_text(f"# Number {i}\n\nrefund parcel {i} account\n")
        os.utime(path, (1.5e9, 1.5e9))
    return folder


def files(root: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}


def test_a_new_index(docs: Path, tmp_path: Path) -> None:
    options = IndexOptions(paths=[str(docs)], recipe=RecipeOptions(model=BAG))
    with closing(plan_index(tmp_path / "idx", options)) as plan:
        assert plan.present is None
        assert plan.snapshot is None
        assert plan.has_work
        assert (plan.target.spec, plan.target.rebuild, plan.target.truncate) == (BAG, False, False)
        assert len(plan.changes.read) == 30
    assert not (tmp_path / "idx").exists()


def test_neither_index_nor_paths(tmp_path: Path) -> None:
    with pytest.raises(NoIndex):
        plan_index(tmp_path / "idx", IndexOptions())
    assert not (tmp_path / "idx").exists()


def test_a_refresh_with_and_without_work(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / "idx"
    index(root, docs)
    before = files(root)
    with closing(plan_index(root, IndexOptions())) as plan:
        assert not plan.has_work
        assert plan.documents_in(plan.changes.unchanged) == 30
    (docs / "3.md").unlink()
    (docs / "new.md").write_text("new")
    with closing(plan_index(root, IndexOptions(task="find what helps"))) as plan:
        assert plan.has_work
        assert [f.name for f in plan.changes.read] == ["new.md"]
        assert [name for _, name in plan.changes.gone] == ["3.md"]
        assert plan.documents_in(plan.changes.gone) == 1
        assert plan.settings["task"] == "find what helps"
    assert files(root) == before


def test_another_recipe_is_refused_before_anything_is_written(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / "idx"
    index(root, docs)
    before = files(root)
    with pytest.raises(RecipeMismatch, match="--max-tokens"):
        plan_index(root, IndexOptions(recipe=RecipeOptions(max_tokens=99)))
    with pytest.raises(UsageError, match="no such file"):
        plan_index(root, IndexOptions(paths=[str(tmp_path / "none")]))
    assert files(root) == before


def interrupt_rebuild(root: Path) -> dict[str, Any]:
    """Stops a rebuild after some commits; returns the options that go on with it."""
    soon: dict[str, Any] = {
        "batches": BatchPolicy(min_passages=5, max_passages=5, texts_per_call=5),
        "commits": CommitPolicy(rows=5),
        "recipe": RecipeOptions(max_tokens=60),
    }
    encoded = list[int]()
    phases = list[str]()
    stop = Progress(
        phase=lambda name, *_: phases.append(name),
        advance=lambda n: encoded.append(n) if phases[-1] == "encode" else None,
        stop=lambda: sum(encoded) >= 12,
    )
    assert build(root, IndexOptions(rebuild=True, **soon), stop).interrupted
    return soon


@pytest.mark.slow
def test_a_file_that_only_an_interrupted_rebuild_had_may_go(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / "idx"
    index(root, docs)
    new = docs / "0.txt"  # the first in the order of names: it is in the half that was done
    new.write_text("a text that the present index does not have")
    soon = interrupt_rebuild(root)
    new.unlink()
    dry = build(root, IndexOptions(rebuild=True, dry_run=True, **soon))
    assert dry.deleted_why == {"gone": 1}
    done = build(root, IndexOptions(rebuild=True, **soon))
    assert (done.documents["deleted"], done.deleted_why) == (1, {"gone": 1})
    assert list(verify(root)) == []


@pytest.mark.slow
def test_an_interrupted_rebuild_is_planned_from_where_it_stopped(
    docs: Path, tmp_path: Path
) -> None:
    root = tmp_path / "idx"
    index(root, docs)
    soon = interrupt_rebuild(root)
    dry = build(root, IndexOptions(rebuild=True, dry_run=True, **soon))
    assert 0 < dry.documents["unchanged"] < 30
    assert dry.recipe.max_tokens == 60
    done = build(root, IndexOptions(rebuild=True, **soon))
    assert done.documents["unchanged"] == dry.documents["unchanged"]
    assert done.documents["added"] == dry.documents["added"]
    other = RecipeOptions(max_tokens=61)
    anew = build(root, IndexOptions(rebuild=True, dry_run=True, recipe=other))
    assert anew.documents["added"] == 30


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder / "cache"))
        patch.setenv("QEMBED_RUNTIME", "torch")
        yield str(tiny.qwen(folder / "Qwen3-Embedding-0.6B", "left"))


@pytest.mark.slow
def test_fewer_dimensions_are_planned_and_made(model: str, docs: Path, tmp_path: Path) -> None:
    root = tmp_path / "idx"
    build(root, IndexOptions(paths=[str(docs)], recipe=RecipeOptions(model=model, max_tokens=64)))
    before = files(root)
    fewer = RecipeOptions(dim=32)
    dry = build(root, IndexOptions(recipe=fewer, dry_run=True))
    assert dry.recipe.dim == 32
    assert dry.documents["unchanged"] == 30
    assert files(root) == before
    done = build(root, IndexOptions(recipe=fewer))
    assert done.recipe == dry.recipe
    assert done.documents == dry.documents


@pytest.mark.slow
def test_a_source_that_is_gone_leaves_the_dimensions(
    model: str, docs: Path, tmp_path: Path
) -> None:
    root = tmp_path / "idx"
    build(root, IndexOptions(paths=[str(docs)], recipe=RecipeOptions(model=model, max_tokens=64)))
    docs.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="nothing was changed"):
        build(root, IndexOptions(recipe=RecipeOptions(dim=32)))
    with Snapshot.open(root) as snapshot:
        assert snapshot.manifest.recipe.dim == 48


def test_the_first_manifest_has_probes_whatever_was_encoded(tmp_path: Path) -> None:
    """An empty text has no passage, so that nothing is encoded."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/empty.jsonl").write_text('{"_id": "a", "text": ""}')
    root = tmp_path / "idx"
    assert index(root, tmp_path / "docs").passages["encoded"] == 0
    with Snapshot.open(root) as snapshot:
        assert "vectors" in snapshot.manifest.probes


def test_a_refresh_that_encodes_nothing_loads_no_model(docs: Path, tmp_path: Path) -> None:
    root = tmp_path / "idx"
    index(root, docs)
    (docs / "3.md").rename(docs / "moved.md")
    (docs / "4.md").unlink()
    done = index(root)
    assert (done.documents["moved"], done.documents["deleted"]) == (1, 1)
    assert "load" not in done.seconds


def test_a_built_in_model_has_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    named = plan_recipe(None, IndexOptions(recipe=RecipeOptions(model="all-MiniLM")))
    assert named.spec == "minilm"
    monkeypatch.setenv("QEMBED_MODEL", "all-minilm")
    assert plan_recipe(None, IndexOptions()).spec == "minilm"


@pytest.mark.slow
def test_a_hub_id_names_the_model_of_an_index(
    tmp_path: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_CACHE", str(EXPORTS))
    root, hub = tmp_path / "idx", "sentence-transformers/all-MiniLM-L6-v2"
    for other in docs.glob("?*[1-9].md"):
        other.unlink()
    made, again = (
        build(root, IndexOptions(paths=[str(docs)], recipe=RecipeOptions(model=name)), Progress())
        for name in ("minilm", hub)
    )
    assert again.documents["unchanged"] == made.documents["added"] > 0
    with Session(root, hub) as session:
        assert session.loaded.model.spec == model_spec(hub, "minilm") == "minilm"
    assert model_spec(hub) == model_spec(hub, "bge-small") == hub
    monkeypatch.setenv("QEMBED_MODEL", hub)
    assert unused_model("minilm") is None
    assert unused_model("bge-small") == hub


class TestPolicies:
    def test_commits(self) -> None:
        policy = CommitPolicy(rows=10, seconds=5, cost_factor=20)
        assert not policy.is_due(0, 100, 0)
        assert policy.is_due(10, 0, 0)
        assert not policy.is_due(9, 4, 0)
        assert policy.is_due(9, 6, 0)
        assert not policy.is_due(9, 6, 1), "a commit that takes a second is paid for first"
        assert policy.is_due(9, 21, 1)

    def test_the_graph(self) -> None:
        policy = GraphPolicy(small_rows=1000, lag=0.05)
        assert not policy.is_due(0, 0)
        assert policy.is_due(1, 0)
        assert policy.is_due(1001, 1000)
        assert not policy.is_due(2100, 2000)
        assert policy.is_due(2101, 2000)
        assert not policy.is_due(2000, 2000)

    def test_first_commits_come_sooner(self) -> None:
        policy = CommitPolicy(rows=50, first_rows=20)
        due = [
            rows
            for committed in (0, 10, 20, 35, 50, 400)
            for rows in [next(n for n in range(99) if policy.is_due(n, 0, 0, 0, committed))]
        ]
        assert due == [20, 20, 20, 35, 50, 50]
