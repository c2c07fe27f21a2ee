"""The sample corpora are what their README says, and measure what docs/performance.md says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from qembed.evaluation import read_qrels, read_queries
from qembed.models import open_model
from qembed.models.onnx.encoder import OnnxEncoder
from qembed.models.torch_encoder import TorchEncoder
from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.protocols import EncoderInfo
from qembed.search import Exact
from qembed.serve.batching_encoder import BatchingEncoder
from tests.documentation import EXPORTS, text_of

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_corpora"
FIGURES = "docs/performance.md"
CORPORA = {"helpdesk": "docs", "memories": "memories.jsonl", "code": "src"}
LEAST = {"helpdesk": (40, 60), "memories": (120, 30), "code": (40, 40)}
ROW = re.compile(r"^\| `(\w+)`(?: by `([\w.-]+)`)?[^|]*\| (\.\d+) \| (\.\d+) \| (\.\d+) \|$", re.M)


def documents(name: str) -> set[str]:
    path = SAMPLES / name / CORPORA[name]
    if path.is_file():
        return {json.loads(line)["_id"] for line in path.read_text().splitlines()}
    return {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", CORPORA)
def test_whole(name: str) -> None:
    there = documents(name)
    warnings: list[str] = []
    queries = read_queries(SAMPLES / name / "queries.jsonl", warn=warnings.append)
    qrels = read_qrels(SAMPLES / name / "qrels.tsv", warn=warnings.append)
    assert warnings == []
    assert len(there) >= LEAST[name][0]
    assert len(queries) >= LEAST[name][1]
    assert {q.id for q in queries} == qrels.keys()
    assert {d for grades in qrels.values() for d in grades} <= there
    assert {g for grades in qrels.values() for g in grades.values()} <= {1, 2}
    assert all(2 in grades.values() for grades in qrels.values())


def test_the_own_language_is_a_part_of_all_judgments() -> None:
    whole = read_qrels(SAMPLES / "helpdesk/qrels.tsv")
    wanted = {
        q: {d: g for d, g in grades.items() if d.startswith(f"{q[:2]}/")}
        for q, grades in whole.items()
        if not q.startswith("x-")
    }
    assert read_qrels(SAMPLES / "helpdesk/qrels-own-language.tsv") == wanted


def test_memories_are_judged_within_one_user() -> None:
    lines = (SAMPLES / "memories/memories.jsonl").read_text().splitlines()
    users = {r["_id"]: r["user_id"] for r in map(json.loads, lines)}
    qrels = read_qrels(SAMPLES / "memories/qrels.tsv")
    for q in read_queries(SAMPLES / "memories/queries.jsonl"):
        assert q.where is not None
        user = re.fullmatch(r"user_id = '(\w+)'", q.where)
        assert user is not None
        assert {users[d] for d in qrels[q.id]} == {user[1]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the indexes are, those that another process of the tests made among them."""
    top = tmp_path_factory.getbasetemp()
    folder = (top.parent if "PYTEST_XDIST_WORKER" in os.environ else top) / "samples"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(EXPORTS))
        yield folder


def indexed(name: str, folder: Path) -> Path:
    """The index of a corpus, made by the first that asks for it."""
    root = folder / name / ".qembed"
    paths = (str(SAMPLES / name / CORPORA[name]),)
    build(root, IndexOptions(paths=paths, recipe=RecipeOptions(model="minilm"), wait=300))
    return root


@pytest.mark.parametrize(
    ("name", "judged", "dense", "auto", "reranked"), ROW.findall(text_of(FIGURES))
)
@pytest.mark.slow
def test_the_documented_figures_are_measured(
    name: str, judged: str, dense: str, auto: str, reranked: str, folder: Path
) -> None:
    root = indexed(name, folder)
    said = (
        (dense, QueryOptions(mode="dense")),
        (auto, QueryOptions()),
        (reranked, QueryOptions(rerank="late")),
    )
    for figure, how in said:
        wanted = EvalOptions(
            queries=SAMPLES / name / "queries.jsonl",
            qrels=SAMPLES / name / (judged or "qrels.tsv"),
            query=how,
            latency=0,
        )
        verdict = run_evaluation(wanted, lambda: root)
        assert verdict.body["measures"]["nDCG@10"] == pytest.approx(float(figure), abs=0.002)


def test_every_corpus_has_a_documented_figure() -> None:
    assert {m[0] for m in ROW.findall(text_of(FIGURES))} == set(CORPORA)


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.slow
def test_the_export_finds_what_torch_finds(name: str, folder: Path) -> None:
    """The same hits in the same order, passages and queries both encoded by the one or by the other."""
    root = indexed(name, folder)
    queries = [q.text for q in read_queries(SAMPLES / name / "queries.jsonl")]
    with Session(root) as session:
        assert isinstance(session.loaded.encoder, OnnxEncoder)
        rows = np.arange(session.search.rows, dtype=np.int64)
        lines = session.snapshot.entries_of(rows)
        passages = [
            session.loaded.encoder_text(line.title, p.text)
            for line, p in zip(lines, session.documents.passages(rows), strict=True)
        ]
        ours = session.search.exact.search(session.loaded.encoder.encode(queries), 10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_RUNTIME", "torch")
        torch = open_model("minilm").encoder()
        assert isinstance(torch, TorchEncoder)
        theirs = Exact([(0, torch.encode(passages))]).search(torch.encode(queries), 10)
    for (found, scores), (wanted, cosines) in zip(ours, theirs, strict=True):
        assert found.tolist() == wanted.tolist()
        np.testing.assert_allclose(scores, cosines, atol=1e-5)


@pytest.mark.slow
def test_a_server_gives_many_threads_the_bits_of_one(folder: Path) -> None:
    """The built-in model's vectors, whatever texts wait beside one another."""
    root = indexed("helpdesk", folder)
    queries = [q.text for q in read_queries(SAMPLES / "helpdesk" / "queries.jsonl")]
    with Session(root) as session:
        encoder = session.loaded.encoder
    assert isinstance(encoder, OnnxEncoder)
    assert encoder.info.batch_invariant
    alone = [encoder.encode([t])[0] for t in queries]
    calls = []

    class Counting:
        info = EncoderInfo(batch_invariant=True, thread_safe=True)

        def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> np.ndarray:
            """As the real one."""
            calls.append(len(texts))
            return encoder.encode(texts)

    shared = BatchingEncoder(Counting())
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda t: shared.encode([t])[0], queries))
    assert sum(calls) == len(set(queries))
    assert max(calls) > 1
    assert [a.tobytes() for a in alone] == [b.tobytes() for b in found]
