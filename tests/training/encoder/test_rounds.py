"""Rounds: the second one's negatives are those of the first one's weights, not of the index's vectors."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.encoder.run import EncoderJob, train_encoder
from qembed.training.mining.lists import TrainingList, read_lists
from qembed.training.mining.mine import MiningOptions, mine_judged
from qembed.training.mining.new_vectors import with_new_vectors
from qembed.training.training_loop import TrainingOptions
from qembed.types import Query
from tests.cli.conftest import Shell
from tests.training.planted import planted, write

pytestmark = pytest.mark.slow
ARGS = [
    "train",
    "encoder",
    "--queries",
    "q.jsonl",
    "--qrels",
    "r.tsv",
    "--epochs",
    "2",
    "--lr",
    "2e-3",
]
MORE = ["--freeze", "-1", "--anyway", "--format", "json", "--write-lists"]


@pytest.fixture(scope="module")
def shell(teachable: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Shell:
    folder = tmp_path_factory.mktemp("work")
    write(folder, *planted(60))
    made = Shell(folder)
    done = made("index", "corpus.jsonl", "--model", str(teachable), **env(cache))
    assert done.code == 0, done.err
    return made


def env(cache: Path) -> dict[str, str]:
    return {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}


def negatives(lists: list[TrainingList], source: str) -> dict[str, list[str]]:
    """Query -> documents of its negatives that this search has found."""
    return {t.query_id: [n.id for n in t.negatives if n.source == source] for t in lists}


def test_the_second_round_mines_with_the_weights_of_the_first(
    shell: Shell, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    once = shell(*ARGS, *MORE, "first.jsonl", "--out", "once", **env(cache))
    assert once.code == 0, once.err
    twice = shell(*ARGS, *MORE, "second.jsonl", "--rounds", "2", "--out", "twice", **env(cache))
    assert twice.code == 0, twice.err
    rounds = twice.json["settings"]["rounds"]
    assert len(rounds) == 2
    assert rounds[0]["losses"] == pytest.approx(once.json["settings"]["losses"], rel=1e-4)
    first, second = (read_lists(shell.folder / f"{n}.jsonl") for n in ("first", "second"))
    # another way to the same: an index that the first round's model has made
    other = ["--index", "other", "--model", str(shell.folder / "once"), "-q"]
    assert shell("index", "corpus.jsonl", *other, **env(cache)).code == 0
    queries = list({t.query_id: Query(t.query_id, t.query) for t in second}.values())
    _, _, qrels = planted(60)
    with Session(shell.folder / "other") as session:
        wanted = mine_judged(session, queries, qrels, MiningOptions()).lists
    assert negatives(second, "dense") == negatives(wanted, "dense")
    assert negatives(first, "dense") != negatives(second, "dense")
    for mine, theirs in zip(second, wanted, strict=True):
        assert mine.positive_score == pytest.approx(theirs.positive_score, abs=1e-5)


def test_a_training_that_was_stopped_in_its_second_round_goes_on_there(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists of the second round are the same again, for the weights of the first are."""
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")

    def job(name: str) -> EncoderJob:
        options = TrainingOptions(epochs=2, learning_rate=2e-3, freeze=-1, save_steps=2)
        files = shell.folder / "q.jsonl", shell.folder / "r.tsv"
        out, root = shell.folder / name, shell.folder / ".qembed"
        return EncoderJob(root, out, *files, rounds=2, anyway=True, options=options)

    whole = train_encoder(job("whole"))
    trainings: list[list[int]] = []

    def begin(name: str, unit: str, total: int | None) -> None:
        if name == "train":
            trainings.append([])

    def advance(n: int) -> None:
        if trainings:
            trainings[-1].append(n)

    stop = Progress(
        phase=begin, advance=advance, stop=lambda: len(trainings) == 2 and len(trainings[1]) >= 3
    )
    with pytest.raises(KeyboardInterrupt):
        train_encoder(job("half"), stop)
    trainings.clear()
    done = train_encoder(job("half"), Progress(phase=begin, advance=advance))
    assert done["settings"]["resumed"]
    assert trainings[1][0] == 3  # steps that need not be done again
    assert done["settings"]["losses"] == pytest.approx(whole["settings"]["losses"], rel=1e-5)
    one, other = ((shell.folder / n / "model.safetensors").read_bytes() for n in ("whole", "half"))
    assert one == other


def test_lists_of_another_model_s_vectors(
    shell: Shell, models: tuple[Path, Path], cache: Path
) -> None:
    judged = ["--queries", "q.jsonl", "--qrels", "r.tsv"]
    other = ["--model", str(models[1])]
    done = shell("train", "mine", *judged, *other, "--out", "a.jsonl", **env(cache))
    assert done.code == 0, done.err
    again = ["--index", "by-other", *other, "-q"]
    assert shell("index", "corpus.jsonl", *again, **env(cache)).code == 0
    by_it = [*judged, "--index", "by-other", "--out", "b.jsonl"]
    assert shell("train", "mine", *by_it, **env(cache)).code == 0
    own = shell("train", "mine", *judged, "--out", "c.jsonl", **env(cache))
    assert own.code == 0
    lists = [negatives(read_lists(shell.folder / f"{n}.jsonl"), "dense") for n in "abc"]
    assert lists[0] == lists[1] != lists[2]


def test_nothing_of_the_index_s_vectors_is_used(shell: Shell, cache: Path) -> None:
    """Also after deletions, where rows and passages are no longer the same numbers."""
    seen: list[str] = []

    def encode(texts: Any) -> Any:
        seen.extend(texts)
        rng = [np.random.default_rng(zlib.crc32(t.encode())) for t in texts]
        made = np.array([r.normal(size=48) for r in rng], dtype=np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    lines = (shell.folder / "corpus.jsonl").read_text().splitlines()
    shell.write("corpus.jsonl", "\n".join([*lines[:3], *lines[4:17], *lines[18:]]) + "\n")
    assert shell("index", "corpus.jsonl", **env(cache)).code == 0
    with Session(shell.folder / ".qembed") as session:
        again = with_new_vectors(session, session.loaded.model, encode)
        texts = list(seen)
        assert len(texts) == 58
        vectors = encode(texts)
        for i in range(0, 58, 7):
            ((rows, cosines),), _ = again.search.vector_search(vectors[i : i + 1], 58, "exact")
            assert len(rows) == 58
            assert cosines[0] == pytest.approx(1, abs=1e-6)
            passage = session.documents.passages(rows[:1])[0]
            assert passage.text == texts[i]
            np.testing.assert_allclose(
                np.sort(cosines)[::-1], np.sort(vectors @ vectors[i])[::-1], atol=1e-6
            )
        assert again.loaded.encoder.encode(["a"]).shape == (1, 48)


def test_refusals(shell: Shell, cache: Path) -> None:
    for more, message in (
        (["--rounds", "0"], "--rounds 0: at least 1"),
        (["--write-lists", "lists.csv"], "--write-lists lists.csv: lists are written as"),
    ):
        done = shell(*ARGS, "--out", "x", *more, **env(cache))
        assert (done.code, message in done.err) == (2, True)
