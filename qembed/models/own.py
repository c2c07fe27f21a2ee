"""`py:module:factory`: the user's own encoder or reranker.

    # mine.py
    class Encoder:
        dim, max_tokens, version = 256, 512, "3"
        def encode(self, texts):
            return ...          # float32 (len(texts), 256), rows of length 1

    def factory():
        return Encoder()

`--model py:mine:factory` imports the module with the current folder on the path and calls the factory.
`version` is what tells one state of the model from another; without it, the module's source does.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.profiles import Profile
from qembed.types import Encoder, TokenEncoder

_TOKEN = re.compile(r"\w+|[^\w\s]")


def make(spec: str) -> tuple[Any, Any]:
    """(what the factory made, its module). Raises UsageError, ModelUnavailable."""
    parts = spec.split(":")
    if len(parts) != 3 or not all(parts):
        raise UsageError(f"{spec}: py:module:factory is wanted")
    _, module_name, factory_name = parts
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as e:
        raise ModelUnavailable(f"{spec}: {e}") from e
    factory = getattr(module, factory_name, None)
    if not callable(factory):
        raise ModelUnavailable(f"{spec}: {module_name} has no function {factory_name!r}")
    return factory(), module


def version_of(made: Any, module: Any) -> str:
    """What tells one state of the user's model from another."""
    if (named := getattr(made, "version", None)) is not None:
        return str(named)
    source = inspect.getsource(module).encode()
    return hashlib.blake2b(source, digest_size=16).hexdigest()


class OwnModel:
    """The user's encoder, with the attributes of a Model."""

    device: str | None = None
    warning: str | None = None
    pooling = "own"

    def __init__(self, spec: str, made: Any, module: Any) -> None:
        self.spec = spec
        self.name: str = str(getattr(made, "name", spec))
        self.revision = version_of(made, module)
        self.max_tokens = int(getattr(made, "max_tokens", 512))
        self.profile = Profile(self.name, query=str(getattr(made, "query", "{query}")))
        self._made = made
        self.dim = int(getattr(made, "dim", 0)) or int(made.encode(["dimension"]).shape[1])

    def tokenizer(self) -> Any:
        """The object's own `tokenizers.Tokenizer`, None if it has none."""
        return getattr(self._made, "tokenizer", None)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text: by its tokenizer, else words and marks, with two special tokens."""
        tokenizer = self.tokenizer()
        if tokenizer is not None:
            return [len(e.ids) for e in tokenizer.encode_batch(list(texts))]
        return [len(_TOKEN.findall(t)) + 2 for t in texts]

    def encoder(self) -> Encoder:
        """The object itself."""
        encoder: Encoder = self._made
        return encoder

    def token_encoder(self) -> TokenEncoder:
        """The object itself. Raises UsageError if it gives no token vectors."""
        if not hasattr(self._made, "encode_tokens"):
            raise UsageError(
                f"{self.spec} has no encode_tokens: late reranking is not to be had with it"
            )
        encoder: TokenEncoder = self._made
        return encoder


def load_own(spec: str, dim: int | None) -> OwnModel:
    """The user's encoder. Raises UsageError, ModelUnavailable."""
    made, module = make(spec)
    if not hasattr(made, "encode"):
        raise ModelUnavailable(f"{spec}: what the factory made has no encode(texts)")
    model = OwnModel(spec, made, module)
    if dim not in (None, model.dim):
        raise UsageError(f"--dim {dim}: {spec} has {model.dim} dimensions")
    return model
