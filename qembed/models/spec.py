"""A spec string to a model, cheaply: no weights, no torch, until the encoder is asked for.

minilm                    the embedded model
./folder                  a sentence-transformers or transformers folder
org/name, org/name@REV    a hub id, at a revision: from the local hub cache, else fetched
py:module:factory         the user's own encoder
http://host:port/v1#name  a server that speaks OpenAI's embeddings protocol
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.builtin import NAME, embedded_folder
from qembed.models.device import wanted_device
from qembed.models.forms import SCHEMES, is_hub_id
from qembed.models.model import Model, Say, Stop
from qembed.models.model_folder import Folder
from qembed.models.onnx.prepare import ExportRequest, open_encoder, prepare
from qembed.models.profiles import Profile, profile_for, short_name
from qembed.models.python_model import load_own
from qembed.models.tokenization import keep_end
from qembed.types import Encoder, TokenEncoder

if TYPE_CHECKING:
    from qembed.models.onnx.encoder import OnnxEncoder
    from qembed.models.torch_encoder import TorchEncoder

FORMS = (
    "minilm, a folder, a hub id such as BAAI/bge-small-en-v1.5, http(s)://host:port/v1#model, "
    "or py:module:factory"
)


@dataclass
class FolderModel:
    """A model in a folder; its weights are loaded by `encoder`, once.

    `dim`: after cutting. `max_tokens`: what it reads, special tokens included. `revision`: its content.
    `note`: once loaded, why it runs on torch where an export could have served.
    """

    is_remote: ClassVar[bool] = False

    spec: str
    name: str
    folder: Folder
    profile: Profile
    dim: int
    pooling: str
    max_tokens: int
    device: str | None = None
    warning: str | None = None
    note: str | None = None
    _exported: OnnxEncoder | None = field(default=None, repr=False)
    _torch: TorchEncoder | None = field(default=None, repr=False)

    @cached_property
    def revision(self) -> str:
        """A hash over everything that determines a vector."""
        return self.folder.revision()

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self.folder.path / "tokenizer.json"
        if path.is_file():
            try:
                tokenizer = Tokenizer.from_file(str(path))
            except Exception as e:  # tokenizers has no class of its own for it
                raise ModelUnavailable(f"{path}: {e}") from e
        else:  # an older folder with a vocabulary only
            from qembed.models.library_logging import quiet

            with quiet():
                from transformers import AutoTokenizer

                loaded: Any = AutoTokenizer.from_pretrained(
                    str(self.folder.path), local_files_only=True, trust_remote_code=False
                )
                tokenizer = loaded.backend_tokenizer
        # what a chunker and a counter want to see is the whole text
        tokenizer.no_truncation()
        tokenizer.no_padding()
        keep_end(tokenizer, self.profile.end_token)
        return tokenizer

    def tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer`, without truncation and padding."""
        return self._tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        if self._exported is not None:
            return self._exported.count(texts)
        return [len(e.ids) for e in self._tokenizer.encode_batch(list(texts))]

    def wanted(self) -> ExportRequest:
        """What an export of this model is made from and looked up by."""
        return ExportRequest(
            kind="encoder",
            name=self.name,
            spec=self.spec,
            folder=self.folder.path,
            revision=self.revision,
            pooling=self.pooling,
            max_tokens=self.max_tokens,
            device=self.device,
        )

    def prepare(self, say: Say, stop: Stop, again: bool = False) -> str | None:
        """Exports it for later runs; None if there is an export then, else a line that says why not."""
        if self._exported is None and self._torch is None:
            self._exported, _ = open_encoder(self.wanted(), self.dim)
        loaded = self._exported is not None or self._torch is not None
        self.note = None if loaded else prepare(self.wanted(), say, stop, again)
        return self.note

    def _load(self) -> OnnxEncoder | TorchEncoder:
        if self._torch is not None:
            return self._torch
        if self._exported is None:
            self._exported, note = open_encoder(self.wanted(), self.dim)
            self.note = note and (self.note or note)
        if self._exported is not None:
            return self._exported
        from qembed.models.torch_encoder import TorchEncoder

        self._torch = TorchEncoder(
            self.folder.path, self.dim, self.pooling, self.max_tokens, self.count, self.device
        )
        return self._torch

    def encoder(self) -> Encoder:
        """Load the weights: an export without torch if there is one. Raises ModelUnavailable."""
        return self._load()

    def token_encoder(self) -> TokenEncoder:
        """The same weights, for vectors of single tokens. Raises ModelUnavailable."""
        return self._load()

    def release(self) -> None:
        """Drop the weights; `encoder` loads them again."""
        self._exported = self._torch = None


