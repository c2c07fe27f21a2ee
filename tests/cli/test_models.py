"""qembed models: what a query and a passage become, byte for byte, without weights or network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from qembed.errors import ModelUnavailable
from qembed.models import PROFILES
from qembed.models.builtin.registry import BUILTIN
from qembed.models.spec import local_folder, parse_spec
from tests import stub
from tests.cli.conftest import BAG, Shell

WEB = "Given a web search query, retrieve relevant passages that answer the query"
QUESTION = 'late "parcel" {query}'
PASSAGE = "Title the passage's text"
QWEN = (f"Instruct: {WEB}\nQuery:{QUESTION}", PASSAGE)
INSTRUCT = (f"Instruct: {WEB}\nQuery: {QUESTION}", PASSAGE)
REPRESENT = (
    f"Represent this sentence for searching relevant passages: {QUESTION}",
    PASSAGE,
)
E5 = (f"query: {QUESTION}", f"passage: {PASSAGE}")
RAW = (QUESTION, PASSAGE)

# From the models' cards, written out.
SHOWN = {
    "Qwen/Qwen3-Embedding-0.6B": QWEN,
    "Qwen/Qwen3-Embedding-4B": QWEN,
    "Qwen/Qwen3-Embedding-8B": QWEN,
    "BAAI/bge-small-en-v1.5": REPRESENT,
    "BAAI/bge-base-zh-v1.5": (f"为这个句子生成表示以用于检索相关文章：{QUESTION}", PASSAGE),
    "BAAI/bge-m3": RAW,
    "intfloat/e5-mistral-7b-instruct": INSTRUCT,
    "intfloat/multilingual-e5-large-instruct": INSTRUCT,
    "intfloat/multilingual-e5-small": E5,
    "intfloat/e5-base-v2": E5,
    "Alibaba-NLP/gte-Qwen2-1.5B-instruct": INSTRUCT,
    "thenlper/gte-base": RAW,
    "minilm": RAW,
    "sentence-transformers/all-mpnet-base-v2": RAW,
    "Snowflake/snowflake-arctic-embed-l-v2.0": (f"query: {QUESTION}", PASSAGE),
    "Snowflake/snowflake-arctic-embed-m-v1.5": REPRESENT,
    "Snowflake/snowflake-arctic-embed-m": REPRESENT,
    "google/embeddinggemma-300m": (
        f"task: search result | query: {QUESTION}",
        "title: Title | text: the passage's text",
    ),
    "nomic-ai/nomic-embed-text-v1.5": (f"search_query: {QUESTION}", f"search_document: {PASSAGE}"),
    "jinaai/jina-embeddings-v3": (
        f"Represent the query for retrieving evidence documents: {QUESTION}",
        f"Represent the document for retrieval: {PASSAGE}",
    ),
    "jinaai/jina-embeddings-v2-base-en": RAW,
    "sentence-transformers/clip-ViT-B-32-multilingual-v1": RAW,
    "sentence-transformers/clip-ViT-B-32": RAW,
    "google/siglip2-base-patch16-224": RAW,
    "google/siglip-base-patch16-224": RAW,
    "jinaai/jina-clip-v2": (
        f"Represent the query for retrieving evidence documents: {QUESTION}",
        PASSAGE,
    ),
    "jinaai/jina-clip-v1": RAW,
    "facebook/esm2_t6_8M_UR50D": (QUESTION, "the passage's text"),
    "nobody/knows-this": RAW,
}


@pytest.mark.parametrize(("spec", "expected"), SHOWN.items())
def test_every_profile_to_the_byte(shell: Shell, spec: str, expected: tuple[str, str]) -> None:
    for written in (spec, f"http://host:1/v1#{spec}"):
        done = shell("models", "show", written, "--query", QUESTION, "--format", "json")
        assert (done.code, done.err) == (0, "")
        assert (done.json["query"], done.json["passage"]) == expected
        assert done.json["schema"] == 1


def test_no_profile_is_left_out(shell: Shell) -> None:
    names = {shell("models", "show", s, "--format", "json").json["profile"] for s in SHOWN}
    assert names == {p.name for p in PROFILES} | {"knows-this"}


def test_tasks(shell: Shell) -> None:
    show = ("models", "show", "Qwen/Qwen3-Embedding-4B", "--query", "x", "--format", "json")
    code = "Given a coding query, retrieve relevant code snippets"
    for task, text in (("code", code), ("Find poems", "Find poems")):
        assert shell(*show, "--task", task).json["query"] == f"Instruct: {text}\nQuery:x"
    done = shell(*show, "--task", "coed")
    assert done.code == 2
    assert "did you mean 'code'" in done.err


def test_as_text_newlines_are_seen(shell: Shell) -> None:
    out = shell("models", "show", "Qwen/Qwen3-Embedding-0.6B", "--query", "sort a list").out
    assert f"query      'Instruct: {WEB}\\nQuery:sort a list'\n" in out
    assert "float16 gives NaN" in out


def test_a_reranker_shows_what_a_pair_becomes(shell: Shell) -> None:
    done = shell(
        "models", "show", "Qwen/Qwen3-Reranker-0.6B", "--query", "x", "--format", "json"
    ).json
    assert done["pair"] == (
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and "
        'the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n'
        f"<|im_start|>user\n<Instruct>: {WEB}\n<Query>: x\n<Document>: {PASSAGE}<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )
    assert done["answers"] == ["yes", "no"]


def test_a_folders_own_prompts(shell: Shell) -> None:
    shell.write("mine/config_sentence_transformers.json", '{"prompts": {"query": "Q: "}}')
    shown = shell("models", "show", "mine", "--query", "x", "--format", "json").json
    assert (shown["query"], shown["known"], shown["verified"]) == ("Q: x", True, False)


def test_list(shell: Shell) -> None:
    found = shell("models", "list", "--format", "json").json["models"]
    assert [m["name"] for m in found] == [p.name for p in PROFILES]
    qwen = found[0]
    assert {n: m["name"] for m in found for n in m["builtin"]} == {
        "minilm": "all-MiniLM",
        "bge-small": "bge-en",
        "multilingual": "multilingual-e5",
    }
    assert (qwen["query"], qwen["min_dim"]) == ("Instruct: {task}\nQuery:{query}", 32)
    text = shell("models", "list").out
    assert all(p.name in text for p in PROFILES)
    own = "all-MiniLM\n    built in minilm, which is sentence-transformers/all-MiniLM-L6-v2\n"
    assert own in text
    assert (
        "bge-en\n    built in bge-small, which is BAAI/bge-small-en-v1.5\n    model    BAAI/bge-base"
        in text
    )
    rerankers = shell("models", "list", "--format", "json").json["rerankers"]
    assert rerankers == [{"name": "minilm-l12", "model": "cross-encoder/ms-marco-MiniLM-L12-v2"}]
    assert "reads    32768 tokens, may be cut to 32 dimensions" in text
    assert "minilm-l12\n    reranker cross-encoder/ms-marco-MiniLM-L12-v2\n" in text


def test_show_a_built_in_reranker(shell: Shell) -> None:
    shown = shell("models", "show", "minilm-l12", "--query", "x", "--format", "json").json
    assert (shown["query"], shown["passage"]) == ("x", PASSAGE)
    assert "--rerank takes it" in shown["profile"]


@pytest.mark.parametrize("spec", ["foo/bar", "py:a:b", "http://x:1/v1#foo", "late", "learned"])
def test_show_says_nothing_that_is_not_known(shell: Shell, spec: str) -> None:
    out = shell("models", "show", spec).out
    assert not re.search(r"\b(None|False|True)\b|512|\S +$", out, re.M), out
    assert ("none: its own files say how it is used" in out) == (spec not in ("late", "learned"))


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        ("minillm", "did you mean minilm"),
        ("bge-smal", "did you mean bge-small"),
        ("nope", "(qembed models list has the names)"),
    ],
)
def test_show_refuses_what_nothing_is_known_of(shell: Shell, spec: str, near: str) -> None:
    done = shell("models", "show", spec)
    assert (done.code, done.out) == (2, "")
    assert f"{spec!r} is no folder, hub id or listed name" in done.err
    assert near in done.err


@pytest.mark.parametrize("spec", ["all-MiniLM-L6-v2", "BAAI/bge-small-en-v1.5", "bge-m3", "minilm"])
def test_an_encoder_is_no_reranker(docs: Shell, spec: str) -> None:
    done = docs("query", "money", "--rerank", spec)
    assert done.code == 2
    assert f"{spec}: it gives vectors and scores no pairs" in done.err
    assert "minilm-l12" in done.err


@pytest.mark.parametrize("spec", [m.name for m in BUILTIN.values()] + ["Qwen/Qwen3-Embedding-0.6B"])
def test_show_says_it_in_words(shell: Shell, spec: str) -> None:
    assert not re.search(r"\b(None|False|True)\b|\S +$", shell("models", "show", spec).out, re.M)


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.slow
def test_a_built_in_model_is_named_where_its_hub_id_cannot_be_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    import huggingface_hub

    def offline(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    model = BUILTIN[name]
    for spec in (model.hub, model.model):
        with pytest.raises(ModelUnavailable) as caught:
            local_folder(parse_spec(spec))
        assert f"(it is built in, as {name}" in str(caught.value)
    with pytest.raises(ModelUnavailable, match="hf download some/other"):
        local_folder(parse_spec("some/other"))
    with pytest.raises(ModelUnavailable, match="with a name like it: minilm"):
        local_folder(parse_spec("sentence-transformers/all-MiniLM-L6"))


# ── two backends of one model ────────────────────────────────────────────────────────────────────


def test_compare_tells_a_server_with_another_pooling(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with stub.serving() as server:
        there = f"{server.base}#bag"
        same = shell("models", "show", "--compare", BAG, there)
        assert (same.code, same.err) == (0, "")
        assert "the same vectors (lowest cosine 1.0, dimensions 48 and 48)" in same.out
        # a little noise is no other model
        server.always = stub.changed(lambda vs: [[v[0] + 0.01, *v[1:]] for v in vs])
        assert shell("models", "show", "--compare", BAG, there).code == 0
        server.always = stub.changed(lambda vs: [[v[0] + 0.5, *v[1:]] for v in vs])
        other = shell("models", "show", there, "--compare", BAG, "--format", "json")
        assert other.code == 3
        assert not other.json["agree"]
        assert other.json["lowest"] < 0.99
        assert len(other.json["cosines"]) >= 6
        server.always = stub.changed(lambda vs: [v[:20] for v in vs])
        narrow = shell("models", "show", "--compare", BAG, there)
        assert narrow.code == 3
        assert "NOT the same vectors (lowest cosine None, dimensions 48 and 20)" in narrow.out
    gone = shell("models", "show", "--compare", BAG, there)
    assert gone.code == 2
    assert "cannot be reached" in gone.err


def test_compare_two_factories(shell: Shell, tmp_path: Path) -> None:
    done = shell("models", "show", "--compare", BAG, "py:tests.encoders:other")
    assert done.code == 3


def test_a_folder_shows_its_modules_limits_and_prompts(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "1_Pooling").mkdir(parents=True)
    files: dict[str, Any] = {
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {
                "idx": 1,
                "name": "1",
                "path": "1_Pooling",
                "type": "sentence_transformers.models.Pooling",
            },
        ],
        "1_Pooling/config.json": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        "config.json": {"hidden_size": 8, "max_position_embeddings": 64},
        "sentence_bert_config.json": {"max_seq_length": 32},
        "config_sentence_transformers.json": {
            "prompts": {"search_query": "Q: ", "search_document": "D: ", "clustering": "C: "},
            "similarity_fn_name": "dot",
        },
    }
    for name, body in files.items():
        (folder / name).write_text(json.dumps(body))
    shown = shell("models", "show", str(folder), "--query", "fox")
    assert shown.code == 0, shown.err
    for line in (
        "modules    Transformer > Pooling",
        "pooling    cls+mean",
        "max_tokens 32",
        "limits     32 sentence_bert_config.json max_seq_length (used)",
        "limits     64 config.json max_position_embeddings",
        "prompts    query (search_query): 'Q: '",
        "prompts    clustering: 'C: '",
        "similarity dot",
        "query      'Q: fox'",
    ):
        assert line in shown.out.splitlines(), shown.out
    assert "no weights in safetensors form" in shown.out
    task = shell("models", "show", str(folder), "--query", "fox", "--task", "clustering")
    assert "query      'C: fox'" in task.out
    near = shell("models", "show", str(folder), "--task", "clusterin")
    assert near.code == 2
    assert "did you mean 'clustering'?" in near.err
