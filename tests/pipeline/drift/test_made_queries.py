"""Queries made of documents: a model that does not read the new words finds new documents worse."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from qembed.errors import UsageError
from qembed.pipeline.drift.check import check_drift
from qembed.pipeline.drift.sides import DriftOptions
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from tests.drift.dated import record, records, write

SINCE = DriftOptions(since="2025-01-01", made_queries=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for indexes by a model to which all words that begin with `quantum` are one."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder / "cache"))
        yield folder


def index(folder: Path, name: str, subjects: list[str]) -> Path:
    rng = random.Random(3)
    new = [
        record(f"new-{i}", subjects[i % len(subjects)], date(2025, 2, 1), rng) for i in range(110)
    ]
    path = write(folder / f"{name}.jsonl", [*records(150, date(2024, 1, 1)), *new])
    recipe = RecipeOptions(model="py:tests.encoders:unreading")
    build(folder / name, IndexOptions(paths=[str(path)], recipe=recipe))
    return folder / name


@pytest.mark.slow
def test_new_words_that_the_model_does_not_read_alarm(made: Path) -> None:
    body = check_drift(index(made, "quantum", ["quantum"]), SINCE)
    signal = next(s for s in body["signals"] if s["name"] == "made")
    assert signal["alarm"]
    assert signal["proxy"]
    assert "(a proxy)" in signal["said"]
    assert signal["evidence"]
    assert all(e["document"].startswith("new-") for e in signal["evidence"])
    assert body["verdict"] == "confirm"


@pytest.mark.slow
def test_words_that_it_reads_alarm_nothing(made: Path) -> None:
    known = [f"topic{i}" for i in range(12)]
    body = check_drift(index(made, "known", known), SINCE)
    assert not next(s for s in body["signals"] if s["name"] == "made")["alarm"]
    assert body["verdict"] == "nothing"


@pytest.mark.parametrize(
    "options",
    [
        DriftOptions(made_queries=True, golden=(Path("q"), Path("r"))),
        DriftOptions(made_queries=True, new=Path()),
    ],
)
def test_options_that_contradict_it(made: Path, options: DriftOptions) -> None:
    with pytest.raises(UsageError, match="--made-queries"):
        check_drift(made / "known", options)