def open_model(
    spec: str,
    *,
    dim: int | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> Model:
    """Finds a model. `dim`: cut vectors to so many dimensions; `revision`: of a hub id.

    Raises ModelUnavailable, ChecksumMismatch, UsageError (a dimension the model was not trained for).
    """
    if spec.startswith("py:"):
        return load_own(spec, dim)
    if spec.startswith(SCHEMES):
        from qembed.models.remote.embeddings import RemoteModel

        return RemoteModel(spec, dim, _cut)
    if spec == "minilm":
        name, path = NAME, embedded_folder()
    elif spec and Path(spec).expanduser().is_dir():
        path = Path(spec).expanduser().resolve()
        name = short_name(str(path))
    elif is_hub_id(spec.partition("@")[0]):
        name, _, said = spec.partition("@")
        from qembed.models.hub import fetch

        path = fetch(name, revision or said or None)
    else:
        raise UsageError(f"--model {spec}: no such folder, and not {FORMS}")
    folder = Folder(path)
    folder.check()
    profile = profile_for(name, path)
    warning = None
    if not profile.known:
        warning = f"{name}: no profile and no prompts of its own; queries are encoded as they are"
    width = folder.dim()
    return FolderModel(
        spec=spec,
        name=name,
        folder=folder,
        profile=profile,
        dim=_cut(dim, width, profile, name),
        pooling=folder.pooling(profile.pooling or "mean"),
        max_tokens=folder.max_tokens(profile.max_tokens),
        device=wanted_device(device),
        warning=warning,
    )


def prepare_spec(spec: str, say: Say) -> tuple[bool, str]:
    """`qembed models prepare`: fetches and exports what `spec` names, also what failed before.

    (whether it is ready, a line that says so or why not). Raises ModelUnavailable, UsageError.
    """
    model = open_model(spec)
    if not isinstance(model, FolderModel):
        return True, f"{model.name}: nothing to prepare, it has no weights here"
    wanted = _wanted(model)
    reason = prepare(wanted, say, lambda: False, again=True)
    ready = f"{model.name} is ready: {wanted.slot().folder}"
    return reason is None, reason or ready


def _wanted(model: FolderModel) -> ExportRequest:
    """What a folder is exported as: a reranker by its architecture, else an encoder."""
    from qembed.models.onnx.prepare import cross_encoder, qwen_reranker
    from qembed.models.qwen_prompt import architecture, is_qwen_reranker

    path = model.folder.path
    if is_qwen_reranker(model.folder):
        return qwen_reranker(path, model.spec, model.device)
    if architecture(model.folder).endswith("ForSequenceClassification"):
        return cross_encoder(path, model.spec, model.device)
    return model.wanted()


def _cut(dim: int | None, width: int, profile: Profile, name: str) -> int:
    if dim in (None, width):
        return width
    assert dim is not None
    if profile.min_dim is None:
        raise UsageError(
            f"--dim {dim}: {name} was not trained to be cut; it has {width} dimensions"
        )
    if not profile.min_dim <= dim <= width:
        raise UsageError(
            f"--dim {dim}: {name} can be cut to {profile.min_dim} to {width} dimensions"
        )
    return dim
