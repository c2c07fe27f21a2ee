"""`/v1/…`: vectors and scores of the index's models, for clients of other programs."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from qembed.models import open_model
from tests.cli.conftest import BAG
from tests.encoders import Bag
from tests.web.http.conftest import Site

pytestmark = pytest.mark.slow

TEXTS = [
    "w1 w2",
    "locked account",
    "如何申请退款？",
    "a\ud800b".encode("utf-8", "replace").decode(),
]


@pytest.mark.slow
def test_an_openai_client_gets_the_vectors_of_the_encoder(site: Site) -> None:
    import openai  # half a second

    wanted = Bag().encode(TEXTS)
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key="none", max_retries=0) as client:
        assert BAG in [m.id for m in client.models.list()]
        found = client.embeddings.create(model=BAG, input=TEXTS)  # asks for base64
        plain = client.embeddings.create(model=BAG, input=TEXTS[0], encoding_format="float")
        assert found.usage.prompt_tokens == found.usage.total_tokens > len(TEXTS)
        assert [d.index for d in found.data] == [0, 1, 2, 3]
        vectors = np.array([d.embedding for d in found.data], dtype=np.float32)
        np.testing.assert_allclose(vectors, wanted, atol=1e-6)
        np.testing.assert_allclose(plain.data[0].embedding, wanted[0], atol=1e-6)
        with pytest.raises(openai.NotFoundError, match=r"this server has py:tests\.encoders:bag"):
            client.embeddings.create(model="text-embedding-3-small", input="w1")
        with pytest.raises(openai.BadRequestError, match="not numbers of tokens"):
            client.embeddings.create(model=BAG, input=[[1, 2]])
    said = site.post("/v1/rerank", {"query": "w1", "documents": [5]}, 400)["error"]["message"]
    assert "documents: a text or a list of texts, none of them empty, is wanted" in said


def test_base64_is_the_same_numbers(site: Site) -> None:
    asked = {"input": TEXTS}
    floats = site.post("/v1/embeddings", asked)["data"]
    packed = site.post("/v1/embeddings", {**asked, "encoding_format": "base64"})["data"]
    for a, b in zip(floats, packed, strict=True):
        numbers = np.frombuffer(base64.b64decode(b["embedding"]), "<f4")
        assert numbers.tolist() == pytest.approx(a["embedding"])


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/search", {"query": "\ud800"}),
        ("/search", {"query": "w1", "client": "person:\ud800", "log": True}),
        ("/v1/embeddings", {"input": ["w1", "\ud800"]}),
        ("/v1/rerank", {"query": "\ud800", "documents": ["w1"]}),
        ("/v1/rerank", {"query": "w1", "documents": ["\ud800"]}),
    ],
)
def test_half_a_surrogate_pair_is_no_text(site: Site, path: str, asked: dict[str, Any]) -> None:
    body = json.dumps(asked)
    found = site.client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert found.status_code == 400
    assert "halves of surrogate pairs is wanted" in found.text


def test_hundreds_of_texts(site: Site) -> None:
    texts = [f"w{i} text" for i in range(700)]
    data = site.post("/v1/embeddings", {"input": texts})["data"]
    np.testing.assert_allclose([d["embedding"] for d in data], Bag().encode(texts), atol=1e-6)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "input: a text or a list"),
        ({"input": []}, "input: a text or a list"),
        ({"input": ["a", ""]}, "none of them empty"),
        ({"input": "a", "dimensions": 7}, "was not trained to be cut"),
        ({"input": "a", "dimensions": 0}, "dimensions: a whole number"),
        ({"input": "a", "encoding_format": "int8", "input_type": "x"}, "input_type: one of"),
        ({"input": ["a"] * 2049}, "at most 2,048"),
        ({"input": "a", "prompt": "x"}, "prompt: not known here"),
    ],
)
def test_mistakes_are_told_as_openai_does(site: Site, asked: Any, said: str) -> None:
    error = site.post("/v1/embeddings", asked, 400)["error"]
    assert said in error["message"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "bad_request")


def test_the_scores_of_rerank_are_those_of_the_reranker(site: Site) -> None:
    from qembed.models import open_reranker

    documents = ["w5 w6", "w1 w2 w3", "nothing", "w1"]
    reranker = open_reranker("late", open_model(BAG))
    wanted = reranker.score([("w1 w2", d) for d in documents]).tolist()
    found = site.post("/v1/rerank", {"query": "w1 w2", "documents": documents})["results"]
    assert [r["index"] for r in found] == sorted(range(4), key=lambda i: -wanted[i])
    assert all(r["relevance_score"] == pytest.approx(wanted[r["index"]], abs=1e-6) for r in found)
    as_objects = {
        "model": "late", "query": "w1 w2", "top_n": 2, "return_documents": True,
        "documents": [{"text": d} for d in documents],
    }  # fmt: skip
    two = site.post("/v1/rerank", as_objects)["results"]
    assert [r["document"]["text"] for r in two] == [documents[r["index"]] for r in found[:2]]


def test_equal_documents_keep_their_places(site: Site) -> None:
    found = site.post("/v1/rerank", {"query": "w1", "documents": ["w1", "w2", "w1", "w1"]})
    assert [r["index"] for r in found["results"]] == [0, 2, 3, 1]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"query": "a", "documents": []}, 400, "documents: a text or a list"),
        ({"query": " ", "documents": ["a"]}, 400, "query: a text is wanted"),
        ({"query": "a", "documents": ["a", 3]}, 400, "documents: a text or a list"),
        ({"query": "a", "documents": ["a"], "model": "py:os:getcwd"}, 404, "this server has late"),
        ({"query": "a", "documents": ["a"], "model": "learned"}, 404, "this server has late"),
        ({"query": "a", "documents": ["a"], "top_n": 0}, 400, "top_n: a whole number"),
    ],
)
def test_mistakes_of_rerank(site: Site, asked: Any, status: int, said: str) -> None:
    assert said in site.post("/v1/rerank", asked, status)["error"]["message"]


@pytest.mark.slow
def test_mteb_s_wrappers(site: Site) -> None:
    from mteb.models import OpenAIAPIEncodeWrapper, OpenAIAPIRerankWrapper

    encoder = OpenAIAPIEncodeWrapper(site.url, BAG, modalities=["text"], use_chat_template=False)
    vectors = encoder._get_embeddings(TEXTS)
    np.testing.assert_allclose(vectors, Bag().encode(TEXTS), atol=1e-6)
    reranker = OpenAIAPIRerankWrapper(site.url, "late")
    scores = reranker._rerank("w1 w2", ["w9", "w1 w2"])
    assert scores[1] > scores[0]


def test_the_template_of_a_role(site: Site) -> None:
    """Of this model both are the text itself."""
    plain = site.post("/v1/embeddings", {"input": "w1"})["data"]
    for role in ("query", "document"):
        assert site.post("/v1/embeddings", {"input": "w1", "input_type": role})["data"] == plain


@pytest.mark.slow
def test_an_unknown_model_is_told_with_what_else_is_wrong(site: Site) -> None:
    for path, body in [
        ("/v1/embeddings", {"input": [], "model": "gpt", "dimensions": 0}),
        ("/v1/rerank", {"documents": [], "query": "", "model": "gpt"}),
    ]:
        said = site.post(path, body, 400)["error"]["message"]
        assert len(said.splitlines()) == 4
        assert "model 'gpt': this server has " in said
