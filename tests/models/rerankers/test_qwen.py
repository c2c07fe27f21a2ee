"""Qwen3-Reranker's yes and no against an independent reference: through torch and through an export."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import EncodingError, UsageError
from qembed.models import Model, open_model, open_reranker
from qembed.models.model_folder import Folder
from qembed.models.onnx import prepare
from qembed.models.onnx.prepare import qwen_reranker
from qembed.models.rerankers.cross_encoder import CrossEncoderReranker
from qembed.models.rerankers.qwen import QwenReranker
from tests.models import reference, tiny
from tests.models.exports import make
from tests.models.reference import CODE, PREFIX, SUFFIX, WEB

pytestmark = pytest.mark.slow

PAIRS = [
    ("Which planet is red?", "Mars is the red planet."),
    ("Which planet is red?", "fox"),
    ("火星", "火星是红色的行星。"),
    ("fox", ""),
    ("lazy dog", "The quick brown fox jumps over the lazy dog. " * 4),
]
LIMIT = tiny.LONG
NEAR = {"rtol": 0, "atol": 1e-5}
KINDS = {"tied left": ("left", True), "untied right": ("right", False)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> dict[str, Path]:
    """Tied weights and padding on the left, as the authors' own, and neither; both with exports."""
    top, found = tmp_path_factory.mktemp("rerank"), {}
    for kind, (side, tied) in KINDS.items():
        folder = tiny.qwen_reranker(top / side / "Qwen3-Reranker-0.6B", side, tied=tied)
        wanted = qwen_reranker(folder, str(folder), "cpu")
        shutil.move(make(wanted, top / side / "export").folder, wanted.slot().folder)
        found[kind] = folder
    return found


@pytest.fixture(scope="module")
def folder(folders: dict[str, Path]) -> Path:
    return folders["tied left"]


@pytest.fixture(scope="module")
def model(bert: Path) -> Model:
    return open_model(str(bert), device="cpu")


@pytest.fixture(params=[(kind, by) for kind in KINDS for by in ("torch", "onnx")], ids=" ".join)
def both(
    request: Any, folders: dict[str, Path], model: Model, monkeypatch: pytest.MonkeyPatch
) -> tuple[QwenReranker, Path]:
    """(a reranker by torch or onnxruntime, its folder)."""
    kind, by = request.param
    if by == "torch":
        monkeypatch.setenv(prepare.RUNTIME, "torch")
    reranker = open_reranker(str(folders[kind]), model, device="cpu")
    assert isinstance(reranker, QwenReranker)
    assert (reranker._exported is not None) == (by == "onnx")
    assert reranker.note is None
    return reranker, folders[kind]


# ── the formula ──────────────────────────────────────────────────────────────────────────────────


def test_the_cards_formula(both: tuple[QwenReranker, Path]) -> None:
    reranker, folder = both
    assert (reranker.kind, reranker.calibrated) == ("qwen3-reranker", True)
    expected = reference.log_odds(folder, PAIRS, LIMIT)
    assert np.ptp(expected) > 0.1
    got = reranker.logits(PAIRS)
    assert (got.dtype, got.shape) == (np.float32, (len(PAIRS),))
    np.testing.assert_allclose(got, expected, **NEAR)
    np.testing.assert_allclose(reranker.score(PAIRS), 1 / (1 + np.exp(-expected)), **NEAR)
    assert reranker.truncated == []


def test_a_batch_of_one_is_a_batch_of_many(both: tuple[QwenReranker, Path]) -> None:
    reranker, _ = both
    long = PAIRS[0][0], "it rains in the harbour. " * 60
    mixed = [*PAIRS, long, *PAIRS[::-1]]
    seen: list[int] = []
    together = reranker.logits(mixed, seen.append)
    assert sum(seen) == len(mixed)
    alone = np.concatenate([reranker.logits([pair]) for pair in mixed])
    np.testing.assert_allclose(together, alone, **NEAR)
    np.testing.assert_allclose(reranker.logits(mixed[::-1]), together[::-1], **NEAR)
    assert reranker.score([]).shape == (0,)


def test_only_the_middle_is_cut(both: tuple[QwenReranker, Path]) -> None:
    reranker, folder = both
    long = [("fox", "it rains " * 700), PAIRS[0]]
    np.testing.assert_allclose(
        reranker.logits(long), reference.log_odds(folder, long, LIMIT), **NEAR
    )
    assert reranker.truncated == [long[0]]
    # the end of such a document is not read, its beginning is
    changed = [("fox", "it rains " * 700 + "fox"), ("fox", "fox " + "it rains " * 700)]
    odds = reranker.logits([long[0], *changed])
    assert odds[0] == pytest.approx(odds[1], abs=1e-6)
    assert abs(odds[0] - odds[2]) > 1e-5
    assert len(reranker.truncated) == 4


def test_a_long_query_leaves_room_for_the_document(both: tuple[QwenReranker, Path]) -> None:
    reranker, _ = both
    query = "which planet is it? " * 300
    one, other = reranker.logits([(query, "Mars is the red planet."), (query, "fox")])
    assert abs(one - other) > 1e-5
    assert len(reranker.truncated) == 2


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────

