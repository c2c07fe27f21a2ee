"""Duplicates against comparisons of everything with everything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.documents import clusters, passage_groups
from qembed.pipeline.retrieval.documents.duplicates import (
    Duplicates,
    DuplicatesRequest,
    duplicates,
)
from qembed.pipeline.retrieval.session import Session

LICENCE = "Permission is granted to anyone to use this for any purpose at all, without warranty."
WORDS = [f"w{i}" for i in range(400)]


def paragraphs(n: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=24)) + "." for _ in range(n)]


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("twice")
    docs = folder / "docs"
    docs.mkdir()

    def write(name: str, parts: list[str]) -> None:
        (docs / name).write_text("\n\n".join(parts) + "\n")

    texts = {i: paragraphs(8, i) for i in range(4)}
    write("a.txt", texts[0])
    write("a-copy.txt", texts[0])
    edited = [p.replace(p.split()[3], "edited", 1) for p in texts[0]]
    write("a-edited.txt", edited)
    write("a-half.txt", [*texts[0][:4], *paragraphs(4, 90)])
    write("b.txt", texts[1])
    write("b-longer.txt", [*texts[1], paragraphs(1, 91)[0]])
    for i in range(6):
        write(f"licensed{i}.txt", [LICENCE, *paragraphs(3, 100 + i)])
    recipe = RecipeOptions(model="py:qembed.testing:encoder", max_tokens=32, overlap=0)
    build(folder / ".qembed", IndexOptions(paths=(str(docs),), recipe=recipe))
    with Session(folder / ".qembed") as session:
        yield session


def find(session: Session, **asked: Any) -> Duplicates:
    return duplicates(session, DuplicatesRequest(**asked), Progress())


def names(found: Duplicates) -> list[list[str]]:
    return [[m.document for m in c] for c in found.clusters]


def test_documents_with_most_passages_alike(twice: Session) -> None:
    found = find(twice, above=0.9)
    assert {frozenset(c) for c in names(found)} == {
        frozenset({"a.txt", "a-copy.txt", "a-edited.txt"}),
        frozenset({"b.txt", "b-longer.txt"}),
    }
    assert len(found.clusters[0]) == 3
    assert (found.total, found.surplus) == (12, 3)
    by_name = {m.document: m for m in found.clusters[0]}
    first = found.clusters[0][0]
    assert (first.score, first.is_copy) == (1.0, False)
    assert {d for d, m in by_name.items() if m.is_copy} <= {"a.txt", "a-copy.txt"}
    assert 0.9 < by_name["a-edited.txt"].score < 1
    assert {m.passages for m in found.clusters[0]} == {first.passages}


def test_the_share_of_passages_decides(twice: Session) -> None:
    half = find(twice, above=0.9, share=0.45)
    assert any("a-half.txt" in c for c in names(half))
    every = find(twice, above=0.9, share=1.0)
    assert not any("b-longer.txt" in c for c in names(every))
    copies = find(twice, above=1.0, share=1.0)
    assert {frozenset(c) for c in names(copies)} == {frozenset({"a.txt", "a-copy.txt"})}
    assert copies.plan == "copies alone"
    assert all(m.is_copy for m in copies.clusters[0][1:])


@pytest.mark.parametrize("above", [0.6, 0.9, 1.0])
def test_passages_are_joined_by_pairs(twice: Session, above: float) -> None:
    snapshot = twice.snapshot
    rows = np.arange(snapshot.manifest.base, snapshot.manifest.next_row)
    vectors = snapshot.vectors(rows)
    passages = snapshot.passages(rows)
    cluster = {i: {i} for i in range(len(rows))}
    for i, j in combinations(range(len(rows)), 2):
        same = passages[i].text == passages[j].text
        near = above < 1 and float(vectors[i] @ vectors[j]) >= above
        if (same or near) and cluster[i] is not cluster[j]:
            cluster[i] |= cluster[j]
            for k in cluster[j]:
                cluster[k] = cluster[i]
    key = [(p.document, p.seq) for p in passages]
    wanted = {frozenset(key[i] for i in c) for c in cluster.values() if len(c) > 1}
    found = find(twice, above=above, by="passage")
    assert {
        frozenset((m.document, m.passage.seq) for m in c if m.passage) for c in found.clusters
    } == wanted
    assert wanted
    licence = next(c for c in found.clusters if c[0].passage and LICENCE in c[0].passage.text)
    assert len(licence) == 6
    assert [m.is_copy for m in licence] == [False] + 5 * [True]
    assert found.total == len(rows)


def test_a_filter_limits_what_is_compared(twice: Session) -> None:
    some = find(twice, above=0.9, where=("path glob 'a*.txt'",))
    assert some.total == 4
    assert {frozenset(c) for c in names(some)} == {
        frozenset({"a.txt", "a-copy.txt", "a-edited.txt"})
    }
    assert find(twice, where=("path = 'none'",)).clusters == []


def test_the_graph_finds_the_same(twice: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_groups, "GRAPH_BATCH", 7)
    exact = find(twice, above=0.9, by="passage")
    found = find(twice, above=0.9, by="passage", search="graph")
    assert exact.plan.startswith("exact (all pairs of")
    assert found.plan.startswith("graph (32 nearest of")
    assert names(found) == names(exact)
    monkeypatch.setattr(passage_groups, "EXACT_ROWS", 10)
    assert find(twice, above=0.9, by="passage").plan == found.plan


def test_without_a_graph_all_pairs_are_compared(
    twice: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(twice.search), "graph_stamp", lambda _: None)
    found = find(twice, above=0.9, search="graph")
    assert found.plan.startswith("exact")
    assert found.plan.endswith("; there is no graph yet (qembed index makes one))")
    monkeypatch.setattr(passage_groups, "EXACT_ROWS", 10)
    assert find(twice, above=0.9).warnings == [], "nobody asked for it"


def test_pairs_of_sets_are_those_of_every_comparison() -> None:
    rng = random.Random(5)
    for share in (0.3, 0.5, 0.8, 1.0):
        parts = [rng.choices(range(14), k=rng.randint(1, 9)) for _ in range(120)]
        wanted = set()
        for i, j in combinations(range(len(parts)), 2):
            a, b = parts[i], parts[j]
            if (
                sum(e in b for e in a) >= share * len(a) - 1e-9
                and sum(e in a for e in b) >= share * len(b) - 1e-9
            ):
                wanted.add((i, j))
        pairs = list(clusters._similar_sets(parts, share))
        assert components(pairs, len(parts)) == components(wanted, len(parts))


def components(pairs: Any, n: int) -> set[frozenset[int]]:
    of = {i: frozenset({i}) for i in range(n)}
    for i, j in pairs:
        joined = of[i] | of[j]
        of.update(dict.fromkeys(joined, joined))
    return set(of.values())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"above": 0.0}, "--above 0: a cosine above 0"),
        ({"above": 1.5}, "--above 1.5"),
        ({"above": float("nan")}, "--above nan"),
        ({"share": 0.0}, "--share 0: above 0"),
        ({"where": ("nope = 1",)}, "nope"),
    ],
)
def test_what_cannot_be(twice: Session, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find(twice, **asked)


def test_progress_counts_the_passages(twice: Session) -> None:
    done: list[int] = []
    phases: list[tuple[str, str, int | None]] = []
    progress = Progress(
        phase=lambda name, unit, total: phases.append((name, unit, total)), advance=done.append
    )
    found = duplicates(twice, DuplicatesRequest(above=0.9), progress)
    assert phases == [("compare", "passages", sum(done))]
    assert found.to_json()["surplus"] == 3


def test_an_index_without_passages(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"_id": "x", "text": "one"}\n')
    recipe = RecipeOptions(model="py:qembed.testing:encoder")
    build(tmp_path / ".qembed", IndexOptions(paths=(str(tmp_path / "a.jsonl"),), recipe=recipe))
    with Session(tmp_path / ".qembed") as session:
        found = find(session)
        assert (found.clusters, found.total, found.surplus) == ([], 1, 0)
