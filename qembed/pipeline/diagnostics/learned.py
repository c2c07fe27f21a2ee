"""Votes and weights that an index has of its feedback log, as `status` and `verify` tell of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qembed.errors import refusal
from qembed.feedback.learning.model import model_path, read_model
from qembed.feedback.votes.memory import MEMORY_FILE, VoteMemory
from qembed.feedback.votes.vectors import damaged_vectors
from qembed.pipeline.diagnostics.feedback_log import FORGET_UNREADABLE
from qembed.pipeline.retrieval.learned.features import FEATURES
from qembed.store import Manifest
from qembed.store.integrity import Finding

LEARN = "qembed feedback learn"


def describe_learned(root: Path, manifest: Manifest) -> dict[str, Any]:
    """Votes and learned weights of an index: `voted_queries`, and `learned`, None without any.

    `learned` has `usable`: whether the weights are of the index's recipe.
    """
    try:
        memory, model = VoteMemory.open(root, keep=False), read_model(root)
    except OSError:  # describe_log tells it
        return {"voted_queries": 0, "learned": None}
    learned = None
    if model is not None:
        told = {name: model.learned.get(name) for name in ("date", "better", "pairs", "queries")}
        learned = {**told, "usable": model.recipe == manifest.recipe.fingerprint}
    return {"voted_queries": 0 if memory is None else len(memory), "learned": learned}


def check_learned(root: Path, manifest: Manifest) -> Iterator[Finding]:
    """Findings about the files that are made of the log: votes by query, their vectors, learned weights."""
    path = model_path(root)
    try:
        model = read_model(root)
        if model is None and path.exists():
            what = f"{path.name} is damaged, or of another qembed: --rerank learned has no weights"
            yield Finding("learned", what, LEARN)
        elif model is not None and (wrong := _wrong_weights(model.weights)):
            yield Finding("learned", f"{path.name}: {wrong}", LEARN)
        kept, made = VoteMemory.open(root, keep=False), VoteMemory.open(root, keep=False, anew=True)
        if kept != made:
            what = f"{MEMORY_FILE} does not have the votes of the log"
            yield Finding("learned", what, FORGET_UNREADABLE)
        if names := damaged_vectors(root):
            what = f"vectors of voted queries are damaged: {', '.join(names)}"
            yield Finding("learned", what, FORGET_UNREADABLE)
    except OSError as e:
        where = e.filename or path
        yield Finding("learned", f"cannot read {where}: {refusal(e)}", "let this user read it")


def _wrong_weights(weights: Any) -> str:
    unknown = sorted(set(weights) - set(FEATURES))
    if unknown:
        return f"weights of features that this qembed does not have: {', '.join(unknown)}"
    bad = sorted(name for name, w in weights.items() if not math.isfinite(w))
    return f"weights that are no numbers: {', '.join(bad)}" if bad else ""
