"""`qembed train sequence`: bare sequences to a model that `--model` takes, resumed where it was stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from qembed.models import open_model
from qembed.pipeline.progress import Progress
from qembed.training.judging import ALIKE, Side, mean_cosine
from qembed.training.sequence.augment import Augmentation
from qembed.training.sequence.judged import ViewJudge
from qembed.training.sequence.new_model import ModelSize
from qembed.training.sequence.run import SequenceJob, train_sequence
from qembed.training.sequence.stages import Stages
from tests.cli.conftest import Shell
from tests.models.exports import make, model_in
from tests.training.sequence.families import RESIDUES, family_members, write_fasta

pytest.importorskip("Bio.Align")
pytestmark = pytest.mark.slow
SMALL = ["--width", "32", "--layers", "1", "--crop", "48", "--batch", "16", "--lr", "5e-3"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Shell:
    made = Shell(tmp_path_factory.mktemp("work"))
    families = family_members(40, 5)
    write_fasta(made.folder / "train.fasta", families[:30])
    write_fasta(made.folder / "new.fasta", families[30:])
    return made


def test_bare_sequences_become_a_model(shell: Shell, cache: Path) -> None:
    env = {"QEMBED_CACHE": str(cache)}
    args = ["--units", "residue", "--masked", "1", "--views", "12", *SMALL, "--out", "m"]
    torch_only = {**env, "QEMBED_RUNTIME": "torch"}  # else an exporter's process is started
    done = shell("train", "sequence", "train.fasta", *args, "--format", "json", **torch_only)
    assert done.code == 0, done.err
    body = done.json
    verdict = body["verdict"]
    assert verdict["proxy"]
    assert verdict["new"]["after"] > 0.5
    losses = body["settings"]["stages"]["losses"]
    assert losses["masked"][1] < losses["masked"][0]
    assert losses["views"][1] < losses["views"][0]
    card = (shell.folder / "m" / "README.md").read_text()
    assert "Made by `qembed train sequence`" in card
    assert "| alphabet | protein |" in card
    assert "| new sequences | " in card
    members = "\n".join((shell.folder / "train.fasta").read_text().split("\n")[1::2])
    assert (
        f"| 150 different sequences, a line each | {sha256(members.encode()).hexdigest()} |" in card
    )
    assert f"| held out | {verdict['new']['queries']} sequences: a view of each" in card
    assert not (shell.folder / "m.training").exists()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(cache))
        request = model_in(shell.folder / "m").export_request()
        make(request, request.slot().folder)

    # the folder says what it reads
    done = shell("index", "new.fasta", "--model", "m", "--format", "json", **env)
    assert done.code == 0, done.err
    assert done.json["recipe"]["chunker"] == "sequence:protein:3"
    assert done.json["recipe"]["title_rule"] == "none"
    member = (shell.folder / "new.fasta").read_text().split("\n")[1]
    hits = shell("query", member[5:50], "--mode", "dense", "--format", "jsonl", **env).lines
    assert hits[0]["document"] == "f0m0"
    refused = shell(
        "index", "new.fasta", "--model", "m", "--chunker", "auto", "--index", "i", **env
    )
    assert (refused.code, "m reads protein sequences" in refused.err) == (2, True)

    # without torch: the export gives torch's vectors, of one text and of several
    texts = [member, "MKX*", member[:20].lower(), member * 12]
    model = open_model(str(shell.folder / "m"))
    assert model.prepare(lambda _: None, lambda: False) is None
    from sentence_transformers import SentenceTransformer

    torch = SentenceTransformer(str(shell.folder / "m"), device="cpu")
    wanted = np.concatenate([torch.encode([t], show_progress_bar=False) for t in texts])
    np.testing.assert_allclose(model.encoder().encode(texts), wanted, atol=2e-6)
    np.testing.assert_allclose(model.encoder().encode(texts[:1]), wanted[:1], atol=2e-6)

    # families that it was not trained on
    vectors = model.encoder().encode((shell.folder / "new.fasta").read_text().split("\n")[1::2])
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    family = np.arange(50) // 5
    assert (family[cosines.argmax(axis=1)] == family).mean() > 0.65  # by chance .08


def job(folder: Path, out: Path, **stages: int) -> SequenceJob:
    return SequenceJob(
        corpus=[folder / "train.fasta"],
        out=out,
        units="kmer:2",
        size=ModelSize(32, 1, 64),
        stages=Stages(**{"masked": 1, "views": 2, "batch": 32, "save_steps": 2, **stages}),
        views=Augmentation(longest=32),
        anyway=True,
    )


def test_a_stopped_training_goes_on_to_the_same_model(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    whole = train_sequence(job(shell.folder, tmp_path / "a", next_unit=1))
    losses = whole["settings"]["stages"]["losses"]
    assert losses["next-unit"][1] < losses["next-unit"][0]
    card = (tmp_path / "a" / "README.md").read_text()
    assert "| epochs | masked 1, next-unit 1, views 2 |" in card
    assert "| views | shortest 0.5, longest 32, exchanged 0.15, hidden 0.05 |" in card
    for most in (3, 11, 13):  # in the first stage, then in the second and in the third
        steps: list[int] = []
        progress = Progress(advance=steps.append, stop=lambda s=steps, n=most: len(s) >= n)
        with pytest.raises(KeyboardInterrupt):
            train_sequence(job(shell.folder, tmp_path / "b", next_unit=1), progress)
        assert not (tmp_path / "b").exists()
    kept = {p.parent.name: p.name for p in (tmp_path / "b.training").glob("*/checkpoint-*")}
    assert sorted(kept) == ["masked", "next-unit", "views"]
    resumed = train_sequence(job(shell.folder, tmp_path / "b", next_unit=1))
    assert resumed["settings"]["resumed"]
    assert resumed["verdict"] == whole["verdict"]
    first, second = (tmp_path / n / "model.safetensors" for n in "ab")
    assert first.read_bytes() == second.read_bytes()

    # a trained model is gone on with
    more = job(shell.folder, tmp_path / "c", masked=0, views=1)
    body = train_sequence(
        SequenceJob(
            more.corpus, more.out, model=str(tmp_path / "a"), stages=more.stages, anyway=True
        )
    )
    assert body["settings"]["model"] == str(tmp_path / "a")
    record = json.loads((tmp_path / "c" / "qembed.json").read_text())
    assert record["profile"]["alphabet"] == "protein"
    assert [b["model"] for b in record["bases"]] == [str(tmp_path / "a")]


def test_one_stopped_in_the_first_stage_says_that_it_went_on(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    args = ["train", "sequence", "train.fasta", "--units", "residue", "--views", "1", *SMALL]
    out = str(tmp_path / "m")
    steps: list[int] = []
    progress = Progress(advance=steps.append, stop=lambda: len(steps) >= 3)
    begun = SequenceJob(
        corpus=[shell.folder / "train.fasta"],
        out=Path(out),
        units="residue",
        size=ModelSize(32, 1, 512),
        stages=Stages(masked=1, views=1, batch=16, learning_rate=5e-3),
        views=Augmentation(longest=48),
    )
    with pytest.raises(KeyboardInterrupt):
        train_sequence(begun, progress)
    done = shell(*args, "--out", out, "--anyway", "--format", "json", QEMBED_RUNTIME="torch")
    assert done.code == 0, done.err
    assert done.json["settings"]["resumed"]
    assert "went on from a checkpoint" in done.err


def test_another_training_says_which_checkpoints_it_discards(shell: Shell, tmp_path: Path) -> None:
    def run(name: str, most: int, **stages: int) -> list[str]:
        """Warnings of a training that is stopped after some steps."""
        steps: list[int] = []
        said: list[str] = []
        progress = Progress(warn=said.append, advance=steps.append, stop=lambda: len(steps) >= most)
        with pytest.raises(KeyboardInterrupt):
            train_sequence(job(shell.folder, tmp_path / name, **stages), progress)
        return said

    assert run("begun", 12) == []  # in the second stage
    for name, value, differs in (
        ("seed", 3, "seed 0, now 3; other data; other weights to begin with"),
        ("masked", 2, "epochs 1, now 2"),
        ("next_unit", 1, "had no settings"),
    ):
        work = tmp_path / f"{name}.training"
        shutil.copytree(tmp_path / "begun.training", work)
        assert sorted(p.name for p in work.iterdir()) == ["masked", "views"]
        (said,) = run(name, 1, **{name: value})
        lost = work / "views" if name == "next_unit" else f"{work / 'masked'}, {work / 'views'}"
        assert said.startswith(f"{lost}: checkpoints of another training are discarded")
        assert said.endswith(f"{differs})")
        assert (work / "masked" / "settings.json").exists()
        assert not (work / "views").exists()


@pytest.mark.parametrize(("rate", "is_one"), [(1e-3, False), (0.5, True)])
def test_a_high_cosine_alone_is_no_collapse(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float, is_one: bool
) -> None:
    """A few steps from random weights: all cosines are near 1, as they were before, and yet rank well."""
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    few = job(shell.folder, tmp_path / "few", masked=1, views=0)
    few = replace(few, units="residue", held_out=0.2, anyway=False)
    few = replace(few, stages=replace(few.stages, learning_rate=rate))
    sides: list[Side] = []
    measured = ViewJudge.side
    monkeypatch.setattr(ViewJudge, "side", lambda *a: sides.append(measured(*a)) or sides[-1])
    body = train_sequence(few)
    assert min(mean_cosine(s.vectors) for s in sides) > ALIKE
    said = "the vectors are all alike (mean cosine 0.99"
    assert str(body["worse"]).startswith(said) == is_one, body["worse"]
    assert body["written"] == (not body["worse"])


@pytest.mark.parametrize(
    ("fasta", "words"),
    [
        ("train.fasta", "views find the held-out sequences as before, with nDCG@10 0."),
        ("few.fasta", "views found all held-out sequences before the training"),
    ],
)
def test_what_gained_nothing_is_not_written(shell: Shell, fasta: str, words: str) -> None:
    write_fasta(shell.folder / "few.fasta", [[residue * 60] for residue in RESIDUES])
    args = ["--units", "residue", "--views", "0", *SMALL, "--lr", "1e-9"]
    given = ["train", "sequence", fasta, *args, "--out", "none"]
    done = shell(*given, "--format", "json", QEMBED_RUNTIME="torch")
    new = done.json["verdict"]["new"]
    assert (new["gain"], done.json["written"], done.code) == (0, False, 3), done.err
    assert words in done.json["worse"]
    assert not (shell.folder / "none").exists()
    shown = shell(*given, QEMBED_RUNTIME="torch").out
    assert shown.startswith("new sequences   nDCG@10"), shown


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train.fasta"], "--units NAME makes a new model"),
        (["train.fasta", "--units", "gate"], "protein sequences have residue or kmer:3"),
        (["train.fasta", "--units", "residue", "--alphabet", "dna"], "0 dna sequences"),
        (["train.fasta", "--units", "residue", "--width", "50"], "--width 50"),
        (["none.fasta", "--units", "residue"], "none.fasta"),
    ],
)
def test_what_cannot_be_trained(shell: Shell, args: list[str], words: str) -> None:
    done = shell("train", "sequence", *args, "--out", "x")
    assert done.code == 2
    assert words in done.err
    assert not (shell.folder / "x").exists()
