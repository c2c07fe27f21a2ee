"""Vectors against the formulas, written out in reference.py: one text, no padding, pooled by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qembed.models import Model, open_model
from tests.models import reference, tiny
from tests.models.tiny import POSITIONS, TEXTS, WIDTH

pytestmark = pytest.mark.slow

NEAR = {"rtol": 0, "atol": 1e-5}


@dataclass
class Case:
    """A folder, and the bare one with the same weights that the reference reads."""

    folder: Path
    bare: Path
    pooling: str

    def open(self, dim: int | None = None) -> Model:
        return open_model(str(self.folder), dim=dim, device="cpu")

    def expected(self, texts: list[str], dim: int | None = None) -> np.ndarray:
        return reference.vectors(self.bare, texts, self.pooling, POSITIONS, dim)


CASES = {
    "cls bare": "bert",
    "mean bare": "bert",
    "unknown bare": "bert",
    "cls hub": "bert",
    "mean hub": "bert",
    "cls saved": "bert",
    "mean saved": "bert",
    "cls+mean hub": "bert",
    "cls+mean saved": "bert",
    "cls hub left": "bert",
    "mean hub left": "bert",
    "lasttoken bare left": "qwen",
    "lasttoken bare right": "qwen",
    "lasttoken hub left": "qwen",
    "lasttoken hub right": "qwen",
    "lasttoken saved left": "qwen",
}
BARE_NAMES = {"cls": "bge-small-en-v1.5", "mean": "all-MiniLM-L6-v2"}
FLAGS = {"cls": "cls_token", "mean": "mean_tokens", "lasttoken": "lasttoken"}


@pytest.fixture(scope="module")
def cases(
    tmp_path_factory: pytest.TempPathFactory, bert: Path, qwen: dict[str, Path]
) -> dict[str, Case]:
    found = {}
    for name, family in CASES.items():
        top = tmp_path_factory.mktemp("case")
        pooling, layout, *side = name.split()
        bare = bert if family == "bert" else qwen[side[0]]
        if family == "bert" and side:  # positions are absolute: padding before a text would move it
            bare = tiny.copy(bert, top / "bare")
            tiny.change(bare, "tokenizer_config.json", padding_side=side[0])
        if layout == "saved":
            modes = pooling.split("+")
            folder = tiny.saved(bare, top / "saved", modes if len(modes) > 1 else pooling)
        elif layout == "hub":
            folder = tiny.copy(bare, top / "anything")
            tiny.with_modules(folder, *(FLAGS[p] for p in pooling.split("+")))
        else:  # only the name says how to pool; without one it is the mean
            folder = tiny.copy(bare, top / BARE_NAMES.get(pooling, bare.name))
        found[name] = Case(folder, bare, "mean" if pooling == "unknown" else pooling)
    return found


@pytest.mark.parametrize("name", CASES)
def test_equals_the_formula(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    model = case.open()
    expected = case.expected(TEXTS)
    got = model.encoder().encode(TEXTS)
    assert got.dtype == np.float32
    assert got.shape == (len(TEXTS), model.dim) == expected.shape
    assert model.pooling == case.pooling
    np.testing.assert_allclose(got, expected, **NEAR)


@pytest.mark.parametrize("name", CASES)
def test_a_batch_of_one_is_like_a_mixed_batch(cases: dict[str, Case], name: str) -> None:
    encoder = cases[name].open().encoder()
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, **NEAR)
    backwards = encoder.encode(TEXTS[::-1])
    np.testing.assert_allclose(together, backwards[::-1], **NEAR)


@pytest.mark.parametrize("name", ["lasttoken bare left", "lasttoken bare right"])
def test_truncation_keeps_the_end_token(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    model = case.open()
    long = "it rains " * 300
    assert model.count([long])[0] > model.max_tokens == POSITIONS
    ids = reference.token_ids(case.bare, long, POSITIONS)
    assert (len(ids), ids[-1]) == (POSITIONS, 0)
    got = model.encoder().encode([long, "short", long + "and more"])
    np.testing.assert_allclose(got[:2], case.expected([long, "short"]), **NEAR)
    np.testing.assert_allclose(got[0], got[2], **NEAR)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_found_by_the_mask_not_by_the_id(cases: dict[str, Case], side: str) -> None:
    """The end token pads too; a text may even hold it."""
    case = cases[f"lasttoken bare {side}"]
    texts = [tiny.END * 5, f"fox{tiny.END}{tiny.END}", "The quick brown fox jumps over the dog."]
    np.testing.assert_allclose(case.open().encoder().encode(texts), case.expected(texts), **NEAR)


def test_a_chat_template_is_not_applied(cases: dict[str, Case]) -> None:
    """A bare folder with one: sentence-transformers would turn the text into a conversation."""
    case = cases["lasttoken bare left"]
    assert "chat_template" in (case.folder / "tokenizer_config.json").read_text()
    talk = "<|im_start|>user\nfox<|im_end|>"
    assert not np.allclose(case.expected(["fox"]), case.expected([talk]), atol=1e-2)
    np.testing.assert_allclose(
        case.open().encoder().encode(["fox"]), case.expected(["fox"]), **NEAR
    )


@pytest.mark.parametrize("dim", [32, 40, WIDTH])
def test_cut_first_and_normalised_then(cases: dict[str, Case], dim: int) -> None:
    case = cases["lasttoken hub left"]
    named = tiny.copy(case.folder, case.folder.parent / f"{dim}" / "Qwen3-Embedding-0.6B")
    got = open_model(str(named), dim=dim, device="cpu").encoder().encode(TEXTS)
    assert got.shape == (len(TEXTS), dim)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, **NEAR)
    np.testing.assert_allclose(got, case.expected(TEXTS, dim), **NEAR)


@pytest.mark.parametrize("name", ["mean hub", "lasttoken bare left", "lasttoken bare right"])
def test_token_vectors_are_the_attended_states(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    got = case.open().token_encoder().encode_tokens(TEXTS)
    assert len(got) == len(TEXTS)
    for text, vectors in zip(TEXTS, got, strict=True):
        expected = reference.unit(reference.states(case.bare, text, POSITIONS))
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(vectors, expected, **NEAR)


def test_no_text_at_all(cases: dict[str, Case]) -> None:
    model = cases["mean hub"].open()
    assert model.encoder().encode([]).shape == (0, WIDTH)
    assert model.token_encoder().encode_tokens([]) == []


def test_many_batches_keep_the_order(cases: dict[str, Case]) -> None:
    encoder = cases["mean hub"].open().encoder()
    few, many = encoder.encode(TEXTS), encoder.encode(TEXTS * 40)
    np.testing.assert_allclose(many, np.tile(few, (40, 1)), rtol=0, atol=1e-5)


def test_the_folders_default_prompt_is_not_added(cases: dict[str, Case], tmp_path: Path) -> None:
    """sentence-transformers falls back to it; the text that arrives here is finished."""
    from sentence_transformers import SentenceTransformer

    case = cases["mean hub"]
    folder = tiny.change(
        tiny.copy(case.folder, tmp_path / "prompted"),
        "config_sentence_transformers.json",
        prompts={"query": "Search for it: ", "document": "A passage: "},
        default_prompt_name="query",
    )
    plain = SentenceTransformer(str(folder), device="cpu").encode(TEXTS[:1])
    expected = case.expected(TEXTS)
    assert not np.allclose(plain, expected[:1], atol=1e-2)  # so the fixture is what it claims to be
    model = open_model(str(folder), device="cpu")
    np.testing.assert_allclose(model.encoder().encode(TEXTS), expected, **NEAR)
    tokens = model.token_encoder().encode_tokens(["fox"])[0]
    assert len(tokens) == len(reference.token_ids(case.bare, "fox", POSITIONS))
