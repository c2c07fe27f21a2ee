"""Outcomes of documents that a dry run foretells: a run over the same files is the oracle."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qembed.cli.render.index_summary import summary_line
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.encoding import measurement
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.recipe import RecipeOptions
from tests.pipeline.conftest import age

BAG = RecipeOptions(model="py:tests.encoders:bag", max_tokens=16, overlap=0)


def plan_and_run(
    root: Path, *paths: Path, **options: Any
) -> tuple[IndexSummary, IndexSummary, list[str]]:
    """A dry run, the run after it, and the questions of the run."""
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return True

    given: Any = {"paths": [str(p) for p in paths], "recipe": BAG, "confirm": confirm, **options}
    dry = build(root, IndexOptions(dry_run=True, **given))
    assert asked == []
    return dry, build(root, IndexOptions(**given)), asked


def records(path: Path, change: Callable[[list[Any]], list[Any]]) -> None:
    """Change the records of a file of lines."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in change(lines)))


def mutate(folder: Path, rng: random.Random, number: int) -> None:
    """Rename, copy, edit, empty or delete a file, add one, or move records to another file."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    path = rng.choice(files)
    other = rng.choice(files)
    tables = [p for p in files if p.suffix == ".jsonl" and p.read_bytes()[:1] == b"{"]
    match rng.randrange(14):
        case 0 | 1 | 2:
            path.rename(path.parent / f"new{number}{path.suffix}")
        case 3:
            target = folder / "b" / f"away{number}"
            path.rename(target.with_suffix(rng.choice([path.suffix, ".txt", ".md"])))
        case 4:
            shutil.copy(path, path.with_name(f"copy{number}{path.suffix}"))
        case 5:
            if path.suffix != ".jsonl":
                path.write_text(f"another text {number}")
        case 6:
            path.unlink()
        case 7:
            (folder / "a" / f"more{number}.txt").write_text(
                rng.choice(["page 1", f"fresh {number}"])
            )
        case 8 if len(tables) > 1:
            one, two = rng.sample(tables, 2)
            taken: list[Any] = []
            records(one, lambda lines: (taken.extend(lines[: number % 7]), lines[number % 7 :])[1])
            records(two, lambda lines: [*lines, *taken])
        case 9 if tables:
            gone = rng.randrange(9)
            records(rng.choice(tables), lambda lines: lines[:gone] + lines[gone + 1 :])
        case 10:
            path.write_bytes(rng.choice([b"", b"ab\0\0\1cd"]))
        case 11 if path.suffix == other.suffix:
            path.write_bytes(other.read_bytes())
        case 12 if tables:
            records(rng.choice(tables), lambda lines: lines[: len(lines) // 3])
        case 13 if len(tables) > 1:
            one, two = rng.sample(tables, 2)
            two.write_text(two.read_text() + one.read_text())
            one.unlink()


def fill(folder: Path) -> None:
    for place in ("a", "b"):
        (folder / place).mkdir(parents=True)
        for n in range(8):
            (folder / place / f"{place}{n}.{'md' if n % 3 else 'txt'}").write_text(f"page {n}")
    for n, place in enumerate("aab"):
        lines = [{"text": f"record {k} of {n}"} for k in range(9)]
        if n:
            lines = [{"_id": f"{n}-{k}", **line} for k, line in enumerate(lines)]
        (folder / place / f"r{n}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    age(folder)


def later(docs: Path, seed: int, turn: int) -> list[Path]:
    """Sources that a turn names: none, two for one, or one within another."""
    if turn != 1 or seed % 3 == 0:
        return []
    return [docs / "a", docs / "b"] if seed % 3 == 1 else [docs / "b"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_dry_run_foretells_what_a_run_does(tmp_path: Path, seed: int) -> None:
    rng, docs, root = random.Random(seed), tmp_path / "docs", tmp_path / "idx"
    fill(docs)
    build(root, IndexOptions(paths=[str(docs)], recipe=BAG))
    for turn in range(3):
        for number in range(rng.choice([1, 3, 9, 20])):
            mutate(docs, rng, 100 * turn + number)
        age(docs)
        dry, done, asked = plan_and_run(root, *later(docs, seed, turn))
        assert dry.documents == done.documents, turn
        assert dry.deleted_why == done.deleted_why
        assert [q.text for q in dry.questions] == asked
        assert (dry.skipped, dry.failed) == (done.skipped, done.failed)


def told(root: Path, **options: Any) -> tuple[list[str], IndexSummary]:
    """Lines of a dry run, with paths inside its source, and its summary."""
    lines: list[str] = []

    def planned(verb: str, path: str, detail: object, *origin: str) -> None:
        lines.append(" ".join([verb, *(p.partition("/docs/")[2] for p in (*origin, path))]))

    return lines, build(root, IndexOptions(dry_run=True, planned=planned, **options))


def test_a_file_has_moved_if_all_of_its_documents_come_from_one(tmp_path: Path) -> None:
    docs, root = tmp_path / "docs", tmp_path / "idx"
    fill(docs)
    build(root, IndexOptions(paths=[str(docs)], recipe=BAG))
    (docs / "a").rename(docs / "c")
    whole, mixed = docs / "c/r0.jsonl", docs / "c/r1.jsonl"
    mixed.write_text(mixed.read_text() + '{"text": "one more"}\n')
    (docs / "c/a0.txt").write_text("another")
    lines, dry = told(root)
    moved = [f"{p.stem}{p.suffix}" for p in sorted((docs / "c").iterdir()) if "a0" not in p.name]
    moved.remove(mixed.name)
    assert whole.name in moved
    assert sorted(lines) == sorted(
        [f"move a/{name} c/{name}" for name in moved]
        + ["add c/a0.txt", f"add c/{mixed.name}", "delete a/a0.txt", f"delete a/{mixed.name}"]
    )
    assert dry.would["move"] == [str(docs / "c" / name) for name in moved]
    assert dry.would["delete"] == [str(docs / "a" / name) for name in ("a0.txt", mixed.name)]
    done = build(root, IndexOptions())
    assert dry.documents == done.documents
    assert done.documents["moved"] == 7 + 9 + 9


@pytest.mark.slow
def test_what_was_not_read_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs, root = tmp_path / "docs", tmp_path / "idx"
    for place in ("a", "b"):
        (docs / place).mkdir(parents=True)
        for n in range(150):
            (docs / place / f"{n:03}.txt").write_text(f"page {n:03} of {place}")
    age(docs)
    build(root, IndexOptions(paths=[str(docs)], recipe=BAG))
    (docs / "a").rename(docs / "c")
    for n in range(100):
        (docs / f"b/{n:03}.txt").write_text(f"page {n:03} of the others")
    ticks = iter(range(10**9))
    monkeypatch.setattr(measurement.time, "perf_counter", lambda: next(ticks) / 50)
    _, dry = told(root)
    assert dry.estimate is not None
    assert dry.estimate.measured < 150
    assert dry.estimate.about == ("added", "changed", "moved", "unchanged", "deleted")
    wanted = {"added": 0, "changed": 100, "moved": 150, "unchanged": 50, "deleted": 0, "failed": 0}
    assert dry.documents == wanted
    assert "about 100 changed, about 150 moved, about 50 unchanged" in summary_line(dry)
