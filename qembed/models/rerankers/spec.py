"""Rerankers by spec: late interaction, built in, a folder, a hub id, an endpoint, or the user's own code."""

from __future__ import annotations

import contextlib
from pathlib import Path

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.builtin.registry import BUILTIN
from qembed.models.environment import requested_device
from qembed.models.model import Model
from qembed.models.model_folder import Folder
from qembed.models.profiles import PROFILES
from qembed.models.python_model import load_python_reranker
from qembed.models.qwen_prompt import architecture, is_qwen_name, is_qwen_reranker
from qembed.models.remote.address import without_credentials
from qembed.models.rerankers.cross_encoder import CrossEncoderReranker
from qembed.models.rerankers.late_interaction import late_interaction
from qembed.models.rerankers.qwen import QwenReranker
from qembed.models.spec import (
    HUB,
    ModelSpec,
    check_address,
    local_folder,
    near_hint,
    parse_spec,
)
from qembed.protocols import Scorer

RERANKER_FORMS = (
    "late, minilm-l12, a folder, a hub id, http(s)://host:port/v1#model or py:module:factory"
)


def open_reranker(
    spec: str, model: Model, *, task: str | None = None, device: str | None = None
) -> Scorer:
    """Open the reranker that `spec` names. `model`: whose token vectors `late` compares.

    task: a name or the text of an instruction, for rerankers that read one and pairs without their own;
    None for web search. Raises ModelUnavailable, UsageError.
    """
    parsed = reranker_spec(spec)
    if parsed.kind == "late":
        return late_interaction(model)
    if parsed.kind == "learned":
        raise UsageError(
            "learned: it weighs scores of an index's searches and scores no pairs of texts "
            "(qembed query --rerank learned, qembed rerank --model learned)"
        )
    if parsed.kind == "python":
        return load_python_reranker(spec)
    if parsed.kind == "endpoint":
        from qembed.models.remote.rerank import RemoteReranker

        return RemoteReranker(spec, task)
    folder = local_folder(parsed)
    assert folder is not None
    return _open_folder(spec, folder, task, requested_device(device))


def reranker_spec(text: str) -> ModelSpec:
    """Parse the spec of a reranker, and open nothing. Raises UsageError for what is none by its name."""
    parsed = parse_spec(text)
    if gives_vectors(parsed):
        raise UsageError(
            f"{text}: it gives vectors and scores no pairs (--model takes it; rerankers are "
            f"{RERANKER_FORMS})"
        )
    if parsed.kind == "unknown":
        raise UsageError(
            f"{without_credentials(text)!r} is no reranker: {RERANKER_FORMS} is wanted"
            f"{near_hint(text, 'reranker')}"
        )
    check_address(parsed)
    return parsed


def gives_vectors(spec: ModelSpec) -> bool:
    """True for a built-in encoder, by its name or hub id, and a listed family of encoders."""
    if spec.kind == "builtin":
        return BUILTIN[spec.text].kind != "reranker"
    hub = {p.url.removeprefix(HUB).lower() for p in PROFILES}
    hub |= {m.hub.lower() for m in BUILTIN.values() if m.kind != "reranker"}
    return spec.kind == "hub" and spec.name.lower() in hub


def _open_folder(spec: str, path: Path, task: str | None, device: str | None) -> Scorer:
    """Open the reranker in a folder, its kind by architecture. Raises ModelUnavailable for no reranker."""
    check_reranker_folder(path)
    if is_qwen_reranker(Folder(path)):
        return QwenReranker(path, task, device)
    return CrossEncoderReranker(path, device, spec)


def check_reranker_folder(path: Path) -> None:
    """Raise ModelUnavailable for a folder that holds no reranker, by its files. Loads no weights."""
    folder = Folder(path)
    if is_qwen_reranker(folder):
        folder.check_files()
        return
    found = architecture(folder)
    if is_qwen_name(str(path)) and found and not _renders_pairs(folder):
        raise ModelUnavailable(
            f"{path}: a {found} would be asked without Qwen3-Reranker's prompt, and its scores "
            "would be close to random (take the authors' own, such as Qwen/Qwen3-Reranker-0.6B)"
        )
    scores_itself = any(kind == "LogitScore" for kind, _ in folder.modules())
    if found.endswith("ForCausalLM") and not scores_itself:
        raise ModelUnavailable(
            f"{path}: a language model ({found}) without a prompt that makes it a reranker"
        )
    folder.check_files()


def _renders_pairs(folder: Folder) -> bool:
    """True if the chat template has a place for a document, which sentence-transformers renders pairs by."""
    template = str(folder.json("tokenizer_config.json").get("chat_template", ""))
    with contextlib.suppress(OSError, ValueError):
        template += (folder.path / "chat_template.jinja").read_text("utf-8")
    return "document" in template
