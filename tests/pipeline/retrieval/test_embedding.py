"""Texts to encode on request: the templates of both roles, and what dimensions a model can be cut to."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.pipeline.retrieval.embedding.embed import embed, encoder_of, encoder_texts
from qembed.pipeline.retrieval.embedding.request import EmbedRequest
from qembed.pipeline.retrieval.session import Session
from tests.cli.conftest import Shell, docs, filled, shell

__all__ = ["docs", "filled", "shell"]
INSTRUCTED = "py:tests.encoders:instructed"


def test_roles_are_the_templates_of_queries_and_passages(shell: Shell) -> None:
    shell.write("a.txt", "q1 d2 words")
    assert shell("index", "a.txt", "--model", INSTRUCTED).code == 0
    with Session(shell.folder / ".qembed") as session:

        def texts(role: str | None) -> list[str]:
            return encoder_texts(session, EmbedRequest(["w1"], role))  # type: ignore[arg-type]

        (query,) = texts("query")
        assert query.startswith("Instruct: ")
        assert query.endswith("\nQuery: w1")
        assert texts("document") == texts(None) == ["w1"]
        request = EmbedRequest(["w1"] * 150, "query")
        encoder = encoder_of(session, request)
        vectors = embed(encoder, encoder_texts(session, request), None)
        assert vectors.shape == (150, session.recipe.dim)
        np.testing.assert_array_equal(vectors[0], encoder.encode([query])[0])
        cut = embed(encoder, [query], 8)
        np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, atol=1e-6)
        with pytest.raises(UsageError, match="was not trained to be cut"):
            encoder_of(session, EmbedRequest(["w1"], None, 8))


def test_json() -> None:
    request = EmbedRequest(["a", "b"], "query", 16)
    assert EmbedRequest.from_json(request.to_json()) == request
