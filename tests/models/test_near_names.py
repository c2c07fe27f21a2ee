"""Names of models that are suggested for one that is none, or cannot be fetched."""

from __future__ import annotations

import pytest

from qembed.errors import UsageError
from qembed.models.rerankers.spec import reranker_spec
from qembed.models.spec import encoder_spec, near_names


@pytest.mark.parametrize(
    ("spec", "kind", "near"),
    [
        ("mini-lm", "encoder", "minilm"),
        ("all-MiniLM-L12-v2", "encoder", "minilm"),
        ("bge_small", "encoder", "bge-small"),
        ("e5-small", "encoder", "multilingual"),
        ("minilm-l6", "reranker", "minilm-l12"),
        ("sentence-transformers/all-MiniLM-L6", "", "minilm"),
    ],
)
def test_names_near_to_one_that_is_none(spec: str, kind: str, near: str) -> None:
    found = near_names(spec, kind)
    assert found[0] == near
    assert len(found) <= 3
    if "/" not in spec:
        refused = reranker_spec if kind == "reranker" else encoder_spec
        with pytest.raises(UsageError, match=f"did you mean {near}"):
            refused(spec)


@pytest.mark.parametrize("text", ["", "nope", "org/xyz", "./nowhere"])
def test_nothing_is_near_to_nonsense(text: str) -> None:
    assert near_names(text) == []
