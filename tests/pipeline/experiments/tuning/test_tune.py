"""The whole of `tune`: planted effects are found, chance and memory are not called a gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.evaluation import evaluate, parse_measures
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.experiments.tuning.arms import complexity, describe
from qembed.pipeline.experiments.tuning.kept import PairCache
from qembed.pipeline.experiments.tuning.pools import DEPTH
from qembed.pipeline.experiments.tuning.tune import TuneOptions, tune
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.tuned_setting import take_back
from qembed.store import manifest as manifests
from tests.encoders import Bag
from tests.pipeline.experiments.tuning.conftest import run, write

INSTRUCTED = "py:tests.encoders:instructed"


CANDIDATES = [f"Find what number {i} is about" for i in range(30)]


def invented(rng: np.random.Generator, n: int) -> list[str]:
    """Words of seven letters, all different."""
    return ["".join(word) for word in rng.choice(list("abcefghijklmnop"), (n, 7))]


def planted(folder: Path, per_document: int = 1, seed: int = 11) -> Path:
    """60 documents of invented words; queries of some of a document's words in the queries' spelling."""
    rng = np.random.default_rng(seed)
    words = [invented(rng, 8) for _ in range(60)]
    common = invented(rng, 12)
    texts = {
        f"d{d}": " ".join(f"d{w}" for w in [*own, *rng.choice(common, 3)])
        for d, own in enumerate(words)
    }
    queries, judged = {}, {}
    for d in range(60 // per_document):
        for n in range(per_document):
            # the first word of a document's queries is the same
            chosen = [words[d][0], words[d][1 + n], *rng.choice(common, 2, replace=False)]
            queries[f"q{d}-{n}"] = " ".join(f"q{w}" for w in chosen)
            judged[f"q{d}-{n}"] = [f"d{d}"]
    return write(folder, texts, queries, judged, INSTRUCTED)


def candidates(folder: Path, lines: list[str]) -> Path:
    path = folder / "candidates.txt"
    path.write_text("# tried\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_the_best_of_thirty_instructions_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTRUCTED_BEST", CANDIDATES[17])
    folder = planted(tmp_path)
    found = run(folder, candidates=candidates(folder, CANDIDATES))
    assert found.chosen.task == CANDIDATES[17]
    assert {o.task for o in found.fold_choices} == {CANDIDATES[17]}
    assert found.is_better
    assert found.applied
    assert found.new.low > 0
    tuned = manifests.read(folder / ".qembed").tuned
    assert tuned is not None
    assert tuned["options"]["task"] == CANDIDATES[17]
    assert tuned["data"]["queries"]["name"] == "q.jsonl"
    assert tuned["gain"]["new"]["queries"] == 60


@pytest.mark.slow
def test_memory_of_documents_is_no_gain_on_new_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each document has six queries, which plain folds put on both sides. Eight draws of ten documents.

    One draw tells little of a mean: ten documents differ by chance. How often chance is called a gain is
    tested over many draws in tests/evaluation/tuning.
    """
    monkeypatch.setenv("INSTRUCTED_MEMORY", "1")
    new, seen, applied = [], [], 0
    for seed in range(8):
        folder = planted(tmp_path / str(seed), per_document=6, seed=seed)
        before = manifests.read(folder / ".qembed")
        found = run(folder, candidates=candidates(folder, CANDIDATES), only="instruction")
        assert found.seen is not None
        assert found.new.components == 10
        assert found.applied == found.is_better
        applied += found.applied
        assert found.applied or manifests.read(folder / ".qembed") == before
        new.append(found.new.mean)
        seen.append(found.seen.mean)
    error = np.std(new, ddof=1) / len(new) ** 0.5
    assert abs(np.mean(new)) < 2.5 * error
    assert np.mean(seen) > max(0.05, np.mean(new)), "the leak is there"
    assert applied <= 1


