"""`qembed models`: known profiles, the texts a model encodes, and comparison of two models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qembed.errors import ModelUnavailable, UsageError
from qembed.models import (
    PROFILES,
    TASKS,
    Profile,
    open_model,
    passage_text,
    prepare_spec,
    profile_for,
    query_text,
    resolve_task,
    takes_task,
    task_template,
)
from qembed.models.builtin.registry import BUILTIN
from qembed.models.images.preprocessing import steps_of
from qembed.models.layout.limits import UNLIMITED
from qembed.models.model_folder import Folder
from qembed.models.qwen_prompt import is_qwen_name, pair_text
from qembed.models.spec import ModelSpec, near_hint, parse_spec
from qembed.pipeline.recipe import PROBE_TOLERANCE, SEQUENCE_RULE, TITLE_RULE, similarity_problem
from qembed.store.manifest import PROBE_TEXTS

TITLE, TEXT = "Title", "the passage's text"
COMPARED = (
    *PROBE_TEXTS,
    "refund",
    "Where is my parcel? It was sent two weeks ago and the tracking page has not changed since.",
    "Instruct: Given a question, find relevant documents\nQuery:how do I open a locked account",
    "The quick brown fox jumps over the lazy dog. " * 12,
)
"""Texts for comparison: short and long, prose and code, two scripts. A wrong pooling, padding or prompt
changes their vectors."""


def known_models() -> list[dict[str, Any]]:
    """List the profiles: templates, default task, pooling, context, dimensions, dtype advice.

    `builtin`: names of the built-in models of the profile; `builtin_ids`: their hub ids by name.
    """
    builtin: dict[str, dict[str, str]] = {}
    for model in BUILTIN.values():
        if model.kind != "reranker":
            builtin.setdefault(profile_for(model.model).name, {})[model.name] = model.hub
    return [
        {
            "name": p.name,
            "builtin": list(builtin.get(p.name, {})),
            "builtin_ids": builtin.get(p.name, {}),
            "model": p.url.removeprefix("https://huggingface.co/"),
            "query": p.query,
            "passage": p.passage,
            "task": p.task,
            "pooling": p.pooling,
            "max_tokens": p.max_tokens,
            "min_dim": p.min_dim,
            "dtype": p.dtype,
            "languages": list(p.languages),
            "url": p.url,
            "verified": p.verified,
        }
        for p in PROFILES
    ]


def builtin_rerankers() -> list[dict[str, str]]:
    """List the built-in rerankers: `name`, the spec, and `model`, its hub id."""
    return [{"name": m.name, "model": m.hub} for m in BUILTIN.values() if m.kind == "reranker"]


def show_model(spec: str, task: str | None, query: str) -> dict[str, Any]:
    """Texts that are encoded for a query and a passage, byte for byte. Reads no weights and no network.

    For a Qwen3-Reranker: the text of a pair. Raises UsageError for a task that nearly is a name,
    and for a spec that names nothing.
    """
    parsed = parse_spec(spec)
    if is_qwen_name(parsed.name):
        return _show_reranker(parsed, task, query)
    if parsed.kind == "late":
        return {
            "model": spec,
            "profile": "late interaction: --rerank takes it, it compares token vectors of the index's model",
            "known": True,
            **_note(Profile(""), task),
        }
    if parsed.kind == "learned":
        return {
            "model": spec,
            "profile": "learned order: --rerank takes it in an index where qembed feedback learn made it",
            "known": True,
            **_note(Profile(""), task),
        }
    if parsed.kind == "builtin" and BUILTIN[parsed.text].kind == "reranker":
        return {
            "model": spec,
            "profile": "cross-encoder: --rerank takes it, it reads query and passage together",
            "known": True,
            "task": None,
            "query": query,
            "passage": passage_text("{text}", TITLE_RULE, TITLE, TEXT),
            "url": f"https://huggingface.co/{BUILTIN[parsed.text].hub}",
            **_note(Profile(""), task),
        }
    if parsed.kind == "unknown":
        raise UsageError(f"{spec!r} is no folder, hub id or listed name{_nearest_name(spec)}")
    profile = profile_for(parsed.name, parsed.path)
    template, resolved = task_template(profile, task)
    return {
        "model": spec,
        "profile": profile.name,
        "known": profile.known,
        "task": resolved,
        "template": template,
        "query": query_text(template, query, resolved),
        "passage": passage_text(
            profile.passage, SEQUENCE_RULE if profile.alphabet else TITLE_RULE, TITLE, TEXT
        ),
        **({"alphabet": profile.alphabet} if profile.alphabet else {}),
        "pooling": profile.pooling or "as its files say",
        "max_tokens": profile.max_tokens,
        "min_dim": profile.min_dim,
        "dtype": profile.dtype or "any (float32 on a CPU)",
        "url": profile.url,
        "verified": profile.known and profile.verified,
        **_note(profile, task),
        "similarity": profile.similarity,
        **(_show_files(parsed, Folder(parsed.path), profile) if parsed.path is not None else {}),
    }


def _nearest_name(spec: str) -> str:
    """Hint at the listed names that are spelt most like this one."""
    return f"{near_hint(spec)} (qembed models list has the names)"


def _note(profile: Profile, task: str | None) -> dict[str, str]:
    """Note on a task that the model does not take. Raises UsageError for one that names nothing."""
    if task is None or takes_task(profile, task):
        return {}
    return {"note": "takes no task: --task changes nothing"}


def _show_files(spec: ModelSpec, folder: Folder, profile: Profile) -> dict[str, Any]:
    """Modules, pooling, limits and prompts by a folder's own files. Raises ModelUnavailable if one is broken.

    `pictures`: how they are prepared, None if it reads none. `problem`: why no new index of the model can be
    made, None if nothing is in the way. `query_modules` and so on: those of queries, where these have modules
    of their own.
    """
    problem, steps = similarity_problem(spec.name, profile.similarity), None
    try:
        folder.check()
        steps = steps_of(folder)
    except ModelUnavailable as e:
        problem = str(e)
    queries = {}
    if folder.queries is not folder:
        queries = {f"query_{k}": v for k, v in _show_modules(folder.queries, profile).items()}
    prompts = folder.prompts()
    named = {"query": prompts.query_name, "passage": prompts.passage_name}
    return {
        **_show_modules(folder, profile),
        **queries,
        "prompts": {
            **{f"{use} ({name})": getattr(prompts, use) for use, name in named.items() if name},
            **prompts.tasks,
        },
        "default_prompt": prompts.default_name or None,
        "pictures": None if steps is None else steps.recipe,
        "problem": problem,
    }


def _show_modules(folder: Folder, profile: Profile) -> dict[str, Any]:
    """Modules, pooling and limits of the texts of a folder's role."""
    return {
        "modules": [m.kind for m in folder.module_list] or ["Transformer", "Pooling", "Normalize"],
        "pooling": folder.pooling(profile.pooling or "mean")
        + (" without the prompt" if folder.leaves_out_prompt else ""),
        "max_tokens": folder.max_tokens(UNLIMITED if folder.is_static else profile.max_tokens),
        "limits": [
            {"tokens": x.tokens, "source": x.source, "used": x.used} for x in folder.limits()
        ],
    }