POEMS = "find poems about {query}"


@pytest.mark.parametrize("task", ["code", CODE, POEMS])
def test_the_task_it_was_opened_with(model: Model, folder: Path, task: str) -> None:
    reranker = open_reranker(str(folder), model, task=task, device="cpu")
    assert isinstance(reranker, QwenReranker)
    said = CODE if task == "code" else task
    expected = reference.log_odds(folder, PAIRS, LIMIT, [said] * len(PAIRS))
    assert not np.allclose(expected, reference.log_odds(folder, PAIRS, LIMIT), atol=1e-2)
    np.testing.assert_allclose(reranker.logits(PAIRS), expected, **NEAR)


def test_tasks_of_the_pairs_in_one_batch(both: tuple[QwenReranker, Path]) -> None:
    """By name, in full, and none, which is what it was opened with."""
    reranker, folder = both
    assert reranker.instructed
    tasks = ["code", None, POEMS, CODE, None]
    told = [CODE, WEB, POEMS, CODE, WEB]
    got = reranker.logits(PAIRS, None, tasks)
    np.testing.assert_allclose(got, reference.log_odds(folder, PAIRS, LIMIT, told), **NEAR)
    alone = [reranker.logits([p], None, [t])[0] for p, t in zip(PAIRS, tasks, strict=True)]
    np.testing.assert_allclose(got, alone, **NEAR)
    with pytest.raises(UsageError, match="did you mean 'code'"):
        reranker.score(PAIRS[:1], None, ["coed"])


def test_a_task_that_nearly_is_a_name(model: Model, folder: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'code'"):
        open_reranker(str(folder), model, task="coed", device="cpu")


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def test_half_precision_runs_in_float32_on_a_cpu(
    model: Model, folder: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    half = tiny.copy(folder, tmp_path / "Qwen3-Reranker-0.6B")
    AutoModelForCausalLM.from_pretrained(half, dtype=torch.bfloat16).save_pretrained(half)
    assert '"dtype": "bfloat16"' in (half / "config.json").read_text()
    assert Folder(half).float32() == pytest.approx(Folder(folder).float32(), rel=0.05)
    reranker = open_reranker(str(half), model, device="cpu")
    assert isinstance(reranker, QwenReranker)
    assert {p.dtype for p in reranker.model.parameters()} == {torch.float32}
    expected = reference.log_odds(half, PAIRS, LIMIT)
    np.testing.assert_allclose(reranker.logits(PAIRS), expected, **NEAR)


def test_nan_names_its_pair(model: Model, folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    broken = tiny.copy(folder, tmp_path / "Qwen3-Reranker-nan")
    weights = load_file(broken / "model.safetensors")
    tokenizer = reference.language_model(folder)[0]
    poison = tokenizer("火", add_special_tokens=False)["input_ids"][0]
    weights["model.embed_tokens.weight"][poison] = np.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    reranker = open_reranker(str(broken), model, device="cpu")
    with pytest.raises(EncodingError, match=r"NaN or infinity for the query .* with the passage"):
        reranker.score([("fox", "dog"), ("火星", "行星")])


# ── sentence-transformers ────────────────────────────────────────────────────────────────────────

TEMPLATE = (
    PREFIX
    + "<Instruct>: "
    + WEB
    + '\n<Query>: {{ messages | selectattr("role", "eq", "query") | map(attribute="content") | first }}'
    + '\n<Document>: {{ messages | selectattr("role", "eq", "document") '
    + '| map(attribute="content") | first }}'
    + SUFFIX.rstrip("\n")
    + "{{ '\\n\\n' }}"
)


@pytest.fixture(scope="module")
def templated(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a chat template as the authors' newer revisions have one."""
    made = tiny.copy(folder, tmp_path_factory.mktemp("st") / "Qwen3-Reranker-0.6B")
    return tiny.change(made, "tokenizer_config.json", chat_template=TEMPLATE)


def test_sentence_transformers_agrees(model: Model, templated: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    theirs = CrossEncoder(str(templated), device="cpu", activation_fn=torch.nn.Identity())
    expected = theirs.predict(PAIRS, show_progress_bar=False)
    reranker = open_reranker(str(templated), model, device="cpu")
    assert isinstance(reranker, QwenReranker)
    np.testing.assert_allclose(reranker.logits(PAIRS), expected, rtol=0, atol=1e-4)


def test_another_family_with_a_prompt_of_its_own(
    model: Model, templated: Path, tmp_path: Path
) -> None:
    """A language model that scores itself through sentence-transformers keeps its own prompt."""
    import torch
    from sentence_transformers import CrossEncoder

    theirs = CrossEncoder(str(templated), device="cpu", activation_fn=torch.nn.Identity())
    theirs.save_pretrained(str(tmp_path / "poets-reranker"))
    reranker = open_reranker(str(tmp_path / "poets-reranker"), model, device="cpu")
    assert isinstance(reranker, CrossEncoderReranker)
    expected = theirs.predict(PAIRS, show_progress_bar=False)
    np.testing.assert_allclose(reranker.logits(PAIRS), expected, rtol=0, atol=1e-4)
