"""Prompts under names of a model's own, its default prompt, and the similarity that it was trained for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.models import open_model, profile_for, query_text, task_template
from qembed.models.layout.prompts import PromptFinder, read_prompts
from qembed.pipeline.diagnostics.models import show_model
from qembed.pipeline.experiments.sts import sts_template
from qembed.pipeline.indexing.index_plan import plan_recipe
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions, make_recipe
from qembed.store import Manifest
from tests.models import shapes
from tests.models.reference import unit
from tests.models.routed import ROUTED


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("search_query", "search_document"),
        ("query", "passage"),
        ("query", "document"),
        ("retrieval.query", "retrieval.passage"),
        ("Retrieval-query", "Retrieval-document"),
        ("s2p_query", "corpus"),
    ],
)
def test_clear_names(query: str, passage: str) -> None:
    found = read_prompts({"prompts": {"clustering": "C: ", query: "Q: ", passage: "D: "}})
    assert (found.query, found.passage, found.tasks) == ("Q: ", "D: ", {"clustering": "C: "})
    assert (found.query_name, found.passage_name, found.default) == (query, passage, "")


def test_an_empty_prompt_gives_way_to_the_next_name() -> None:
    """sentence-transformers adds an empty `document` to every model it saves."""
    found = read_prompts({"prompts": {"query": "query: ", "document": "", "passage": "passage: "}})
    assert (found.query, found.passage) == ("query: ", "passage: ")


def test_the_default_is_for_both_where_nothing_else_is_named() -> None:
    prompts = {"sts": "S: ", "clustering": "C: "}
    found = read_prompts({"prompts": prompts, "default_prompt_name": "sts"})
    assert (found.query, found.passage, found.tasks) == ("S: ", "S: ", {"clustering": "C: "})
    named = {"prompts": {**prompts, "query": "Q: "}, "default_prompt_name": "sts"}
    found = read_prompts(named)
    assert (found.query, found.passage, found.default) == ("Q: ", "", "S: ")
    assert not read_prompts({"prompts": prompts, "default_prompt_name": "gone"}).found


def test_prompts_that_are_not_named_are_told_by_name(bert: Path, tmp_path: Path) -> None:
    prompts = {"clustering": "C: ", "classification": "K: "}
    folder = shapes.saved(bert, tmp_path / "odd", shapes.SHAPES["no normalize"], prompts=prompts)
    model = open_model(str(folder))
    assert model.warning is not None
    assert "none of its prompts (clustering, classification) is named query" in model.warning
    assert task_template(model.profile, "clustering") == ("C: {query}", None)
    with pytest.raises(UsageError, match="did you mean 'classification'"):
        task_template(model.profile, "clasification")


def test_a_named_prompt_gives_sentence_transformers_vectors(bert: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = {"query": "Q: ", "clustering": "red planet: ", "sts": "lazy dog: "}
    folder = shapes.saved(
        bert,
        tmp_path / "tasks",
        shapes.SHAPES["no normalize"],
        prompts=prompts,
        default_prompt_name="sts",
    )
    theirs = SentenceTransformer(str(folder), device="cpu")
    model = open_model(str(folder), device="cpu")
    template, task = task_template(model.profile, "clustering")
    both = [query_text(template, "fox", task), query_text(sts_template(model.profile), "fox", None)]
    expected = [theirs.encode("fox", prompt_name="clustering"), theirs.encode("fox")]
    got = model.encoder().encode(both)
    np.testing.assert_allclose(got, unit(np.stack(expected)), rtol=0, atol=1e-5)


def test_the_longest_prompt_is_found() -> None:
    find = PromptFinder(
        ["query: {query}", "query: long {text}", "Do: {task}\nQ: {query}", "{text}"]
    )
    assert find("query: fox") == "query: "
    assert find("query: long fox") == "query: long "
    assert find("Do: it\nnow\nQ: fox\nQ: x") == "Do: it\nnow\nQ: "
    assert find("fox query: ") == ""


@pytest.mark.parametrize(
    ("shape", "settings", "expected"),
    [
        ("no normalize", {"similarity_fn_name": "dot"}, "dot"),
        ("no normalize", {"similarity_fn_name": "euclidean"}, "euclidean"),
        ("no normalize", {"similarity_fn_name": "cosine"}, "cosine"),
        ("no normalize", {}, "cosine"),
        ("layer norm", {"similarity_fn_name": "dot"}, "cosine"),
        ("layer norm", {"similarity_fn_name": "euclidean"}, "cosine"),
        ("layer norm", {"similarity_fn_name": "manhattan"}, "manhattan"),
        ("layer norm", {"similarity_fn_name": "dot", "truncate_dim": 8}, "dot"),
        ("normalize before dense", {"similarity_fn_name": "dot"}, "dot"),
        ("no normalize", {"similarity_fn_name": "manhattan"}, "manhattan"),
        ("dense identity", {"similarity_fn_name": "dot"}, "dot"),
        ("static", {"similarity_fn_name": "dot"}, "dot"),
        ("static", {"similarity_fn_name": "euclidean"}, "euclidean"),
        ("static normalize", {"similarity_fn_name": "dot"}, "cosine"),
        # a router is as its route of documents: the length of a query changes no order
        ("light queries", {"similarity_fn_name": "dot"}, "cosine"),
        ("light queries", {"similarity_fn_name": "manhattan"}, "manhattan"),
        ("shared transformer", {"similarity_fn_name": "dot"}, "dot"),
        ("mapped", {"similarity_fn_name": "euclidean"}, "euclidean"),
    ],
)
def test_similarity(
    bert: Path, tmp_path: Path, shape: str, settings: dict[str, Any], expected: str
) -> None:
    builders = {**shapes.SHAPES, **ROUTED}
    folder = shapes.saved(bert, tmp_path / "m", builders[shape], **settings)
    assert profile_for("m", folder).similarity == expected
    shown = show_model(str(folder), None, "words")
    assert shown["similarity"] == expected
    problem = str(shown["problem"])
    assert problem.startswith(
        "None" if expected == "cosine" else f"m was trained for {expected}, where"
    )
    options = IndexOptions(recipe=RecipeOptions(model=str(folder)))
    if expected == "cosine":
        assert plan_recipe(None, options).recipe.dim > 0
        return
    with pytest.raises(UsageError, match=f"was trained for {expected}, where the length"):
        plan_recipe(None, options)
    # an index that has such vectors goes on, with a warning
    model = open_model(str(folder))
    assert f"was trained for {expected}" in (model.warning or "")
    present = Manifest(make_recipe(model, RecipeOptions()), str(folder))
    assert plan_recipe(present, options).recipe == present.recipe
    text = (folder / "config_sentence_transformers.json").read_text()
    body = {**json.loads(text), "similarity_fn_name": "cosine"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(body))
    assert plan_recipe(None, options).recipe == present.recipe