def _show_reranker(spec: ModelSpec, task: str | None, query: str) -> dict[str, Any]:
    profile = profile_for(spec.name)
    resolved = TASKS["web"] if task is None else resolve_task(task, profile)
    passage = passage_text("{text}", TITLE_RULE, TITLE, TEXT)
    return {
        "model": spec.text,
        "profile": "Qwen3-Reranker",
        "known": True,
        "task": resolved,
        "pair": pair_text(resolved, query, passage),
        "answers": ["yes", "no"],
    }


def compare_models(one: str, other: str) -> dict[str, Any]:
    """Cosines of two models on probe texts; they reveal a server with another pooling or model.

    Both encode the same finished texts, without any template, as passages and, if one of them encodes queries
    by modules of their own, as queries. `agree`: all cosines are within the
    tolerance of the golden probe. Raises ModelUnavailable, EncodingError, UsageError.
    """
    models = [open_model(spec) for spec in (one, other)]
    body: dict[str, Any] = {
        "models": [one, other],
        "dim": [m.dim for m in models],
        "profiles": [m.profile.name for m in models],
    }
    if models[0].dim != models[1].dim:
        return {**body, "agree": False, "lowest": None, "cosines": []}
    sides = [models]
    if any(m.queries is not m for m in models):
        sides.append([m.queries for m in models])
    cosines: list[float] = []
    for one_model, other_model in sides:
        a, b = (m.encoder().encode(list(COMPARED)) for m in (one_model, other_model))
        cosines += (a * b).sum(axis=1).tolist()
    lowest = min(cosines)
    return {
        **body,
        "agree": lowest >= 1 - PROBE_TOLERANCE,
        "lowest": round(lowest, 6),
        "cosines": [
            {"text": text, "cosine": round(c, 6)}
            for text, c in zip(COMPARED * len(sides), cosines, strict=True)
        ],
    }


def prepare_model(spec: str, say: Callable[[str], None]) -> tuple[bool, str]:
    """Fetch and export a model ahead of time. Returns (ready, a line that says so or why not)."""
    return prepare_spec(spec, say)
