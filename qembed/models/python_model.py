"""`py:module:factory`: the user's own encoder or reranker.

    # mine.py
    class Encoder:
        dim, max_tokens, version = 256, 512, "3"
        def encode(self, texts):
            return ...          # an array (len(texts), 256); it is normalised here

    def factory():
        return Encoder()

`--model py:mine:factory` imports the module with the current folder on the path and calls the factory.
`version` is what tells one state of the model from another; without it, the module's source does. A
reranker is an object with `score(pairs)`: one number a (query, passage), higher is better.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models.model import Say, Stop
from qembed.models.profiles import Profile
from qembed.models.tokenization import count_words
from qembed.types import Encoder, EncoderInfo, TokenEncoder
from qembed.vectors import validate

if TYPE_CHECKING:
    from qembed.types import Vectors


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


def version_of(made: Any, module: Any, spec: str) -> str:
    """What tells one state of one of the user's models from another: 32 hex digits.

    Over the spec's module and factory (two factories of one module are two models), the object's name,
    and its version or, without one, the module's source.
    """
    version = getattr(made, "version", None)
    state = "source " + inspect.getsource(module) if version is None else f"version {version}"
    parts = [spec, str(getattr(made, "name", "")), state]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


class PythonEncoder:
    """The user's object behind a check: what comes out are unit rows of the stated width."""

    info = EncoderInfo()

    def __init__(self, made: Any, dim: int, name: str) -> None:
        self._made = made
        self._dim = dim
        self._name = name

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1. Raises EncodingError."""
        import numpy as np

        if not len(texts):
            return np.zeros((0, self._dim), dtype=np.float32)
        vectors = validate(self._made.encode(texts), texts, self._name)
        if vectors.shape[1] != self._dim:
            raise EncodingError(
                f"{self._name} gave {vectors.shape[1]} dimensions, it said it has {self._dim}"
            )
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text float32 (tokens, width), rows of length 1. Raises EncodingError."""
        given = self._made.encode_tokens(texts)
        if len(given) != len(texts):
            raise EncodingError(f"{self._name} gave {len(given)} arrays for {len(texts)} texts")
        return [
            validate(states, [text] * len(states), self._name)
            for states, text in zip(given, texts, strict=True)
        ]


class PythonModel:
    """The user's encoder, with the attributes of a Model."""

    device: str | None = None
    warning: str | None = None
    note: str | None = None
    pooling = "own"
    is_remote = False

    def __init__(self, spec: str, made: Any, module: Any) -> None:
        self.spec = spec
        self.name: str = str(getattr(made, "name", spec))
        self.revision = version_of(made, module, spec)
        self.max_tokens = int(getattr(made, "max_tokens", 512))
        self.profile = Profile(self.name, query=str(getattr(made, "query", "{query}")))
        self._made = made
        self.dim = int(getattr(made, "dim", 0)) or len(made.encode(["dimension"])[0])

    def tokenizer(self) -> Any:
        """The object's own `tokenizers.Tokenizer`, None if it has none."""
        return getattr(self._made, "tokenizer", None)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text: by its tokenizer, else words and marks, with two special tokens."""
        tokenizer = self.tokenizer()
        if tokenizer is not None:
            return [len(e.ids) for e in tokenizer.encode_batch(list(texts))]
        return count_words(texts)

    def encoder(self) -> Encoder:
        """The object behind a check that gives unit rows."""
        return PythonEncoder(self._made, self.dim, self.spec)

    def token_encoder(self) -> TokenEncoder:
        """The same for token vectors. Raises UsageError if the object gives none."""
        if not hasattr(self._made, "encode_tokens"):
            raise UsageError(
                f"{self.spec} has no encode_tokens: late reranking is not to be had with it"
            )
        return PythonEncoder(self._made, self.dim, self.spec)

    def release(self) -> None:
        """No effect: the object belongs to the user's module."""

    def prepare(self, say: Say, stop: Stop) -> str | None:
        """No effect: the user's code is not exported."""
        return None


def load_own(spec: str, dim: int | None) -> PythonModel:
    """The user's encoder. Raises UsageError, ModelUnavailable."""
    made, module = make(spec)
    if not hasattr(made, "encode"):
        raise ModelUnavailable(f"{spec}: what the factory made has no encode(texts)")
    model = PythonModel(spec, made, module)
    if dim not in (None, model.dim):
        raise UsageError(f"--dim {dim}: {spec} has {model.dim} dimensions")
    return model
