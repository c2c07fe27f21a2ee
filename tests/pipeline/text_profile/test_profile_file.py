"""The profile of an index: made with it, renewed when outgrown, the same from any file; samples."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from qembed.pipeline.diagnostics.status import describe
from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.text_profile import profile_file
from qembed.pipeline.text_profile.profile_file import (
    Profile,
    count_rows,
    generations,
    open_profile,
    update_profile,
)
from qembed.pipeline.text_profile.sampling import sample_documents
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from tests.drift.dated import records, write


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "a.jsonl", records(60, date(2024, 1, 1)))
    recipe = RecipeOptions(model="py:tests.encoders:bag")
    build(tmp_path / "index", IndexOptions(paths=[str(tmp_path / "a.jsonl")], recipe=recipe))
    return tmp_path / "index"


def no_texts(self: Snapshot, rows: object) -> None:
    raise AssertionError("texts were read")


def test_it_is_made_with_the_index_and_survives_its_file(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Snapshot.open(made) as snapshot:
        found = open_profile(made, snapshot.manifest)
        assert found is not None
        assert len(found.facts) == 60
        rows = sample_documents(snapshot).rows
        fresh = count_rows(snapshot, rows, None, lambda: None)
        again = Profile.of_bytes(found.to_bytes())
        assert again.facts.keys() == fresh.keys()
        for row, facts in fresh.items():
            assert again.facts[row].terms.tolist() == facts.terms.tolist()
            assert (again.facts[row].words, again.facts[row].scripts) == (
                facts.words,
                facts.scripts,
            )
        monkeypatch.setattr(Snapshot, "passages", no_texts)
        assert len(count_rows(snapshot, rows, found, lambda: None)) == 60
    assert describe(made)["derived"]["profile"] == {
        "rows": 60,
        "behind": 0,
        "bytes": files.current(made, snapshot.manifest, files.PROFILE).bytes,  # type: ignore[union-attr]
    }


def test_terms_of_another_analyzer_are_counted_anew_and_the_generations_kept(made: Path) -> None:
    manifest = manifests.read(made)
    listed = generations(made, manifest)
    stamp = files.current(made, manifest, files.PROFILE)
    assert stamp is not None
    files.restamp(made, stamp, {k: v for k, v in stamp.extra.items() if k != "analyzer"})
    assert open_profile(made, manifest) is None
    assert generations(made, manifest) == listed
    build(made, IndexOptions())
    renewed = open_profile(made, manifests.read(made))
    assert renewed is not None
    assert len(renewed.facts) == 60
    assert generations(made, manifest) == listed


def test_a_small_addition_lists_the_generation_and_a_large_one_renews_the_profile(
    made: Path,
) -> None:
    def add(n: int, name: str) -> tuple[list[tuple[int, float, int]], int]:
        lines = [
            {**r, "_id": f"{name}{i}"} for i, r in enumerate(records(n, date(2025, 1, 1), seed=n))
        ]
        path = write(made.parent / f"{name}.jsonl", lines)
        build(made, IndexOptions(paths=[str(path)]))
        with Snapshot.open(made) as snapshot:
            profile = open_profile(made, snapshot.manifest)
            assert profile is not None
            return generations(made, snapshot.manifest), len(profile.facts)

    listed, rows = add(3, "few")
    assert [r for _, _, r in listed] == [60, 63]
    assert rows == 60
    listed, rows = add(30, "many")
    assert [r for _, _, r in listed] == [60, 63, 93]
    assert [g for g, _, _ in listed] == sorted({g for g, _, _ in listed})
    assert rows == 93
    assert len(list((made / "derived").glob("profile-*.bin"))) == 1


def test_what_a_run_has_no_time_for_is_counted_by_the_next(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_file, "BATCH", 16)
    files.discard(made, files.PROFILE)
    sizes = []
    with Snapshot.open(made) as snapshot:
        for _ in range(5):
            clock = iter(float(n) for n in range(99))
            monkeypatch.setattr(time, "process_time", lambda clock=clock: next(clock))
            update_profile(snapshot, lambda: None)
            profile = open_profile(made, snapshot.manifest)
            assert profile is not None
            sizes.append(len(profile.facts))
    assert sizes == [16, 32, 48, 60, 60]


@pytest.mark.parametrize("stamp", [None, b"junk"])
def test_an_index_without_a_profile_is_found_and_gets_one(made: Path, stamp: bytes | None) -> None:
    for path in (made / "derived").glob("profile*"):
        path.unlink()
    if stamp is not None:
        (made / "derived/profile.json").write_bytes(stamp)
    (found,) = verify(made, probe=False)
    assert (found.kind, found.mend) == ("profile", "qembed index")
    assert "no usable profile" in found.what
    assert "drift reads the texts" in found.what
    build(made, IndexOptions())
    assert list(verify(made, probe=False)) == []


@pytest.mark.parametrize("damage", ["cut", "other", "gone"])
def test_a_damaged_profile_is_not_used_and_is_found(made: Path, damage: str) -> None:
    with Snapshot.open(made) as snapshot:
        stamp = files.current(made, snapshot.manifest, files.PROFILE)
        assert stamp is not None
        path = made / stamp.file
        data = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(data[:-5] if damage == "cut" else bytes(reversed(data)))
        assert open_profile(made, snapshot.manifest) is None
    assert [f.kind for f in verify(made, probe=False)] == ["profile"]


def test_a_sample_is_the_same_whatever_else_is_in_the_index(made: Path) -> None:
    with Snapshot.open(made) as snapshot:
        few = sample_documents(snapshot, documents=20)
        ids = {snapshot.catalog.take([p])[0].id for p in few.positions.tolist()}
        assert (few.units, len(ids)) == (60, 20)
        half = np.arange(60) % 2 == 0
        part = sample_documents(snapshot, half, documents=20)
        in_both = set(few.positions.tolist()) & set(np.flatnonzero(half).tolist())
        assert in_both <= set(part.positions.tolist())


def test_copies_are_one_document_and_pages_of_a_file_are_one_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    lines = [
        *({"_id": f"copy{i}", "text": "the same text"} for i in range(5)),
        *({"_id": f"b.pdf#page={i}", "text": f"page number {i} of it"} for i in range(7)),
        *({"_id": f"c{i}", "text": f"another text, number {i}"} for i in range(3)),
    ]
    path = write(tmp_path / "a.jsonl", lines)
    recipe = RecipeOptions(model="py:tests.encoders:bag")
    build(tmp_path / "index", IndexOptions(paths=[str(path)], recipe=recipe))
    with Snapshot.open(tmp_path / "index") as snapshot:
        found = sample_documents(snapshot)
        ids = [snapshot.catalog.take([p])[0].id for p in found.positions.tolist()]
    assert found.units == 5
    assert sum(i.startswith("copy") for i in ids) == 1
    assert sum(i.startswith("b.pdf") for i in ids) == 2
    assert len(ids) == 6
    assert sorted(set(found.unit.tolist())) == list(range(5))
