"""Model specs: their forms, and opening the model without weights and torch.

minilm, bge-small, …      a built-in model: the names of BUILTIN
./folder                  a sentence-transformers or transformers folder
org/name, org/name@REV    a hub id, at a revision: from the local hub cache, else fetched
py:module:factory         the user's own encoder or reranker
http://host:port/v1#name  a server that speaks OpenAI's embeddings protocol, or POST /rerank
late                      late interaction with the index's model: a reranker only
learned                   the order that `feedback learn` stored in the index: for its candidates only
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from qembed.errors import UsageError
from qembed.inputs import is_folder
from qembed.models.builtin.registry import BUILTIN
from qembed.models.builtin.source import builtin_folder, is_here
from qembed.models.environment import requested_device
from qembed.models.folder_model import FolderModel, open_folder
from qembed.models.model import Model, Say
from qembed.models.model_folder import Folder
from qembed.models.onnx.prepare import ExportRequest, prepare
from qembed.models.profiles import PROFILES, short_name
from qembed.models.python_model import load_python_model
from qembed.models.remote.address import parse_address, without_credentials

MODEL_FORMS = (
    "minilm, bge-small, multilingual, a folder, a hub id such as BAAI/bge-base-en-v1.5, "
    "http(s)://host:port/v1#model, or py:module:factory"
)
SHORTEST_PART = 4
"""Length from which on a part of a name is near to it."""
LATE = "late"
LEARNED = "learned"
_SCHEMES = ("http://", "https://")
_PYTHON = "py:"
# a name may not begin with "." or "-": "./folder" that is not there is no hub id
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")

HUB = "https://huggingface.co/"
_LISTED = {m.model.lower(): m.hub for m in BUILTIN.values()} | {
    name.lower(): p.url.removeprefix(HUB)
    for p in reversed(PROFILES)
    if p.url.startswith(HUB)
    for name in (short_name(p.url), p.name)
}
"""Hub id by the names of `qembed models list` and the last parts of its ids, those of built-in models too."""
_BUILT_IN = {p.name.lower(): m for p in PROFILES for m in BUILTIN.values() if p.url == HUB + m.hub}
"""Built-in model by the names of `qembed models list` that it has there."""

Kind: TypeAlias = Literal[
    "builtin", "folder", "hub", "python", "endpoint", "late", "learned", "unknown"
]


class ModelSpec(NamedTuple):
    """Parsed spec.

    name: the model's name, which selects its profile: of a built-in model, a folder (its last part, after
    links), a hub id without revision, or as a server knows it; the whole text for other kinds.
    revision: of a hub id, None if none is named. path: absolute path of a folder.
    """

    text: str
    kind: Kind
    name: str
    revision: str | None = None
    path: Path | None = None

    @property
    def is_folder_bound(self) -> bool:
        """True if the spec may name something else in another current folder."""
        if not self.text or self.kind in ("builtin", "late", "learned", "endpoint"):
            return False
        return not os.path.isabs(self.text)  # noqa: PTH117


def parse_spec(text: str) -> ModelSpec:
    """Parse a spec. Looks at the file system for folders only.

    Names of built-in models, `late` and `learned` go before folders of that name, folders before the other
    names of `qembed models list` and hub ids.
    Raises InputError for what may be a folder, where the system does not say.
    """
    if text == LATE:
        return ModelSpec(text, "late", text)
    if text == LEARNED:
        return ModelSpec(text, "learned", text)
    if text in BUILTIN:
        return ModelSpec(text, "builtin", BUILTIN[text].model)
    if text.startswith(_PYTHON):
        return ModelSpec(text, "python", text)
    if text.startswith(_SCHEMES):
        return ModelSpec(text, "endpoint", text.partition("#")[2].partition("&")[0])
    if text and is_folder(path := Path(os.path.expanduser(text))):  # noqa: PTH111 - pathlib's raises
        path = path.resolve()
        return ModelSpec(text, "folder", short_name(str(path)), path=path)
    if (listed := _BUILT_IN.get(text.lower())) is not None:
        return ModelSpec(listed.name, "builtin", listed.model)
    name, _, revision = text.partition("@")
    name = _LISTED.get(name.lower(), name)
    if _HUB_ID.fullmatch(name):
        return ModelSpec(text, "hub", name, revision=revision or None)
    return ModelSpec(text, "unknown", text)


def own_name(text: str, remembered: str = "") -> str:
    """Name of a built-in model that is named as `qembed models list` does; other specs as they are.

    `remembered`: spec of an index. Where that is a built-in model, its id on the hub names it, too.
    """
    parsed = parse_spec(text)
    if parsed.kind == "hub" and parsed.revision is None and remembered in BUILTIN:
        return remembered if parsed.name.lower() == BUILTIN[remembered].hub.lower() else text
    return parsed.text if parsed.kind == "builtin" else text


def local_folder(spec: ModelSpec, revision: str | None = None) -> Path | None:
    """Folder of a built-in, folder or hub model, fetched if it is not here; None for other kinds.

    `revision`: of a hub id, instead of the spec's own. Raises ModelUnavailable, ChecksumMismatch.
    """
    if spec.kind == "builtin":
        return builtin_folder(spec.text)
    if spec.kind == "hub":
        from qembed.models.hub import fetch

        return fetch(
            spec.name, revision or spec.revision, _builtin_advice(spec.name), _near_builtin
        )
    return spec.path


def near_names(text: str, kind: str = "") -> list[str]:
    """Names of models that are spelt most like this one, built-in ones first, at most three.

    A built-in model stands for its names on the hub, too. `kind`: `encoder` or `reranker`, "" for all.
    """
    from difflib import get_close_matches

    wanted = text.rpartition("/")[2].partition("@")[0].replace("_", "-").lower()
    names = {LATE: LATE} if kind != "encoder" else {}
    names |= {name: name for name in _LISTED if kind != "reranker"}
    for m in BUILTIN.values():
        if kind in ("", m.kind):
            names |= {m.name: m.name, m.model.lower(): m.name}
        else:
            names.pop(m.model.lower(), None)
    part = [n for n in names if len(wanted) >= SHORTEST_PART and wanted in n]
    near = [*part, *get_close_matches(wanted, names, 3)]
    found = dict.fromkeys(names[n] for n in near)
    return sorted(found, key=lambda n: n not in BUILTIN)[:3]


def near_hint(text: str, kind: str = "") -> str:
    """Clause on the names that may be meant, "" if none is near."""
    near = near_names(text, kind)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _builtin_advice(hub_id: str) -> str | None:
    """Advice for a model that cannot be fetched and is built in under another name; None if it is not."""
    for m in BUILTIN.values():
        if m.hub.lower() == hub_id.lower():
            here = "" if is_here(m.name) else f", after {m.install}"
            return f"(it is built in, as {m.name}{here})"
    return None


def _near_builtin(hub_id: str) -> list[str]:
    """Built-in models with a name like this one's."""
    return [n for n in near_names(hub_id) if n in BUILTIN]


