"""`qembed eval sts`: correlation of a model's cosines with people's grades of sentence pairs.

sentences -> the model's text for them -> vectors -> cosines -> Spearman's correlation with the grades
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.evaluation.gates import floor_result
from qembed.evaluation.sts import read_sts, spearman
from qembed.models import (
    Profile,
    check_template,
    open_model,
    own_prompt_name,
    query_text,
    takes_task,
    task_template,
)
from qembed.pipeline.progress import Progress

if TYPE_CHECKING:
    from qembed.protocols import Encoder
    from qembed.types import Vectors

MEASURE = "Spearman"
DEFAULT_TASK = "Retrieve semantically similar text"
"""Task of a template with a task, if the user names none."""
SENTENCES_PER_CALL = 256


def sts_template(profile: Profile) -> str:
    """Choose the template for both sentences: the task is symmetric, a prefix of queries is not.

    A template with a task is kept, and so is that of a family trained with prefixes on both sides (e5). A
    prefix for queries alone is left out. A folder's default prompt, which sentence-transformers puts before
    texts of no named kind, goes before all.
    """
    if profile.default_prompt:
        return profile.default_prompt + "{query}"
    both = profile.passage != "{text}"
    return profile.query if "{task}" in profile.query or both else "{query}"


def evaluate_sts(
    path: Path,
    spec: str,
    *,
    dim: int | None = None,
    task: str | None = None,
    template: str | None = None,
    instruction: bool = True,
    fail_under: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate a model on a file of pairs; returns the JSON report.

    Raises InputError for the file, UsageError for the options, ModelUnavailable.
    """
    floors = [_floor(text) for text in fail_under]
    if template is not None:
        check_template(template)
    pairs = read_sts(path)
    began = time.perf_counter()
    model = open_model(spec, dim=dim)
    chosen, resolved = template or sts_template(model.profile), DEFAULT_TASK
    is_unused = task is not None and not takes_task(model.profile, task, template)
    if task is not None:
        own = template is None and own_prompt_name(model.profile, task) is not None
        chosen, full = task_template(model.profile, task, None if own else chosen)
        resolved = full or DEFAULT_TASK
    if not instruction:
        chosen = "{query}"
    sentences = list(dict.fromkeys(s for p in pairs for s in (p.one, p.other)))
    texts = [query_text(chosen, s, resolved) for s in sentences]
    truncated = sum(n > model.max_tokens for n in model.count(texts))
    vectors = encode_sentences(model.encoder(), texts, model.dim, progress)
    where = {s: i for i, s in enumerate(sentences)}
    one = vectors[[where[p.one] for p in pairs]]
    other = vectors[[where[p.other] for p in pairs]]
    value = spearman(pairs, (one * other).sum(axis=1).tolist())
    return {
        "schema": 1,
        "measures": {MEASURE: value},
        "pairs": len(pairs),
        "warnings": [f"--task changes nothing: {model.name} takes no task"] if is_unused else [],
        "settings": {
            "file": path.name,
            "content": hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest(),
            "model": model.name,
            "revision": model.revision,
            "dim": model.dim,
            "encoded": query_text(chosen, "{query}", resolved),
            "truncated": truncated,
            "seconds": round(time.perf_counter() - began, 3),
        },
        "gates": [floor_result(MEASURE, floor, value).to_json() for floor in floors],
    }


def encode_sentences(
    encoder: Encoder,
    texts: Sequence[str],
    dim: int,
    progress: Progress | None = None,
) -> Vectors:
    """Vectors of the texts, float32 (len(texts), dim), rows of length 1; equal texts are encoded once.

    Raises EncodingError, ModelUnavailable, KeyboardInterrupt when `progress` is to stop.
    """
    import numpy as np

    progress = progress or Progress()
    unique = list(dict.fromkeys(texts))
    vectors = np.empty((len(unique), dim), dtype=np.float32)
    # longest first, so that texts of one length meet in one call
    order = sorted(range(len(unique)), key=lambda i: -len(unique[i]))
    progress.phase("encode", "sentences", len(order))
    for at in range(0, len(order), SENTENCES_PER_CALL):
        if progress.stop():
            raise KeyboardInterrupt
        part = order[at : at + SENTENCES_PER_CALL]
        vectors[part] = encoder.encode([unique[i] for i in part])
        progress.advance(len(part))
    if len(unique) == len(texts):
        return vectors
    where = {text: i for i, text in enumerate(unique)}
    return vectors[np.array([where[text] for text in texts], dtype=np.int64)]


def _floor(text: str) -> float:
    """Parse the value of `Spearman=0.8`. Raises UsageError."""
    name, _, value = text.partition("=")
    try:
        floor = float(value)
    except ValueError:
        floor = 2.0
    if name.strip().lower() != MEASURE.lower() or not -1 <= floor <= 1:
        raise UsageError(f"--fail-under {text}: {MEASURE}=0.8 is wanted")
    return floor
