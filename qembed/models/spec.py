"""A spec string to a model, cheaply: no weights, no torch, until the encoder is asked for.

minilm                    the embedded model
./folder                  a sentence-transformers or transformers folder
org/name                  a hub id: from the local hub cache, else fetched
py:module:factory         the user's own encoder
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.embedded import NAME, embedded_folder
from qembed.models.files import Folder
from qembed.models.hub import fetch, is_hub_id
from qembed.models.own import OwnModel, load_own
from qembed.models.profiles import Profile, profile_for, short_name
from qembed.types import Encoder, TokenEncoder

FORMS = "minilm, a folder, a hub id such as BAAI/bge-small-en-v1.5, or py:module:factory"


@dataclass
class FolderModel:
    """A model in a folder; its weights are loaded by `encoder`, once.

    `dim`: after cutting. `max_tokens`: what it reads, special tokens included. `revision`: its content.
    """

    spec: str
    name: str
    folder: Folder
    profile: Profile
    dim: int
    pooling: str
    max_tokens: int
    device: str | None = None
    warning: str | None = None
    _loaded: Any = field(default=None, repr=False)

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
            from qembed.models.quiet import quiet

            with quiet():
                from transformers import AutoTokenizer

                loaded: Any = AutoTokenizer.from_pretrained(
                    str(self.folder.path), local_files_only=True, trust_remote_code=False
                )
                tokenizer = loaded.backend_tokenizer
        # what a chunker and a counter want to see is the whole text
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer`, without truncation and padding."""
        return self._tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        return [len(e.ids) for e in self._tokenizer.encode_batch(list(texts))]

    def _load(self) -> Any:
        if self._loaded is None:
            from qembed.models.torch_encoder import TorchEncoder

            self._loaded = TorchEncoder(
                self.folder.path, self.dim, self.pooling, self.max_tokens, self.count, self.device
            )
        return self._loaded

    def encoder(self) -> Encoder:
        """Loads the weights. Raises ModelUnavailable."""
        encoder: Encoder = self._load()
        return encoder

    def token_encoder(self) -> TokenEncoder:
        """The same weights, a vector a token."""
        encoder: TokenEncoder = self._load()
        return encoder


Model: TypeAlias = FolderModel | OwnModel
"""A model that was found: both have the same attributes."""


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
    if spec == "minilm":
        name, path = NAME, embedded_folder()
    elif spec and Path(spec).expanduser().is_dir():
        path = Path(spec).expanduser().resolve()
        name = short_name(str(path))
    elif is_hub_id(spec):
        name, path = spec, fetch(spec, revision)
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
        device=device,
        warning=warning,
    )


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
