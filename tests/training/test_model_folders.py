"""New model folders encode queries and passages as the model that they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.models import open_model, query_text, task_template
from qembed.models.model import Model
from qembed.models.templates import passage_text
from qembed.training.merging.merge import merge_models
from qembed.training.model_folders import SETTINGS, keep_templates
from tests.models import tiny

NAMES = ["bge-small-en-v1.5", "multilingual-e5-small", "Qwen3-Embedding-0.6B", "nobody-knows"]


def encoded(model: Model) -> tuple[str, str]:
    """What is encoded for a query and for a passage."""
    template, task = task_template(model.profile, None)
    passage = passage_text(model.profile.passage, "none", "", "a passage")
    return query_text(template, "a query", task), passage


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
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
    keep_templates(str(base), made)
    assert (made / SETTINGS).read_text() == before


def test_a_template_by_name_goes_before_a_prompt(tmp_path: Path) -> None:
    base, made = tmp_path / "multilingual-e5-base", tmp_path / "made"
    for folder in (base, made):
        folder.mkdir()
    (made / SETTINGS).write_text(json.dumps({"prompts": {"search_query": "q: ", "sts": "s: "}}))
    keep_templates(str(base), made)
    prompts = json.loads((made / SETTINGS).read_text())["prompts"]
    assert prompts == {"search_query": "query: ", "document": "passage: ", "sts": "s: "}