@pytest.mark.slow
def test_shuffled_judgments_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(80)]
    documents = {f"d{i}": " ".join(rng.choice(words, 12)) for i in range(90)}
    queries = {f"q{i}": " ".join(rng.choice(documents[f"d{i}"].split(), 4)) for i in range(40)}
    folder = write(tmp_path, documents, queries, {q: [f"d{q[1:]}"] for q in queries})
    accepted = 0
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(40)
        rows = [f"q{i}\td{order[i]}\t1" for i in range(40)]
        (folder / "r.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(rows) + "\n")
        accepted += run(folder, apply="never").is_better
    assert accepted <= 2


def test_values_of_all_arms_are_those_of_eval(small: Path) -> None:
    found = run(small, rerankers=["py:qembed.testing:reranker"], apply="never")
    with Session(small / ".qembed") as session:
        builder = RunBuilder(session, found.judged.queries, found.judged.qrels)
        measured = found.measured
        assert any(o.rerank for o in measured)
        chosen = {*list(measured)[::5], *(o for o in measured if o.diversity)}
        for options in chosen:
            from dataclasses import replace

            built = builder.rank(replace(options, k=DEPTH))
            report = evaluate(parse_measures("nDCG@10"), found.judged.qrels, built.run)
            wanted = [report.per_query[q.id]["nDCG@10"] for q in found.judged.queries]
            np.testing.assert_allclose(measured[options], wanted, atol=1e-9)


@pytest.mark.slow
def test_it_is_deterministic(small: Path) -> None:
    first, second = (run(small, apply="never").to_json() for _ in range(2))
    for body in (first, second):
        del body["seconds"], body["provenance"]["date"]
    assert first == second


@pytest.mark.slow
def test_a_second_run_encodes_nothing(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    encode = Bag.encode
    monkeypatch.setattr(
        Bag, "encode", lambda self, texts: counted.extend(texts) or encode(self, texts)
    )
    first = run(small, apply="never")
    assert len(counted) == len(set(counted)) == 25, "each text once, however many settings"
    second = run(small, apply="never")
    assert len(counted) == 25
    assert first.new == second.new


@pytest.mark.slow
def test_pairs_that_an_earlier_run_scored_are_not_scored_again(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PairCache, "limit", 40)
    counted: list[str] = []
    tokens = Bag.encode_tokens
    monkeypatch.setattr(
        Bag, "encode_tokens", lambda self, texts: counted.extend(texts) or tokens(self, texts)
    )
    stopped = iter([False] * 12 + [True] * 1000)
    asked = TuneOptions(
        small / "q.jsonl", small / "r.tsv", only="rerank", rerankers=["late"], apply="never"
    )
    with pytest.raises(KeyboardInterrupt):
        tune(small / ".qembed", asked, Progress(stop=lambda: next(stopped)))
    half = len(counted)
    assert half > 0
    first = tune(small / ".qembed", asked)
    assert len(counted) > half
    whole = len(counted)
    second = tune(small / ".qembed", asked)
    assert len(counted) == whole
    assert first.to_json()["arms"] == second.to_json()["arms"]
    assert any(o.rerank == "late" for o in second.measured)


@pytest.mark.slow
def test_a_damaged_cache_is_no_matter(small: Path, cache: Path) -> None:
    first = run(small, apply="never")
    for path in (cache / "tune").iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert run(small, apply="never").new == first.new


def test_folds_share_no_relevant_document(tmp_path: Path) -> None:
    documents = {f"d{i}": f"word{i} more" for i in range(40)}
    queries = {f"q{i}": f"word{i} asked{i}" for i in range(40)}
    judged = {f"q{i}": [f"d{i}", f"d{i // 4 * 4}"] for i in range(40)}
    found = run(write(tmp_path, documents, queries, judged), apply="never")
    of = [{d for i in fold for d in found.judged.relevant[i]} for fold in found.folds]
    assert not any(a & b for n, a in enumerate(of) for b in of[:n])
    assert found.new.components == 10


@pytest.mark.slow
def test_a_choice_without_a_sure_gain_is_written_only_when_asked(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in range(40)]
    documents = {f"d{i}": " ".join(rng.choice(words, 8)) for i in range(60)}
    queries = {f"q{i}": " ".join(rng.choice(documents[f"d{i}"].split(), 3)) for i in range(24)}
    folder = write(tmp_path, documents, queries, {q: [f"d{q[1:]}"] for q in queries})
    before = manifests.read(folder / ".qembed")
    found = run(folder)
    assert not found.is_better
    assert not found.applied
    assert manifests.read(folder / ".qembed") == before
    again = run(folder, apply="anyway")
    assert again.chosen != again.base
    assert again.applied
    assert manifests.read(folder / ".qembed").tuned is not None
    assert take_back(folder / ".qembed") is not None
    assert manifests.read(folder / ".qembed").tuned is None


def test_a_model_without_instructions_is_said_to_be_one(small: Path) -> None:
    lines = candidates(small, ["Find the answer to the question"])
    found = run(small, candidates=lines, only="instruction", apply="never")
    assert any("was not trained with instructions" in w and "1 of --candidates" in w
               for w in found.warnings)  # fmt: skip
    assert all(o.task is None for o in found.measured)


def test_a_fusion_that_is_chosen_without_a_background_is_said_to_be(small: Path) -> None:
    warning = "there is no background: fusion is chosen without it (qembed index makes it)"
    assert warning not in run(small, only="fusion", apply="never").warnings
    (small / ".qembed/derived/background.json").unlink()
    assert warning in run(small, only="fusion", apply="never").warnings


def test_words_for_settings() -> None:
    assert describe(QueryOptions()) == "defaults"
    assert complexity(QueryOptions()) == 0
    options = QueryOptions(instruction=False, mode="dense", document_score="mean:2")
    assert describe(options) == "no instruction, mode dense, document score mean:2"
    assert complexity(options) == 3
