"""Profiles of known model families, as their authors describe them."""

from __future__ import annotations

from dataclasses import replace

from qembed.models.profiles.profile import TASKS, Profile

_INSTRUCT = "Instruct: {task}\nQuery: {query}"
_REPRESENT = "Represent this sentence for searching relevant passages: {query}"
_MANY = ("multilingual",)
_HUB = "https://huggingface.co/"

# No space after "Query:" here, unlike every other instruct model: a space changes the tokens.
_QWEN = Profile(
    "Qwen3-Embedding",
    query="Instruct: {task}\nQuery:{query}",
    task=TASKS["web"],
    pooling="lasttoken",
    max_tokens=32768,
    min_dim=32,
    languages=_MANY,
    end_token="<|endoftext|>",
    dtype="bfloat16 or float32: float16 gives NaN on some texts",
)

PROFILES: tuple[Profile, ...] = (
    *(
        replace(
            _QWEN,
            name=f"Qwen3-Embedding-{size}",
            patterns=(f"*qwen3-embedding-{size.lower()}*",),
            url=f"{_HUB}Qwen/Qwen3-Embedding-{size}",
        )
        for size in ("0.6B", "4B", "8B")
    ),
    Profile(
        "bge-en",
        ("*bge-*-en-v1.5*", "bge-small-en", "bge-base-en", "bge-large-en"),
        query=_REPRESENT,
        pooling="cls",
        url=_HUB + "BAAI/bge-base-en-v1.5",
    ),
    Profile(
        "bge-zh",
        ("*bge-*-zh-v1.5*", "bge-small-zh", "bge-base-zh", "bge-large-zh"),
        query="为这个句子生成表示以用于检索相关文章：{query}",
        pooling="cls",
        languages=("zh",),
        url=_HUB + "BAAI/bge-base-zh-v1.5",
    ),
    Profile(
        "bge-m3",
        ("*bge-m3*",),
        pooling="cls",
        max_tokens=8192,
        languages=_MANY,
        url=_HUB + "BAAI/bge-m3",
    ),
    Profile(
        "e5-mistral-instruct",
        ("*e5-mistral-7b-instruct*",),
        query=_INSTRUCT,
        task=TASKS["web"],
        pooling="lasttoken",
        max_tokens=4096,
        url=_HUB + "intfloat/e5-mistral-7b-instruct",
    ),
    Profile(
        "e5-instruct",
        ("*e5-*-instruct*",),
        query=_INSTRUCT,
        task=TASKS["web"],
        pooling="mean",
        languages=_MANY,
        url=_HUB + "intfloat/multilingual-e5-large-instruct",
    ),
    Profile(
        "multilingual-e5",
        ("*multilingual-e5-*",),
        query="query: {query}",
        passage="passage: {text}",
        pooling="mean",
        languages=_MANY,
        url=_HUB + "intfloat/multilingual-e5-base",
    ),
    Profile(
        "e5",
        ("e5-small*", "e5-base*", "e5-large*"),
        query="query: {query}",
        passage="passage: {text}",
        pooling="mean",
        url=_HUB + "intfloat/e5-base-v2",
    ),
    Profile(
        "gte-qwen2-instruct",
        ("*gte-qwen*-instruct*",),
        query=_INSTRUCT,
        task=TASKS["web"],
        pooling="lasttoken",
        max_tokens=32768,
        languages=_MANY,
        url=_HUB + "Alibaba-NLP/gte-Qwen2-1.5B-instruct",
        verified=False,
    ),
    Profile(
        "gte",
        ("gte-small*", "gte-base*", "gte-large*", "gte-multilingual-base*", "gte-modernbert-*"),
        # Mean for the first generation, [CLS] from v1.5 on: the folder says which.
        url=_HUB + "thenlper/gte-base",
    ),
    Profile(
        "all-MiniLM",
        ("*all-minilm-l*",),
        pooling="mean",
        max_tokens=256,
        url=_HUB + "sentence-transformers/all-MiniLM-L6-v2",
    ),
    Profile(
        "all-mpnet",
        ("*all-mpnet-base*",),
        pooling="mean",
        max_tokens=384,
        url=_HUB + "sentence-transformers/all-mpnet-base-v2",
    ),
    Profile(
        "snowflake-arctic-embed-v2.0",
        ("*arctic-embed-*-v2*",),
        query="query: {query}",
        pooling="cls",
        max_tokens=8192,
        min_dim=256,
        languages=_MANY,
        url=_HUB + "Snowflake/snowflake-arctic-embed-l-v2.0",
        verified=False,
    ),
    Profile(
        "snowflake-arctic-embed-v1.5",
        ("*arctic-embed-*-v1.5*",),
        query=_REPRESENT,
        pooling="cls",
        min_dim=256,
        url=_HUB + "Snowflake/snowflake-arctic-embed-m-v1.5",
    ),
    Profile(
        "snowflake-arctic-embed",
        ("*arctic-embed-*",),
        query=_REPRESENT,
        pooling="cls",
        url=_HUB + "Snowflake/snowflake-arctic-embed-m",
    ),
    Profile(
        "EmbeddingGemma",
        ("*embeddinggemma*",),
        query="task: search result | query: {query}",
        passage="title: {title} | text: {text}",
        pooling="mean",
        max_tokens=2048,
        min_dim=128,
        languages=_MANY,
        dtype="bfloat16 or float32: its activations do not fit into float16",
        url=_HUB + "google/embeddinggemma-300m",
    ),
    Profile(
        "nomic-embed-text",
        ("*nomic-embed-text*",),
        query="search_query: {query}",
        passage="search_document: {text}",
        pooling="mean",
        max_tokens=8192,
        # v1.5 may be cut, but only behind a layer norm of its own, which we don't apply: so None.
        url=_HUB + "nomic-ai/nomic-embed-text-v1.5",
    ),
    Profile(
        "clip-multilingual",  # texts alone, in the space of clip-ViT-B-32's pictures
        ("*clip-vit-*-multilingual*",),
        pooling="mean",
        max_tokens=128,
        languages=_MANY,
        url=_HUB + "sentence-transformers/clip-ViT-B-32-multilingual-v1",
    ),
    Profile(
        "CLIP",
        ("*clip-vit-*",),
        max_tokens=77,
        url=_HUB + "sentence-transformers/clip-ViT-B-32",
    ),
    Profile(
        "SigLIP 2",
        ("*siglip2-*",),
        max_tokens=64,
        languages=_MANY,
        url=_HUB + "google/siglip2-base-patch16-224",
    ),
    Profile(
        "SigLIP",
        ("*siglip-*",),
        max_tokens=64,
        url=_HUB + "google/siglip-base-patch16-224",
    ),
    Profile(
        "jina-clip-v2",
        ("*jina-clip-v2*",),
        query="Represent the query for retrieving evidence documents: {query}",
        pooling="mean",
        max_tokens=8192,
        min_dim=32,
        languages=_MANY,
        url=_HUB + "jinaai/jina-clip-v2",
        verified=False,  # needs code of its own, which is not run: for servers that run it
    ),
    Profile(
        "jina-clip-v1",
        ("*jina-clip-v1*",),
        pooling="mean",
        max_tokens=8192,
        url=_HUB + "jinaai/jina-clip-v1",
        verified=False,  # as v2
    ),
    Profile(
        "jina-embeddings-v3",
        ("*jina-embeddings-v3*",),
        query="Represent the query for retrieving evidence documents: {query}",
        passage="Represent the document for retrieval: {text}",
        pooling="mean",
        max_tokens=8192,
        min_dim=32,
        languages=_MANY,
        url=_HUB + "jinaai/jina-embeddings-v3",
        verified=False,  # the texts are the authors'; which LoRA adapter gets loaded is not checked
    ),
    Profile(
        "ESM-2",
        ("esm2_t*",),
        pooling="mean",
        max_tokens=1024,
        languages=(),
        url=_HUB + "facebook/esm2_t6_8M_UR50D",
        verified=False,  # a masked model: the mean of its states is the usual choice, not the authors' word
        alphabet="protein",
    ),
    Profile(
        "jina-embeddings-v2",
        ("*jina-embeddings-v2*", "*jina-embedding-*-v1*"),
        pooling="mean",
        max_tokens=8192,
        url=_HUB + "jinaai/jina-embeddings-v2-base-en",
    ),
)
"""Specific rows before general ones: the first pattern that matches decides."""