def open_model(
    spec: str,
    *,
    dim: int | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> Model:
    """Open the encoder model that `spec` names, without its weights.

    `dim`: truncate vectors to so many dimensions; `revision`: of a hub id. Raises ModelUnavailable,
    ChecksumMismatch, UsageError (a dimension the model was not trained for, a reranker).
    """
    parsed = encoder_spec(spec)
    if parsed.kind == "python":
        return load_python_model(spec, dim)
    if parsed.kind == "endpoint":
        from qembed.models.remote.embeddings import RemoteModel

        return RemoteModel(spec, dim)
    return _open_files(parsed, dim, revision, device)


def encoder_spec(text: str) -> ModelSpec:
    """Parse the spec of an encoder, and open nothing. Raises UsageError for what is none by its name."""
    parsed = parse_spec(text)
    if (scorer := _scorer(parsed)) is not None:
        raise UsageError(f"{text}: it scores pairs and gives no vectors (--rerank {scorer})")
    if parsed.kind == "unknown":
        raise _no_model(text)
    check_address(parsed)
    return parsed


def _scorer(spec: ModelSpec) -> str | None:
    """Name of a reranker that is one by its name, a built-in one's on the hub too; None for others."""
    if spec.kind in ("late", "learned"):
        return spec.text
    for m in BUILTIN.values():
        if m.kind == "reranker" and (
            spec.text == m.name or (spec.kind == "hub" and spec.name.lower() == m.hub.lower())
        ):
            return m.name
    return None


def check_address(spec: ModelSpec) -> None:
    """Raise UsageError for an endpoint whose address is none that can be asked."""
    if spec.kind == "endpoint":
        parse_address(spec.text)


def _no_model(text: str) -> UsageError:
    hint = near_hint(text, "encoder")
    shown = without_credentials(text)
    return UsageError(f"{shown!r} is no model: no such folder, and not {MODEL_FORMS}{hint}")


def _open_files(
    parsed: ModelSpec, dim: int | None, revision: str | None, device: str | None
) -> FolderModel:
    """Open a model by its files, rerankers too. Raises as `open_model`."""
    folder = local_folder(parsed, revision)
    if folder is None:
        raise _no_model(parsed.text)
    return open_folder(parsed.text, parsed.name, folder, dim, requested_device(device))


def prepare_spec(spec: str, say: Say) -> tuple[bool, str]:
    """Fetch and export what `spec` names, also if an export failed before.

    Returns (ready, a line that says so or why not). Raises ModelUnavailable, UsageError.
    """
    parsed = parse_spec(spec)
    if parsed.kind in ("python", "endpoint"):
        return True, f"{open_model(spec).name}: nothing to prepare, it has no weights here"
    folder = local_folder(parsed)
    # a cross-encoder's folder is none of an encoder, which is opened by its modules
    scores = None if folder is None else _reranker_request(Folder(folder), spec)
    if scores is not None:
        name, requests = parsed.name, [scores]
    else:
        model = _open_files(parsed, None, None, None)
        name, requests = model.name, [model.export_request()]
        if model.queries is not model:
            requests.append(model.queries.export_request())
        if model.supports("image"):
            requests.append(model.image_request())
    for request in requests:
        if reason := prepare(request, say, lambda: False, retry_failed=True):
            return False, reason
    places = " and ".join(str(request.slot().folder) for request in requests)
    return True, f"{name} is ready: {places}"


def _reranker_request(folder: Folder, spec: str) -> ExportRequest | None:
    """Export as a reranker, if the folder's architecture is one."""
    from qembed.models.onnx.prepare import cross_encoder, qwen_reranker
    from qembed.models.qwen_prompt import architecture, is_qwen_reranker

    device = requested_device(None)
    if is_qwen_reranker(folder):
        return qwen_reranker(folder.path, spec, device)
    if architecture(folder).endswith("ForSequenceClassification"):
        return cross_encoder(folder.path, spec, device)
    return None
