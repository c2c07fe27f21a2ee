"""Files as tasks of mteb: its scores are those of `qembed eval` on the same files."""

from __future__ import annotations

import gzip
import socket
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from qembed.errors import InputError, UsageError
from qembed.mteb import Encoder, Index, beir_task, sts_task
from qembed.mteb.run import evaluate_tasks
from qembed.mteb.tasks import find_tasks, load
from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.experiments.sts import evaluate_sts
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from tests.mteb.files import DOCUMENTS, beir
from tests.stub import Server

pytestmark = pytest.mark.slow

BAG = "py:tests.encoders:bag"


def ours(folder: Path) -> dict[str, float]:
    options = EvalOptions(
        beir=folder,
        measures="nDCG@10 R@100",
        index=IndexOptions(recipe=RecipeOptions(BAG)),
        latency=0,
    )
    measures: dict[str, float] = run_evaluation(options, Path).body["measures"]
    return measures


def test_scores_are_those_of_eval(tmp_path: Path, kinds: ModuleType) -> None:
    folder = beir(tmp_path / "small")
    wanted = ours(folder)
    with Index(BAG) as index:
        found = kinds.scores(index, beir_task(folder))
    assert 0 < wanted["nDCG@10"] < 1
    # mteb rounds to five digits
    assert found["ndcg_at_10"] == pytest.approx(wanted["nDCG@10"], abs=1e-5)
    assert found["recall_at_100"] == pytest.approx(wanted["R@100"], abs=1e-5)


def test_a_query_that_is_a_document(tmp_path: Path, kinds: ModuleType) -> None:
    """ArguAna: each query is in the corpus under its own id, and is no answer to itself."""
    queries = [{"_id": d["_id"], "text": d["text"]} for d in DOCUMENTS[::4]]
    judged = [(q["_id"], f"d{i}", 1) for i, q in enumerate(queries) if q["_id"] != f"d{i}"]
    folder = beir(tmp_path / "own", queries=queries, judged=judged)
    task = beir_task(folder)
    assert task.ignore_identical_ids
    with Index(BAG) as index:
        found = kinds.scores(index, task)["ndcg_at_10"]
    assert found == pytest.approx(ours(folder)["nDCG@10"], abs=1e-5)


def test_equal_ids_alone_leave_nothing_out(tmp_path: Path, kinds: ModuleType) -> None:
    """SciFact: queries and documents are numbered, and the numbers meet."""
    queries = [{"_id": f"d{i}", "text": f"w{i} planet"} for i in range(9)]
    folder = beir(tmp_path / "a", queries=queries, judged=[(f"d{i}", f"d{i}", 1) for i in range(9)])
    assert not beir_task(folder).ignore_identical_ids
    folder = beir(tmp_path / "b", queries=queries, judged=[(f"d{i}", "d9", 1) for i in range(9)])
    assert not beir_task(folder).ignore_identical_ids


def test_compressed_files_and_the_name(tmp_path: Path, kinds: ModuleType) -> None:
    folder, packed = beir(tmp_path / "a" / "small"), beir(tmp_path / "b" / "small")
    corpus = packed / "corpus.jsonl"
    (packed / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.read_bytes()))
    corpus.unlink()
    names = [beir_task(f).metadata.name for f in (folder, packed)]
    assert names[0] == names[1]
    assert names[0].startswith("small-")
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\td7\t1\n")
    # mteb keeps results by name: other judgments are another task
    assert beir_task(folder).metadata.name != names[0]


def test_mistakes_are_named(tmp_path: Path, kinds: ModuleType) -> None:
    folder = beir(tmp_path / "small")
    with (folder / "corpus.jsonl").open("a") as file:
        file.write("{no json\n")
    with pytest.raises(InputError, match=r"corpus\.jsonl:41: "):
        beir_task(folder)
    with pytest.raises(InputError, match="there are judgments for: test"):
        beir_task(folder, "dev")
    (folder / "corpus.jsonl").write_text("")
    with pytest.raises(InputError, match="no documents in it"):
        beir_task(folder)


