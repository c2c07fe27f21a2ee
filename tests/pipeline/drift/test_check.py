"""Comparisons of an index's documents: the right side of a date, the arrival of a subject, clear refusals."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import InputError, RecipeMismatch, UsageError
from qembed.pipeline.drift.check import check_drift
from qembed.pipeline.drift.document_times import document_times
from qembed.pipeline.drift.index_side import IndexSides
from qembed.pipeline.drift.new_texts import side_of_path
from qembed.pipeline.drift.sides import DriftOptions, dated
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from tests.drift.dated import record, records, words_of, write

BAG = "py:tests.encoders:bag"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder with an index of 400 records of 2024 and 150 of 2025, 40 of these of a subject that is new."""
    folder = tmp_path_factory.mktemp("drift")
    rng = random.Random(5)
    arrived = [record(f"new-{i}", "quantum", date(2025, 3, 1 + i % 28), rng) for i in range(40)]
    lines = [
        *records(400, date(2024, 1, 1)),
        *records(110, date(2025, 1, 1), seed=1, days=100),
        *arrived,
    ]
    write(folder / "corpus.jsonl", lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder / "cache"))
        recipe = RecipeOptions(model=BAG)
        build(folder / "index", IndexOptions(paths=[str(folder / "corpus.jsonl")], recipe=recipe))
        yield folder


@pytest.fixture(scope="module")
def arrival(made: Path) -> dict[str, Any]:
    return check_drift(made / "index", DriftOptions(since="2025-01-01"))


def by_name(body: dict[str, Any], name: str) -> dict[str, Any]:
    return next(s for s in body["signals"] if s["name"] == name)


@pytest.mark.slow
def test_sides_are_divided_by_date(arrival: dict[str, Any]) -> None:
    assert arrival["old"] == {
        "documents": 400,
        "passages": 400,
        "sampled_documents": 400,
        "from": "2024-01-01",
        "until": "2024-10-26",
    }
    assert (arrival["new"]["documents"], arrival["new"]["from"]) == (150, "2025-01-01")
    assert arrival["warnings"] == []


def test_the_new_subject_is_named_with_its_words_its_date_and_its_passages(
    arrival: dict[str, Any],
) -> None:
    signal = by_name(arrival, "subjects")
    assert signal["alarm"]
    first = signal["evidence"][0]
    assert first["kind"] == "new"
    assert first["before"] < 0.02
    assert 30 <= first["documents"] <= 46
    assert first["since"] == "2025-03-01"
    assert set(first["words"]) <= set(words_of("quantum"))
    assert len(first["words"]) == 10
    assert all(p["document"].startswith("new-") for p in first["passages"])
    assert len(first["passages"]) == 3
    told = [t["term"] for t in by_name(arrival, "terms")["evidence"][:10]]
    assert set(told) <= set(words_of("quantum"))
    assert arrival["verdict"] == "confirm"
    assert "quantum" in arrival["reason"]
    assert arrival["step"] == "make-judgments"
    assert arrival["next"].startswith("qembed eval init --index ")


@pytest.mark.slow
def test_before_the_arrival_nothing_is_new(made: Path) -> None:
    before = write(made / "before.jsonl", records(400, date(2024, 1, 1)))
    build(made / "before", IndexOptions(paths=[str(before)], recipe=RecipeOptions(model=BAG)))
    body = check_drift(made / "before", DriftOptions(since="2024-07-01"))
    assert body["verdict"] == "nothing"
    assert not any(s["alarm"] for s in body["signals"])


@pytest.mark.slow
def test_texts_that_are_not_indexed_yet(made: Path) -> None:
    rng = random.Random(7)
    arrived = [record(f"b{i}", "botany", date(2026, 2, 1), rng) for i in range(30)]
    path = write(made / "inbox.jsonl", [*records(100, date(2026, 1, 1), seed=3), *arrived])
    body = check_drift(made / "index", DriftOptions(new=path))
    assert body["new"]["documents"] == body["new"]["passages"] == 130
    assert body["new"]["until"] == "2026-10-25"
    assert by_name(body, "subjects")["evidence"][0]["words"][0] in words_of("botany")
    assert body["verdict"] == "confirm"


@pytest.mark.slow
def test_passages_of_new_texts_are_chosen_as_those_of_an_index(made: Path) -> None:
    """Were they others, such as the first ones, places in documents would be compared, not documents."""
    rng = random.Random(1)
    lines = []
    for i in range(30):
        parts = [record(str(i), f"topic{i % 12}", date(2024, 1, 1), rng)["text"] for _ in range(6)]
        lines.append({"_id": f"long{i}", "text": "\n\n".join(parts), "date": "2024-01-01"})
    path = write(made / "long.jsonl", lines)
    recipe = RecipeOptions(model=BAG, max_tokens=32)
    build(made / "long", IndexOptions(paths=[str(path)], recipe=recipe))
    with Session(made / "long") as session:
        manifest = session.snapshot.manifest
        indexed = IndexSides(
            session.snapshot, document_times(session.snapshot.catalog), None, lambda: None
        ).side(texts=True)
        read = side_of_path(path, session.loaded, manifest, None, Progress(), print)
    assert indexed.passages == read.passages > 100
    assert indexed.documents == read.documents == 30
    assert (indexed.ids, indexed.texts) == (read.ids, read.texts)
    assert np.allclose(indexed.sample.vectors, read.sample.vectors, atol=1e-6)
    assert indexed.times == read.times


