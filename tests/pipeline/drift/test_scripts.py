"""Another script arrives: it is named, with its words, and so is a model that reads it."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from qembed.pipeline.drift.check import check_drift
from qembed.pipeline.drift.sides import DriftOptions
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from tests.documentation import ROOT
from tests.drift.dated import write

pytestmark = pytest.mark.slow

HELP = ROOT / "sample_corpora/helpdesk/docs"


def sentences(language: str) -> list[str]:
    """Lines of the sample help centre in a language."""
    lines = [
        line.strip("#-* ")
        for path in sorted((HELP / language).glob("*.md"))
        for line in path.read_text("utf-8").splitlines()
    ]
    return sorted({line for line in lines if len(line) > 15})


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scripts")
    rng = random.Random(1)
    english, chinese = sentences("en"), sentences("zh")
    lines = []
    for i in range(260):
        pool = chinese if i >= 220 else english
        day = date(2024, 6, 1) + timedelta(days=i)
        text = " ".join(rng.sample(pool, 2))
        lines.append({"_id": f"d{i}", "text": text, "date": day.isoformat()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder / "cache"))
        recipe = RecipeOptions(model="py:tests.encoders:english")
        path: Path = write(folder / "a.jsonl", lines)
        build(folder / "index", IndexOptions(paths=[str(path)], recipe=recipe))
        return check_drift(folder / "index", DriftOptions(since=lines[140]["date"]))


@pytest.mark.slow
def test_the_script_is_named_as_one_the_model_cannot_read(body: dict[str, Any]) -> None:
    signal = next(s for s in body["signals"] if s["name"] == "unread")
    assert signal["alarm"]
    assert signal["scripts"] == ["Han"]
    first = signal["evidence"][0]
    assert first["script"] == "Han"
    assert first["before"] == 0
    assert first["unread"] > 0.3
    assert "(script: Han)" in signal["said"]


def test_the_verdict_is_update_with_a_model_that_reads_it(body: dict[str, Any]) -> None:
    assert body["verdict"] == "update"
    assert body["reason"].startswith("the model cannot read ")
    assert body["step"] == "other-model"
    assert body["next"].endswith("--rebuild --model multilingual")
