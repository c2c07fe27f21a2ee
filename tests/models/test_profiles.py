"""The table of families: every template to the letter, and which name finds which row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.models import PROFILES, TASKS, check_template, profile_for

WEB = "Given a web search query, retrieve relevant passages that answer the query"
QWEN = ("Instruct: {task}\nQuery:{query}", "{text}")
INSTRUCT = ("Instruct: {task}\nQuery: {query}", "{text}")
REPRESENT = ("Represent this sentence for searching relevant passages: {query}", "{text}")
PREFIXES = ("query: {query}", "passage: {text}")
RAW = ("{query}", "{text}")

# Copied from the models' cards, not from the table.
TEMPLATES = {
    "Qwen3-Embedding-0.6B": QWEN,
    "Qwen3-Embedding-4B": QWEN,
    "Qwen3-Embedding-8B": QWEN,
    "bge-en": REPRESENT,
    "bge-zh": ("为这个句子生成表示以用于检索相关文章：{query}", "{text}"),
    "bge-m3": RAW,
    "e5-mistral-instruct": INSTRUCT,
    "e5-instruct": INSTRUCT,
    "multilingual-e5": PREFIXES,
    "e5": PREFIXES,
    "gte-qwen2-instruct": INSTRUCT,
    "gte": RAW,
    "all-MiniLM": RAW,
    "all-mpnet": RAW,
    "snowflake-arctic-embed-v2.0": ("query: {query}", "{text}"),
    "snowflake-arctic-embed-v1.5": REPRESENT,
    "snowflake-arctic-embed": REPRESENT,
    "EmbeddingGemma": (
        "task: search result | query: {query}",
        "title: {title} | text: {text}",
    ),
    "nomic-embed-text": ("search_query: {query}", "search_document: {text}"),
    "clip-multilingual": RAW,
    "CLIP": RAW,
    "SigLIP 2": RAW,
    "SigLIP": RAW,
    "jina-clip-v2": ("Represent the query for retrieving evidence documents: {query}", "{text}"),
    "jina-clip-v1": RAW,
    "jina-embeddings-v3": (
        "Represent the query for retrieving evidence documents: {query}",
        "Represent the document for retrieval: {text}",
    ),
    "jina-embeddings-v2": RAW,
    "ESM-2": RAW,
}

NAMES = {
    "Qwen/Qwen3-Embedding-0.6B": "Qwen3-Embedding-0.6B",
    "Qwen/Qwen3-Embedding-4B": "Qwen3-Embedding-4B",
    "Qwen/Qwen3-Embedding-8B": "Qwen3-Embedding-8B",
    "BAAI/bge-small-en-v1.5": "bge-en",
    "BAAI/bge-large-en": "bge-en",
    "BAAI/bge-base-zh-v1.5": "bge-zh",
    "BAAI/bge-m3": "bge-m3",
    "intfloat/e5-mistral-7b-instruct": "e5-mistral-instruct",
    "intfloat/multilingual-e5-large-instruct": "e5-instruct",
    "intfloat/multilingual-e5-small": "multilingual-e5",
    "intfloat/e5-base-v2": "e5",
    "Alibaba-NLP/gte-Qwen2-1.5B-instruct": "gte-qwen2-instruct",
    "Alibaba-NLP/gte-modernbert-base": "gte",
    "thenlper/gte-small": "gte",
    "sentence-transformers/all-MiniLM-L12-v2": "all-MiniLM",
    "sentence-transformers/all-mpnet-base-v2": "all-mpnet",
    "Snowflake/snowflake-arctic-embed-l-v2.0": "snowflake-arctic-embed-v2.0",
    "Snowflake/snowflake-arctic-embed-m-v1.5": "snowflake-arctic-embed-v1.5",
    "Snowflake/snowflake-arctic-embed-xs": "snowflake-arctic-embed",
    "google/embeddinggemma-300m": "EmbeddingGemma",
    "nomic-ai/nomic-embed-text-v1.5": "nomic-embed-text",
    "sentence-transformers/clip-ViT-B-32-multilingual-v1": "clip-multilingual",
    "sentence-transformers/clip-ViT-B-32": "CLIP",
    "openai/clip-vit-base-patch32": "CLIP",
    "google/siglip2-base-patch16-224": "SigLIP 2",
    "google/siglip-base-patch16-224": "SigLIP",
    "jinaai/jina-clip-v2": "jina-clip-v2",
    "jinaai/jina-clip-v1": "jina-clip-v1",
    "jinaai/jina-embeddings-v3": "jina-embeddings-v3",
    "jinaai/jina-embeddings-v2-base-en": "jina-embeddings-v2",
    "facebook/esm2_t6_8M_UR50D": "ESM-2",
}


def test_every_template_is_the_authors_own() -> None:
    assert {p.name: (p.query, p.passage) for p in PROFILES} == TEMPLATES


def test_named_tasks() -> None:
    assert TASKS == {
        "web": WEB,
        "memory": "Given a user query, retrieve relevant memories",
        "document": "Given a question, find relevant documents",
        "code": "Given a coding query, retrieve relevant code snippets",
        "qa": "Given a user question, retrieve the best answer",
    }


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
def test_rows_are_sound(profile) -> None:
    check_template(profile.query)
    assert profile.known
    assert profile.patterns
    assert profile.passage.count("{text}") == 1
    assert (profile.task == WEB) == ("{task}" in profile.query)
    assert profile.url.startswith("https://huggingface.co/")
    assert profile.pooling in ("cls", "mean", "lasttoken", "")


@pytest.mark.parametrize("size", ["0.6B", "4B", "8B"])
def test_qwen_may_be_cut_to_32(size: str) -> None:
    profile = profile_for(f"Qwen/Qwen3-Embedding-{size}")
    assert (profile.min_dim, profile.pooling, profile.max_tokens) == (32, "lasttoken", 32768)
    assert profile.end_token == "<|endoftext|>"


def test_every_row_is_found_by_a_real_name() -> None:
    assert set(NAMES.values()) == {p.name for p in PROFILES}


@pytest.mark.parametrize(("name", "row"), NAMES.items())
def test_names(name: str, row: str) -> None:
    organisation, short = name.split("/")
    commit = "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"
    cached = f"models--{organisation}--{short}/snapshots/{commit}"
    for spelling in (
        name,
        short,
        short.lower(),
        f"/srv/models/{short}",
        f"./{short}/",
        f"C:\\models\\{short}",
        f"/root/.cache/huggingface/hub/{cached}",
        f"/root/.cache/huggingface/hub/{cached}/",
    ):
        assert profile_for(spelling).name == row, spelling


def test_minilm_is_a_name() -> None:
    assert profile_for("minilm").name == "all-MiniLM"


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen3-Reranker-0.6B",
        "BAAI/bge-reranker-v2-m3",
        "sentence-transformers/paraphrase-MiniLM-L6-v2",
        "snapshots",
        "/",
        "",
    ],
)
def test_names_nobody_knows(name: str) -> None:
    profile = profile_for(name)
    assert not profile.known
    assert (profile.query, profile.passage, profile.task) == ("{query}", "{text}", None)


# ── a folder's own prompts ───────────────────────────────────────────────────────────────────────


def folder(path: Path, config: object) -> Path:
    text = config if isinstance(config, str) else json.dumps(config)
    (path / "config_sentence_transformers.json").write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("prompts", "query", "passage"),
    [
        ({"query": "Q: ", "document": "D: "}, "Q: {query}", "D: {text}"),
        ({"query": "Q: ", "passage": "P: "}, "Q: {query}", "P: {text}"),
        ({"query": "Q: ", "document": "D: ", "passage": "P: "}, "Q: {query}", "D: {text}"),
        ({"query": "Q: ", "document": "", "passage": "P: "}, "Q: {query}", "P: {text}"),
        ({"query": "查询：", "other": "x"}, "查询：{query}", "{text}"),
        ({"query": "", "passage": "P: "}, "{query}", "P: {text}"),
    ],
)
def test_own_prompts(tmp_path: Path, prompts: dict[str, str], query: str, passage: str) -> None:
    profile = profile_for("org/new-model", folder(tmp_path, {"prompts": prompts}))
    assert (profile.query, profile.passage) == (query, passage)
    assert profile.known
    assert not profile.verified
    assert profile.min_dim is None
    assert profile.reads("Han")  # nobody has said which languages it knows


def test_a_known_name_goes_before_own_prompts(tmp_path: Path) -> None:
    made = folder(tmp_path, {"prompts": {"query": "Q: "}})
    assert profile_for("BAAI/bge-small-en-v1.5", made).name == "bge-en"


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        "\ufeff{}",
        {},
        {"prompts": None},
        {"prompts": ["Q: "]},
        {"prompts": {}},
        {"prompts": {"query": "", "document": ""}},
        {"prompts": {"query": 3, "document": "D: "}},
        {"prompts": {"clustering": "C: "}},
    ],
)
def test_a_silent_configuration(tmp_path: Path, config: object) -> None:
    assert not profile_for("org/new-model", folder(tmp_path, config)).known


def test_no_configuration_at_all(tmp_path: Path) -> None:
    assert not profile_for("org/new-model", tmp_path).known
    assert not profile_for("org/new-model", tmp_path / "nowhere").known