@pytest.mark.slow
def test_against_another_index(made: Path) -> None:
    other = made / "second"
    lines = records(120, date(2025, 1, 1), subjects=[f"area{i}" for i in range(6)], seed=4)
    path = write(made / "second.jsonl", lines)
    build(other, IndexOptions(paths=[str(path)], recipe=RecipeOptions(model=BAG)))
    body = check_drift(made / "index", DriftOptions(against=other))
    assert body["new"]["documents"] == 120
    assert by_name(body, "centroid")["strength"] in ("medium", "large")
    assert by_name(body, "energy")["alarm"]
    third = made / "third"
    recipe = RecipeOptions(model="py:tests.encoders:other")
    build(third, IndexOptions(paths=[str(path)], recipe=recipe))
    with pytest.raises(
        RecipeMismatch, match=r"--against .*third: its vectors are of another recipe"
    ):
        check_drift(made / "index", DriftOptions(against=third))


def test_copies_of_one_text_are_one_document(made: Path) -> None:
    day = {"date": "2026-01-01"}
    copies = [
        {"_id": f"c{i}", "text": "the same text, sent again", **day, "n": str(i)}
        for i in range(150)
    ]
    body = check_drift(made / "index", DriftOptions(new=write(made / "copies.jsonl", copies)))
    assert body["reason"] == "cannot say: 1 new document, 20 are needed"


def test_an_index_that_is_not_finished_is_told(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "index", tmp_path / "index")
    manifests.write(tmp_path / "index", replace(manifests.read(made / "index"), unfinished=True))
    body = check_drift(tmp_path / "index", DriftOptions(since="2025-04-01"))
    assert body["warnings"] == [
        "the index may lack the latest changes: a run was stopped before its end (qembed index completes it)"
    ]


@pytest.mark.slow
def test_generations(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "index"
    path = write(tmp_path / "a.jsonl", records(150, date(2024, 1, 1)))
    recipe = RecipeOptions(model=BAG)
    build(root, IndexOptions(paths=[str(path)], recipe=recipe))
    first = manifests.read(root).generation
    more = [{**r, "_id": f"more{i}"} for i, r in enumerate(records(120, date(2023, 1, 1), seed=2))]
    build(root, IndexOptions(paths=[str(write(tmp_path / "b.jsonl", more))]))
    body = check_drift(root, DriftOptions(since=str(first)))
    assert (body["old"]["documents"], body["new"]["documents"]) == (150, 120)
    assert body["new"]["until"] == "2023-10-25"
    with pytest.raises(UsageError, match=rf"generation 77 is not listed \(listed: {first}, "):
        check_drift(root, DriftOptions(since="77"))


def test_too_little_that_is_new_says_that_it_cannot_say(made: Path) -> None:
    body = check_drift(made / "index", DriftOptions(since="2025-04-01"))
    assert body["verdict"] == "nothing"
    assert not body["enough"]
    assert body["reason"].startswith("cannot say: ")
    assert body["reason"].endswith("new passages, 100 are needed")
    assert body["signals"] == []


def test_nothing_that_is_new(made: Path) -> None:
    body = check_drift(made / "index", DriftOptions(since="2031-01-01"))
    assert body["reason"] == "cannot say: 0 new passages, 100 are needed"
    assert body["new"]["from"] is None


@pytest.mark.slow
def test_without_a_profile_the_same_is_found_and_told(made: Path, arrival: dict[str, Any]) -> None:
    root = made / "index"
    stamp = (root / "derived/profile.json").read_bytes()
    files.discard(root, files.PROFILE)
    try:
        body = check_drift(root, DriftOptions(since="2025-01-01"))
    finally:
        (root / "derived/profile.json").write_bytes(stamp)
    assert body["warnings"] == [
        "the index has no profile yet: the texts of its sample are read (qembed index makes it)"
    ]
    assert body["signals"] == arrival["signals"]


@pytest.mark.slow
def test_a_clock_that_ran_back_and_dates_of_the_future_are_told(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_735_000_000.0)  # 2024-12-24
    body = check_drift(made / "index", DriftOptions(since="2025-01-01"))
    first, second = body["warnings"]
    assert first == "150 documents are dated after now: they count as new"
    assert second.startswith("the clock ran back: generation ")
    # dates beyond now are on the old side of a later one, and decide nothing between generations
    later = check_drift(made / "index", DriftOptions(since="2025-02-01"))["warnings"][:2]
    assert [w.split(": ")[1] for w in later] == ["they count as new", "they count as old"]
    numbers = [int(w.split()[0]) for w in later]
    assert sum(numbers) == 150
    for options in (DriftOptions(since="1"), DriftOptions(new=made / "corpus.jsonl")):
        assert check_drift(made / "index", options)["warnings"][0] == (
            "150 documents are dated after now"
        )
    assert (
        dated(1, "has no time", "have no time", "old") == "1 document has no time: it counts as old"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"since": "30d", "new": Path("x")}, "--since and --new contradict one another"),
        ({"since": "soon"}, "--since 'soon': wanted a span of time"),
        ({"since": "30x"}, "--since '30x': no time span"),
        ({"new": Path("nowhere")}, "--new nowhere: no such file or folder"),
        ({"time_field": "era"}, "--time-field era: no document has such a field"),
    ],
)
def test_options_that_make_no_sense(made: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_drift(made / "index", replace(DriftOptions(), **options))


def test_new_texts_that_cannot_be_read(made: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="no document could be read"):
        check_drift(made / "index", DriftOptions(new=tmp_path / "empty.jsonl"))


def test_the_report_is_json(arrival: dict[str, Any]) -> None:
    assert json.loads(json.dumps(arrival)) == arrival
