"""Encoders and rerankers of the user's own code, `py:module:factory`.

    # mine.py
    class Encoder:
        dim, max_tokens, version = 256, 512, "3"
        def encode(self, texts):
            return ...          # an array (len(texts), 256); it is normalised here

    def factory():
        return Encoder()

`--model py:mine:factory` imports the module with the current folder on the path and calls the factory.
`version` tells states of the model apart, else the module's source. With `encode_images(images)`, of opened
RGB pictures, it encodes pictures too; `image_recipe` says what its preprocessing is. `release()` drops what
`encode` would load again. A reranker has `score(pairs)`: a number for each (query, passage), more is better.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable, QembedError, UsageError
from qembed.models.images.own_code import ReadsImages
from qembed.models.images.text_only import labels, reads_no_images
from qembed.models.model import Say, Stop
from qembed.models.profiles import Profile
from qembed.models.scoring import PROBABILITY, finite
from qembed.models.tokenization import count_words
from qembed.protocols import (
    Encoder,
    EncoderInfo,
    ImageEncoder,
    Pair,
    Tasks,
    TokenEncoder,
    Track,
)
from qembed.vectors import validate

if TYPE_CHECKING:
    from PIL.Image import Image

    from qembed.types import Scores, Vectors

PAIRS_PER_CALL = 256
"""Pairs handed to the user's reranker at a time."""


def load_object(spec: str) -> tuple[Any, Any]:
    """Call the factory; returns (its object, its module). Raises UsageError, ModelUnavailable."""
    parts = spec.split(":")
    if len(parts) != 3 or not all(parts):
        raise UsageError(f"{spec}: py:module:factory is wanted")
    _, module_name, factory_name = parts
    with contextlib.suppress(
        FileNotFoundError
    ):  # a current folder that was removed holds no module
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)
    with _loading(spec):
        module = importlib.import_module(module_name)
    factory = getattr(module, factory_name, None)
    if not callable(factory):
        raise ModelUnavailable(f"{spec}: {module_name} has no function {factory_name!r}")
    _check_call(factory, spec)
    with _loading(spec):
        return factory(), module


def _check_call(factory: Any, spec: str) -> None:
    """Raise ModelUnavailable for a function that cannot be called without arguments."""
    with contextlib.suppress(ValueError):  # of compiled code the signature may not be known
        try:
            inspect.signature(factory).bind()
        except TypeError as e:
            raise ModelUnavailable(
                f"{spec}: a function without arguments is wanted ({e})"
            ) from None


@contextlib.contextmanager
def _loading(spec: str) -> Iterator[None]:
    """Run the user's code that loads a model. Whatever it raises becomes ModelUnavailable, but Ctrl-C."""
    try:
        yield
    except (QembedError, KeyboardInterrupt):
        raise
    except ImportError as e:
        raise ModelUnavailable(f"{spec}: {e}") from e
    except BaseException as e:
        raise ModelUnavailable(f"{spec} raised {_described(e)}") from e


@contextlib.contextmanager
def _described_errors(name: str) -> Iterator[None]:
    """Run the user's code for some texts. Whatever it raises becomes EncodingError, but Ctrl-C."""
    try:
        yield
    except (EncodingError, KeyboardInterrupt):
        raise
    except BaseException as e:
        raise EncodingError(f"{name} raised {_described(e)}") from e


def object_revision(instance: Any, module: Any, spec: str) -> str:
    """Fingerprint of the user's object, 32 hex digits.

    Covers the spec (two factories of one module are two models), the object's name, and its version or,
    without one, the module's source.
    """
    version = getattr(instance, "version", None)
    state = "source " + inspect.getsource(module) if version is None else f"version {version}"
    parts = [spec, str(getattr(instance, "name", "")), state]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


class PythonEncoder(ReadsImages):
    """Encoder, TokenEncoder and ImageEncoder around the user's object: validates its output, which becomes
    unit rows."""

    info = EncoderInfo()

    def __init__(self, instance: Any, dim: int, name: str) -> None:
        self._instance = instance
        self._dim = dim
        self._name = name

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1. Raises EncodingError."""
        import numpy as np

        if not len(texts):
            return np.zeros((0, self._dim), dtype=np.float32)
        with _described_errors(self._name):
            vectors = validate(self._instance.encode(texts), texts, self._name)
        return self._with_dim(vectors)

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """Vectors of pictures, float32 (len(images), dim), rows of length 1. Raises EncodingError."""
        import numpy as np

        if not len(images):
            return np.zeros((0, self._dim), dtype=np.float32)
        with _described_errors(self._name):
            given = self._instance.encode_images(images)
            vectors = validate(given, labels(images), self._name, "picture")
        return self._with_dim(vectors)

    def _with_dim(self, vectors: Vectors) -> Vectors:
        """The vectors. Raises EncodingError for another width than declared."""
        if vectors.shape[1] != self._dim:
            raise EncodingError(
                f"{self._name} gave {vectors.shape[1]} dimensions, it said it has {self._dim}"
            )
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Token vectors of each text, float32 (tokens, width), rows of length 1. Raises EncodingError."""
        with _described_errors(self._name):
            given = self._instance.encode_tokens(texts)
            if len(given) != len(texts):
                raise EncodingError(f"{self._name} gave arrays: {len(given)} for {len(texts)}")
            return [
                validate(states, [text] * len(states), self._name)
                for states, text in zip(given, texts, strict=True)
            ]