def test_pairs(tmp_path: Path, kinds: ModuleType) -> None:
    path = tmp_path / "pairs.tsv"
    # no two pairs alike: ranks of equal cosines hang on their last bits
    rows = [f"a{i} b{i} c{i}\ta{i} d{i % 4} e{i}\t{i % 5}" for i in range(30)]
    path.write_text("\n".join(["sentence1\tsentence2\tscore", *rows]) + "\n", "utf-8")
    found = kinds.scores(Encoder(BAG), sts_task(path))
    wanted = evaluate_sts(path, BAG)["measures"]["Spearman"]
    assert found["cosine_spearman"] == pytest.approx(wanted, abs=1e-6)


def test_names(tmp_path: Path, kinds: ModuleType) -> None:
    folder = beir(tmp_path / "small")
    found = find_tasks([str(folder), "STSBenchmark"])
    assert list(found) == [str(folder), "STSBenchmark"]
    assert found["STSBenchmark"].metadata.type == "STS"
    with pytest.raises(UsageError) as e:
        find_tasks(["STSBenchmarc", "Nothing at all"])
    assert "STSBenchmarc: no task or benchmark of mteb, no BEIR folder, no file of pairs" in str(
        e.value
    )
    assert "'STSBenchmark'" in str(e.value)
    assert "Nothing at all: " in str(e.value)


def test_a_benchmark_is_its_tasks(kinds: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    import mteb

    few = SimpleNamespace(tasks=[mteb.get_task("STSBenchmark"), mteb.get_task("SciFact")])
    monkeypatch.setattr(mteb, "get_benchmark", {"Few (eng, v2)": few}.__getitem__)
    assert list(find_tasks(["Few (eng, v2)"])) == ["STSBenchmark", "SciFact"]


def test_data_that_cannot_be_had(kinds: ModuleType) -> None:
    (task,) = find_tasks(["STSBenchmark"]).values()

    def load_data() -> None:
        raise ConnectionError("no\nroute")

    task.load_data = load_data
    with pytest.raises(InputError, match="STSBenchmark: its data cannot be loaded") as e:
        load("STSBenchmark", task)
    assert "ConnectionError: no route" in str(e.value)


def test_an_aggregate_is_the_mean_of_its_parts(
    kinds: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mteb

    both = kinds.aggregate({"One": kinds.collection(), "Other": kinds.collection()})
    one, other = both.metadata.tasks
    tasks = {"SmallBoth": both, "SmallOne": one, "SmallOther": other}
    monkeypatch.setattr(mteb, "get_task", tasks.__getitem__)
    with Index(BAG) as index:
        body = evaluate_tasks(list(tasks), index, fail_under=["SmallBoth=0.01"])
    mean = (body["measures"]["SmallOne"] + body["measures"]["SmallOther"]) / 2
    assert 0 < mean < 1
    assert body["measures"]["SmallBoth"] == pytest.approx(mean, abs=1e-9)
    assert body["tasks"][0]["scores"] == {
        "test": {"default": {"ndcg_at_10": pytest.approx(mean), "main_score": pytest.approx(mean)}}
    }
    assert body["gates"][0]["ok"]


def test_pictures(kinds: ModuleType) -> None:
    with pytest.raises(UsageError, match="CIFAR10: it holds image, qembed encodes text"):
        find_tasks(["CIFAR10"])


def test_a_hub_that_does_not_answer_is_asked_once(
    kinds: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real refused connection: then the clients of hub and data sets are offline, and only then."""
    import datasets
    from huggingface_hub import constants

    states: list[tuple[bool, bool]] = []

    def load_data() -> None:
        states.append((constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE))

    (task,) = find_tasks(["STSBenchmark"]).values()
    task.load_data = load_data
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        load("STSBenchmark", task)
    assert (constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE) == (False, False)
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", server.base.removesuffix("/v1"))
        load("STSBenchmark", task)
        server.shutdown()
    assert states == [(True, True), (False, False)]
