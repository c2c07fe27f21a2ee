"""New model folders encode queries and passages as the model that they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import UsageError
from qembed.models import open_model, query_text, task_template
from qembed.models.model import Model
from qembed.models.profiles.recorded import RECORD
from qembed.models.templates import passage_text
from qembed.training.card import write_card
from qembed.training.merging.merge import merge_models
from qembed.training.model_folders import SETTINGS, keep_profile, known_bases
from tests.models import tiny

pytestmark = pytest.mark.slow
NAMES = ["bge-small-en-v1.5", "multilingual-e5-small", "Qwen3-Embedding-0.6B", "nobody-knows",
         "embeddinggemma-300m", "bge-small-zh-v1.5"]  # fmt: skip


def encoded(model: Model) -> tuple[str, str]:
    """What is encoded for a query and for a passage."""
    template, task = task_template(model.profile, None)
    passage = passage_text(model.profile.passage, "none", "", "a passage")
    return query_text(template, "a query", task), passage


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_of_the_first_model_stays(
    models: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    """Through two trainings: templates with words behind the text and with a task, limits, languages."""
    base = tiny.copy(models[0], tmp_path / name)
    first, second = (tiny.copy(models[0], tmp_path / n) for n in ("first", "second"))
    keep_profile([str(base)], first)
    keep_profile([str(first)], second)
    wanted = open_model(str(base)).profile
    for folder in (first, second):
        found = open_model(str(folder)).profile
        own = {"prompts": wanted.prompts, "default_prompt": wanted.default_prompt, "patterns": ()}
        assert replace(found, **own) == replace(wanted, patterns=())
    assert encoded(open_model(str(second))) == encoded(open_model(str(base)))
    bases = known_bases([str(second)])
    assert [Path(b["model"]).name for b in bases] == [name, "first", "second"]
    assert bases[0]["revision"] == open_model(str(base)).revision
    settings = {"model": "first", "revision": "r", "trained": "t", "held_out": 0.2, "seed": 0}
    settings |= {"max_tokens": 64, "replay": 0.3, "rounds": [{}, {}]}
    write_card(second, "second", {"settings": settings, "verdict": {}}, [])
    card = (second / "README.md").read_text()
    assert f"Models before it: {base}.\n" in card
    for row in ("| max_tokens | 64 |", "| replay | 0.3 |", "| rounds | 2 |"):  # to repeat it
        assert row in card


@pytest.mark.parametrize(
    ("names", "dims", "wanted"),
    [
        (["nobody"], (), None),
        (["nobody"], (24, 16), 16),
        (["Qwen3-Embedding-0.6B"], (), 32),  # the family was trained for it
        (["Qwen3-Embedding-0.6B"], (16,), 16),
        (["Qwen3-Embedding-0.6B", "nobody"], (), None),
        (["Qwen3-Embedding-0.6B", "embeddinggemma-300m"], (), 128),
    ],
)
def test_how_far_vectors_can_be_cut(
    models: tuple[Path, Path], tmp_path: Path, names: list[str], dims: Any, wanted: int | None
) -> None:
    specs = [str(tiny.copy(models[0], tmp_path / name)) for name in names]
    made = tiny.copy(models[0], tmp_path / "made")
    keep_profile(specs, made, dims)
    assert open_model(str(made)).profile.min_dim == wanted
    if wanted == 16:
        assert open_model(str(made), dim=20).dim == 20
        with pytest.raises(UsageError, match="can be cut to 16 to 48 dimensions"):
            open_model(str(made), dim=8)


@pytest.mark.parametrize(
    "record",
    [
        "",
        "nothing",
        "[]",
        '{"schema": 2, "profile": {"name": "x", "query": "wrong {query}"}}',
        '{"schema": 1, "bases": 3, "profile": []}',
        '{"schema": 1, "profile": {"query": "no name {query}"}}',
        '{"schema": 1, "profile": {"name": "x", "query": "no place"}}',
        '{"schema": 1, "profile": {"name": "x", "query": "{query}", "passage": "no place"}}',
        '{"schema": 1, "profile": {"name": "x", "min_dim": "8"}}',
        '{"schema": 1, "profile": {"name": "x", "min_dim": 0}}',
        '{"schema": 1, "profile": {"name": "x", "languages": [1]}}',
        '{"schema": 1, "profile": {"name": "x", "max_tokens": true}}',
    ],
)
def test_a_broken_record_counts_as_none(
    models: tuple[Path, Path], tmp_path: Path, record: str
) -> None:
    folder = tiny.copy(models[0], tmp_path / "multilingual-e5-tiny")
    (folder / RECORD).write_text(record)
    assert open_model(str(folder)).profile.query == "query: {query}"
    assert [Path(b["model"]).name for b in known_bases([str(folder)])] == [folder.name]


def test_texts_are_trained_on_as_they_are_searched(tmp_path: Path) -> None:
    """A tokenizer that has lost the end token, and a text that is too long."""
    from qembed.training.encoder.encoder_folder import load_trainable

    named = tmp_path / "Qwen3-Embedding-0.6B"
    tiny.saved(tiny.qwen(tmp_path / "bare", "left"), named, "lasttoken")
    tiny.change(named, "tokenizer.json", post_processor=None)
    opened = open_model(str(named))
    model, _ = load_trainable(str(named))
    for text in ("mars is the red planet", "fox " * 5000):
        ids = model.preprocess([text])["input_ids"][0].tolist()
        wanted = opened.tokenizer().encode(text).ids
        assert len(ids) == min(len(wanted), opened.max_tokens)
        assert ids[-1] == wanted[-1] == opened.tokenizer().token_to_id(tiny.END)


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_merged_model_keeps_the_templates(
    models: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    from sentence_transformers import SentenceTransformer

    base = tiny.copy(models[0], tmp_path / name)
    merge_models(str(base), str(models[1]), tmp_path / "out")
    wanted = encoded(open_model(str(base)))
    assert encoded(open_model(str(tmp_path / "out"))) == wanted
    assert (wanted[0] != "a query") == (name != "nobody-knows")
    made = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert made.prompts["query"] + "a query" == wanted[0]
    assert made.prompts["document"] + "a passage" == wanted[1]


def test_prompts_of_its_own_stay(tmp_path: Path) -> None:
    base, made = tmp_path / "base", tmp_path / "made"
    own = {"search_query": "find: ", "search_document": "found: ", "clustering": "sort: "}
    for folder in (base, made):
        folder.mkdir()
        (folder / SETTINGS).write_text(json.dumps({"prompts": own, "default_prompt_name": None}))
    before = (made / SETTINGS).read_text()
    keep_profile([str(base)], made)
    assert (made / SETTINGS).read_text() == before


def test_a_template_by_name_goes_before_a_prompt(tmp_path: Path) -> None:
    base, made = tmp_path / "multilingual-e5-base", tmp_path / "made"
    for folder in (base, made):
        folder.mkdir()
    (made / SETTINGS).write_text(json.dumps({"prompts": {"search_query": "q: ", "sts": "s: "}}))
    keep_profile([str(base)], made)
    prompts = json.loads((made / SETTINGS).read_text())["prompts"]
    assert prompts == {"search_query": "query: ", "document": "passage: ", "sts": "s: "}


def test_a_model_whose_first_positions_are_not_for_tokens(tmp_path: Path) -> None:
    """RoBERTa and its kin: sentence-transformers' limit is of all positions, and too high by some."""
    from transformers import RobertaConfig, RobertaModel

    from qembed.training.encoder.encoder_folder import encode, load_trainable

    bare = tmp_path / "bare"
    config = RobertaConfig(
        vocab_size=tiny.wordpiece(bare), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=20, pad_token_id=0,
    )  # fmt: skip
    RobertaModel(config).save_pretrained(bare)
    folder = tiny.with_modules(bare, "mean_tokens")
    tiny.change(folder, "1_Pooling/config.json", word_embedding_dimension=16)
    model, _ = load_trainable(str(folder))
    assert model.max_seq_length == open_model(str(folder)).max_tokens == 19
    assert encode(model, ["fox " * 50]).shape == (1, 16)