def _described(error: BaseException) -> str:
    """Name, message and place of an exception in the user's code, on one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    what, place = str(error), f"{last.filename}:{last.lineno}"
    if isinstance(error, SyntaxError) and error.filename:  # of a file that was not run
        what, place = error.msg, f"{error.filename}:{error.lineno}"
    text = " ".join(f"{type(error).__name__}: {what}".split())[:200]
    return f"{text} ({place})"


class PythonModel(ReadsImages):
    """Model around the user's encoder."""

    device: str | None = None
    warning: str | None = None
    note: str | None = None
    pooling = "own"
    is_remote = False

    def __init__(self, spec: str, instance: Any, module: Any) -> None:
        self.spec = spec
        self._instance = instance
        with _loading(spec):
            self.name: str = str(getattr(instance, "name", spec))
            self.revision = object_revision(instance, module, spec)
            self.max_tokens = int(getattr(instance, "max_tokens", 512))
            self.profile = Profile(self.name, query=str(getattr(instance, "query", "{query}")))
            self.dim = int(getattr(instance, "dim", 0)) or self._measured_dim()

    def _measured_dim(self) -> int:
        """Length of a vector. Raises ModelUnavailable for an `encode` that gives none."""
        try:
            return len(self._instance.encode(["dimension"])[0])
        except Exception as e:
            reason = f"encode([text]) raised {_described(e)}"
            raise ModelUnavailable(f"{self.spec}: it is no encoder: {reason}") from e

    @property
    def queries(self) -> PythonModel:
        """The model itself: the user's code is not told what a text is for."""
        return self

    def tokenizer(self) -> Any:
        """Tokenizer of the user's object, a `tokenizers.Tokenizer`; None if it has none."""
        return getattr(self._instance, "tokenizer", None)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the object's tokenizer, else words, marks and two special tokens."""
        with _described_errors(self.spec):
            tokenizer = self.tokenizer()
            if tokenizer is not None:
                return [len(e.ids) for e in tokenizer.encode_batch(list(texts))]
        return count_words(texts)

    def encoder(self) -> Encoder:
        """Encoder around the user's object."""
        return PythonEncoder(self._instance, self.dim, self.spec)

    def image_encoder(self) -> ImageEncoder:
        """Image encoder around the user's object. Raises UsageError if that has no `encode_images`."""
        if not self.supports("image"):
            raise reads_no_images(self.spec)
        return PythonEncoder(self._instance, self.dim, self.spec)

    def token_encoder(self, approximate: bool = False) -> TokenEncoder:
        """Token encoder around the user's object. Raises UsageError if that has no `encode_tokens`."""
        if not hasattr(self._instance, "encode_tokens"):
            raise UsageError(
                f"{self.spec} has no encode_tokens: late reranking is not to be had with it"
            )
        return PythonEncoder(self._instance, self.dim, self.spec)

    def release(self) -> None:
        """Call the object's `release`, if it has one."""
        with _described_errors(self.spec):
            if callable(drop := getattr(self._instance, "release", None)):
                drop()

    def prepare(self, say: Say, stop: Stop) -> None:
        """No effect: the user's code is not exported."""


class PythonReranker:
    """Scorer around the user's reranker: holds its scores to one finite number for each pair.

    The object gets PAIRS_PER_CALL pairs at a time. Its attribute `calibrated = True` says that scores are
    probabilities.
    """

    kind = "own"
    instructed = False
    note = None

    def __init__(self, spec: str, instance: Any) -> None:
        self.spec = spec
        self._instance = instance
        with _loading(spec):
            self.calibrated = bool(getattr(instance, "calibrated", False))
        self.meaning = PROBABILITY if self.calibrated else f"whatever {spec} gives"
        self.truncated: list[Pair] = []

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),).

        Raises EncodingError for another number of scores, NaN or infinity.
        """
        import numpy as np

        out = np.zeros(len(pairs), dtype=np.float32)
        for at in range(0, len(pairs), PAIRS_PER_CALL):
            part = list(pairs[at : at + PAIRS_PER_CALL])
            with _described_errors(self.spec):
                given = np.asarray(self._instance.score(part), dtype=np.float32)
            if given.shape != (len(part),):
                raise EncodingError(
                    f"{self.spec} gave scores of shape {given.shape}, not ({len(part)},)"
                )
            out[at : at + len(part)] = given
            if track is not None:
                track(len(part))
        return finite(out, pairs, self.spec)


def load_python_model(spec: str, dim: int | None) -> PythonModel:
    """Load the user's encoder as a Model. Raises UsageError, ModelUnavailable."""
    instance, module = load_object(spec)
    if not hasattr(instance, "encode"):
        raise ModelUnavailable(f"{spec}: what the factory made has no encode(texts)")
    model = PythonModel(spec, instance, module)
    if dim not in (None, model.dim):
        raise UsageError(f"--dim {dim}: {spec} has {model.dim} dimensions")
    return model


def load_python_reranker(spec: str) -> PythonReranker:
    """Load the user's reranker as a Scorer. Raises UsageError, ModelUnavailable."""
    instance, _ = load_object(spec)
    if not hasattr(instance, "score"):
        raise ModelUnavailable(f"{spec}: what the factory made has no score(pairs)")
    return PythonReranker(spec, instance)
