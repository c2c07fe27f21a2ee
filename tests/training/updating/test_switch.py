"""The last step of an update: a new index that lost documents is removed; a stop says what it left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.store.manifest import read
from qembed.training.updating.job import UpdateJob
from qembed.training.updating.switch import switch
from qembed.types import Query

BAG = "py:tests.encoders:bag"
OTHER = Path("py:tests.encoders:other")


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UpdateJob:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    for name in "abc":
        record = {"_id": name, "text": f"{name}{name} words of document {name}"}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(record) + "\n")
    paths = [str(tmp_path / f"{name}.jsonl") for name in "abc"]
    build(tmp_path / "index", IndexOptions(paths=paths, recipe=RecipeOptions(model=BAG)))
    return UpdateJob(tmp_path / "index", OTHER)


def test_the_new_index_takes_the_place_of_the_present_one(job: UpdateJob) -> None:
    golden = [Query("1", "aa"), Query("2", "bb")], {"1": {"a": 1}, "2": {"b": 1}}
    gates = switch(job, golden, Progress(), pytest.fail)
    assert [(g.step, g.passed) for g in gates] == [("rebuild", True), ("switch", True)]
    assert gates[0].said == "3 passages, beside the present index"
    assert gates[1].said == "golden: nDCG@10 1.000 to 1.000; generation 2"
    assert read(job.root).spec == str(OTHER)


def test_equal_documents_are_measured_by_id(tmp_path: Path, job: UpdateJob) -> None:
    equal = [json.dumps({"_id": f"e{i:02}", "text": "equal words"}) + "\n" for i in range(15)]
    (tmp_path / "a.jsonl").write_text("".join(equal))
    build(job.root, IndexOptions(paths=[]))
    golden = [Query("1", "equal")], {"1": {"e14": 1}}
    gates = switch(job, golden, Progress(), pytest.fail)
    assert "golden: nDCG@10 1.000 to 1.000; " in gates[1].said


def test_documents_that_could_not_be_read_again_stop_it(job: UpdateJob, tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"_id": "b", "te')
    warned: list[str] = []
    gates = switch(job, None, Progress(), warned.append)
    assert [(g.step, g.passed) for g in gates] == [("rebuild", True), ("switch", False)]
    assert gates[1].said.startswith("1 document of the present index would be lost, such as b: ")
    assert "not JSON" in warned[0]
    assert read(job.root).spec == BAG
    assert read(job.root).counts["documents"] == 3
    assert not (job.root / "rebuild.json").exists()


@pytest.mark.parametrize("late", [False, True])
def test_a_stop_before_and_after_the_switch(job: UpdateJob, late: bool) -> None:
    def stop() -> bool:
        return not late or read(job.root).spec == str(OTHER)

    warned: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        switch(job, None, Progress(stop=stop), warned.append)
    assert ("has its new model" if late else "the same command goes on") in warned[-1]
    assert read(job.root).spec == (str(OTHER) if late else BAG)
