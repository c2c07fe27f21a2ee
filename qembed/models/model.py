"""Protocol of models: how texts and pictures become vectors, and what is known before weights are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from qembed.models.profiles import Profile
    from qembed.protocols import Encoder, ImageEncoder, Kind, TokenEncoder

Say: TypeAlias = Callable[[str], None]
"""Receives lines for the user about work that takes time."""
Stop: TypeAlias = Callable[[], bool]
"""Returns True once the user wants the work to end."""


class Model(Protocol):
    """Opened model, as documents use it. Weights are loaded by `encoder` and `token_encoder`, not before."""

    @property
    def spec(self) -> str:
        """Spec that the model was opened by."""
        ...

    @property
    def name(self) -> str:
        """Name for messages and for the choice of a profile."""
        ...

    @property
    def revision(self) -> str:
        """Fingerprint of the model's content."""
        ...

    @property
    def dim(self) -> int:
        """Dimensions of its vectors, after truncation."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read, special tokens included."""
        ...

    @property
    def profile(self) -> Profile:
        """Prompts and limits of the model's family."""
        ...

    @property
    def pooling(self) -> str:
        """Name of the pooling, for the recipe."""
        ...

    @property
    def device(self) -> str | None:
        """Device asked for, None for the default."""
        ...

    @property
    def warning(self) -> str | None:
        """Message for the user, known when the model is opened; None if there is none."""
        ...

    @property
    def note(self) -> str | None:
        """Message for the user on how the weights were loaded; None before, and if there is none."""
        ...

    @property
    def is_remote(self) -> bool:
        """True if a server encodes, whose content no checksum shows."""
        ...

    @property
    def queries(self) -> Model:
        """Model as queries use it: itself, unless queries and documents have modules of their own.

        It has the same vectors' space, dimensions and revision, but other weights, tokenizer and limits.
        """
        ...

    @property
    def image_recipe(self) -> str:
        """Preprocessing of pictures, for the recipe of an index that has some; "" if it reads none."""
        ...

    def supports(self, kind: Kind) -> bool:
        """True if it gives vectors of texts, or of pictures. Loads no weights."""
        ...

    def image_encoder(self) -> ImageEncoder:
        """Load the weights, for vectors of pictures. Raises ModelUnavailable, UsageError if it reads none."""
        ...

    def tokenizer(self) -> Any:
        """Tokenizer, a `tokenizers.Tokenizer` without truncation and padding; None if there is none."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        ...

    def encoder(self) -> Encoder:
        """Load the weights. Raises ModelUnavailable."""
        ...

    def token_encoder(self, approximate: bool = False) -> TokenEncoder:
        """Load the weights, for vectors of single tokens. Raises ModelUnavailable, UsageError.

        `approximate`: by 8-bit products where the model has a form with them.
        """
        ...

    def release(self) -> None:
        """Drop the weights; `encoder` loads them again."""
        ...

    def prepare(self, say: Say, stop: Stop) -> str | None:
        """Export the weights ahead of `encoder`, if they are here and an export would be used.

        Returns None if nothing is left to do, else one line that says why there is no export. Raises
        KeyboardInterrupt when `stop` returns True.
        """
        ...
