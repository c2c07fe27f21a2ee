"""Protocols between the packages of qembed: encoders and rerankers.

Higher scores are better everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from PIL.Image import Image

    from qembed.types import Scores, Vectors

Pair: TypeAlias = tuple[str, str]
"""(query, passage)."""
Tasks: TypeAlias = Sequence[str | None] | None
"""Instruction of each pair, by name or in full; None stands for the reranker's own instruction."""
Kind: TypeAlias = Literal["text", "image"]
"""Kind of what becomes a vector."""
Track: TypeAlias = Callable[[int], None]
"""Progress callback. Called with the number of texts or pairs just finished."""


class EncoderInfo(NamedTuple):
    """Capabilities of an encoder, read by callers that batch or share it.

    `batch_invariant`: a text's vector has the same bits whatever other texts share its batch.
    `thread_safe`: several threads may call `encode` at the same time.
    `preferred_batch`: number of texts per `encode` call for best throughput; None: the caller's choice.
    `token_cost`: multiplications with weights for a token; None: not known, as of a server.
    """

    batch_invariant: bool = False
    thread_safe: bool = False
    preferred_batch: int | None = None
    token_cost: int | None = None


class Encoder(Protocol):
    """Text to vectors. Input is finished text: templates are applied before.

    Encoders of the user's own code (`py:`) need `encode(texts)` only: PythonEncoder wraps them.
    """

    @property
    def info(self) -> EncoderInfo:
        """Declared capabilities."""
        ...

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1.

        `half_cores`: leave half of the CPU cores to other threads. A hint without effect on the
        vectors; encoders without control over their threads ignore it.
        """
        ...


class TokenEncoder(Protocol):
    """Text to one vector a token, for late interaction."""

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Token vectors of each text, float32 (tokens, dim), rows of length 1, without padding."""
        ...


class ImageEncoder(Protocol):
    """Pictures to vectors, in the space of the same model's texts.

    Encoders of the user's own code (`py:`) have `encode_images(images)` beside `encode`.
    """

    @property
    def image_recipe(self) -> str:
        """Preprocessing, by name and numbers: pictures' vectors of two recipes must not meet."""
        ...

    def supports(self, kind: Kind) -> bool:
        """True if it gives vectors of that kind."""
        ...

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """Vectors of opened pictures in mode RGB, float32 (len(images), dim), rows of length 1.

        Raises EncodingError.
        """
        ...


class Scorer(Protocol):
    """Reranker: scores of (query, passage) pairs. One call may hold pairs of many queries.

    kind: sort of reranker (late, cross, qwen3-reranker, remote, own). truncated: pairs that lost text so far.
    """

    kind: str
    truncated: list[Pair]

    @property
    def instructed(self) -> bool:
        """True if it reads an instruction beside each pair."""
        ...

    @property
    def note(self) -> str | None:
        """Message for the user about how it runs, None if there is none."""
        ...

    @property
    def calibrated(self) -> bool:
        """True if scores are probabilities, so that a threshold means the same for every query."""
        ...

    @property
    def meaning(self) -> str:
        """Explanation of the scores, one line for the user."""
        ...

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),), higher is better, unsorted.

        `tasks`: read by rerankers that are `instructed` only. Raises EncodingError for NaN and infinity.
        """
        ...
