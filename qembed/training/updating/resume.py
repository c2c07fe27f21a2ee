"""Training of an update that was stopped after it: found again by the same command, and not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from qembed.errors import StorageError, refusal
from qembed.training.updating.job import UpdateJob
from qembed.training.updating.material import Material


def training_key(job: UpdateJob, recipe: str, material: Material) -> str:
    """Key of all that a training depends on: the index's recipe, its queries and the choices."""
    judged = [] if job.judged is None else [p.read_bytes().hex() for p in job.judged]
    facts = [
        recipe,
        [q.to_json() for q in material.trained],
        judged,
        job.replay,
        job.merge,
        asdict(job.options),
    ]
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def read_training(job: UpdateJob, key: str) -> dict[str, Any] | None:
    """JSON of the training that wrote `job.out`, None if there is none with this key."""
    try:
        body = json.loads(job.state.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(body, dict) or body.get("key") != key or not job.out.is_dir():
        return None
    return dict(body["training"])


def keep_training(job: UpdateJob, key: str, body: Mapping[str, Any]) -> None:
    """Keep the JSON of a training that has written its model. Raises StorageError."""
    partial = job.state.with_name(f".{job.state.name}.partial")
    try:
        partial.write_text(json.dumps({"key": key, "training": dict(body)}) + "\n", "utf-8")
        partial.replace(job.state)
    except OSError as e:
        raise StorageError(f"{job.state} cannot be written: {refusal(e)}") from e
