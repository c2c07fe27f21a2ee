"""sentence-transformers' own encode_query and encode_document, on folders with their authors' prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.models import open_model, passage_text, query_text, resolve_task
from tests.models import tiny
from tests.models.tiny import POSITIONS

pytestmark = pytest.mark.slow

# As in the config_sentence_transformers.json of the models of these names.
PROMPTS = {
    "Qwen3-Embedding-0.6B": {
        "query": "Instruct: Given a web search query, retrieve relevant passages that answer the query"
        "\nQuery:",
        "document": "",
    },
    "multilingual-e5-small": {"query": "query: ", "document": "passage: "},
    "bge-small-en-v1.5": {
        "query": "Represent this sentence for searching relevant passages: ",
        "document": "",
    },
    "nobody-knows": {"query": "Q: ", "document": "P: "},
}
POOLED = {
    "Qwen3-Embedding-0.6B": "lasttoken",
    "multilingual-e5-small": "mean_tokens",
    "bge-small-en-v1.5": "cls_token",
    "nobody-knows": "mean_tokens",
}
QUERIES = ["fox", "what is the red planet called?", "火星", "two blanks  inside"]
PASSAGES = [*QUERIES, "Mars is the red planet.", "it rains " * 90]


@pytest.mark.parametrize("name", PROMPTS)
def test_both_libraries_encode_the_same_text(
    bert: Path, qwen: dict[str, Path], tmp_path: Path, name: str
) -> None:
    from sentence_transformers import SentenceTransformer

    bare = qwen["left"] if name.startswith("Qwen") else bert
    folder = tiny.with_modules(tiny.copy(bare, tmp_path / name), POOLED[name])
    tiny.change(folder, "config_sentence_transformers.json", prompts=PROMPTS[name])
    theirs = SentenceTransformer(str(folder), device="cpu")
    theirs.max_seq_length = POSITIONS
    model = open_model(str(folder), device="cpu")
    encoder, profile = model.encoder(), model.profile
    queries = [query_text(profile.query, q, resolve_task(None, profile)) for q in QUERIES]
    passages = [passage_text(profile.passage, "title text", "", p) for p in PASSAGES]
    near = {"rtol": 0, "atol": 1e-5}
    np.testing.assert_allclose(encoder.encode(queries), theirs.encode_query(QUERIES), **near)
    np.testing.assert_allclose(encoder.encode(passages), theirs.encode_document(PASSAGES), **near)
    # the prompts matter here: without them the vectors are others
    assert (encoder.encode(QUERIES) * theirs.encode_query(QUERIES)).sum(axis=1).min() < 0.99
