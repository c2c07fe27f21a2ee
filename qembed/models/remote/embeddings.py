"""Encoders behind OpenAI's embeddings protocol: vLLM, TEI, infinity, Ollama, llama.cpp, hosted ones.

    POST {url}/embeddings  {"model": …, "input": [texts]}  ->  {"data": [{"index", "embedding"}]}

Templates, truncation and normalisation are applied here, so a server that applies them too changes nothing.
The server's pooling and precision cannot be seen from here: the golden probe checks them at every use of an
index. So the revision is the model's name and not the address.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models.batching import by_length
from qembed.models.model import Say, Stop
from qembed.models.profiles import profile_for, short_name
from qembed.models.remote.address import parse_address
from qembed.models.remote.http_client import Endpoint, Rejected
from qembed.models.tokenization import count_words
from qembed.protocols import Encoder, EncoderInfo, TokenEncoder
from qembed.vectors import validate

if TYPE_CHECKING:
    from qembed.types import Vectors

BATCH = 32
"""Texts in a request: the default maximum of TEI."""


class RemoteModel:
    """Model at an address. Asks the server when `dim` is first read."""

    device: str | None = None
    note: str | None = None
    pooling = "remote"
    is_remote = True

    def __init__(self, spec: str, dim: int | None) -> None:
        address = parse_address(spec)
        path = address.url.removesuffix("/embeddings")
        self.spec = spec
        self.name = address.model
        self.profile = profile_for(address.model)
        self.max_tokens = self.profile.max_tokens
        self.warning = None
        if not self.profile.known:
            self.warning = f"{self.name}: no profile; queries are encoded as they are"
        self._requested_dim = dim
        self._tokenizer_folder = address.tokenizer
        self._endpoint = Endpoint(path + "/embeddings")

    @property
    def revision(self) -> str:
        """Name of the model without its organisation: two servers of one model agree."""
        return f"remote:{short_name(self.name).lower()}"

    @cached_property
    def dim(self) -> int:
        """Dimensions after cutting. Raises ModelUnavailable, EncodingError, UsageError."""
        encoder = RemoteEncoder(self._endpoint, self.name, None, self.count)
        return self.profile.check_dim(self._requested_dim, encoder.width(), self.name)

    @cached_property
    def _tokenizer(self) -> Any:
        if not self._tokenizer_folder:
            return None
        from pathlib import Path

        from tokenizers import Tokenizer

        path = Path(self._tokenizer_folder).expanduser() / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as e:  # tokenizers has no class of its own for it
            raise ModelUnavailable(f"{path}: {e}") from e
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def tokenizer(self) -> Any:
        """Tokenizer in the folder that the spec names, None if it names none. Raises ModelUnavailable."""
        return self._tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; without a tokenizer an estimate on the safe side.

        The estimate is words and marks, or a third of the letters if that is more: long words and
        identifiers are several tokens.
        """
        if self._tokenizer is not None:
            return [len(e.ids) for e in self._tokenizer.encode_batch(list(texts))]
        words = count_words(texts)
        return [max(n, len(t) // 3 + 2) for n, t in zip(words, texts, strict=True)]

    def encoder(self) -> Encoder:
        """Encoder of the endpoint's vectors. Raises as `dim`."""
        return RemoteEncoder(self._endpoint, self.name, self.dim, self.count)

    def token_encoder(self) -> TokenEncoder:
        """Not available: raises UsageError, as an endpoint gives one vector a text."""
        raise UsageError(
            f"{self.spec}: an endpoint gives no token vectors, which late reranking compares (take a "
            "cross-encoder or a rerank endpoint)"
        )

    def release(self) -> None:
        """No effect: no weights are loaded here."""

    def prepare(self, say: Say, stop: Stop) -> str | None:
        """No effect: there are no weights here to export."""
        return None


class RemoteEncoder:
    """Encoder behind an endpoint: texts of similar length share a request, several are in flight.

    `dim`: truncate vectors to so many dimensions; None: as the server gives them. `count`: tokens of texts.
    """

    info = EncoderInfo(preferred_batch=8 * BATCH)

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        dim: int | None,
        count: Callable[[Sequence[str]], list[int]],
    ) -> None:
        self._endpoint = endpoint
        self._model = model
        self._dim = dim
        self._count = count

    def width(self) -> int:
        """Dimensions of the server's vectors, from one request with a short text."""
        return int(self._embed(["dimension"]).shape[1])

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1.

        Raises EncodingError naming the text for an answer that is no vector and for a text that the
        server refuses, ModelUnavailable.
        """
        import numpy as np

        width = self._dim or self.width()
        out = np.zeros((len(texts), width), dtype=np.float32)
        batches = list(by_length(self._count(texts), texts=BATCH))
        calls = [partial(self._embed, [texts[i] for i in batch]) for batch in batches]
        for n, vectors in self._endpoint.many(calls):
            out[batches[n]] = vectors
        return out

    def _embed(self, texts: list[str]) -> Vectors:
        """Unit vectors of one request's texts; a request that the server refuses is sent in halves."""
        import numpy as np

        try:
            answer = self._endpoint.post({"model": self._model, "input": texts})
        except Rejected as e:
            if len(texts) == 1:
                raise EncodingError(
                    f"{self._endpoint.url} does not take the text {texts[0][:80]!r}: {e}"
                ) from None
            half = len(texts) // 2
            return np.concatenate([self._embed(texts[:half]), self._embed(texts[half:])])
        rows = [self._row(v, t) for v, t in zip(self._in_order(answer, texts), texts, strict=True)]
        widths = {len(row) for row in rows}
        if len(widths) > 1 or (self._dim is not None and min(widths) < self._dim):
            raise EncodingError(
                f"{self._endpoint.url} gave vectors of {sorted(widths)} dimensions, {self._dim} are "
                "wanted: another model answers there than before"
            )
        vectors = np.array(rows)[:, : self._dim]
        return validate(vectors, texts, f"{self._endpoint.url} ({self._model})")

    def _in_order(self, answer: Any, texts: list[str]) -> list[Any]:
        """Vectors of the answer in the order of the texts, by their `index`."""
        where = self._endpoint.url
        try:
            items = [
                (item.get("index", i), item["embedding"]) for i, item in enumerate(answer["data"])
            ]
        except (KeyError, TypeError, AttributeError):
            raise EncodingError(
                f"{where}: no embeddings in its answer: {str(answer)[:200]}"
            ) from None
        if len(items) != len(texts):
            raise EncodingError(f"{where} gave {len(items)} vectors for {len(texts)} texts")
        found = dict(items)
        if found.keys() != set(range(len(texts))):
            raise EncodingError(
                f"{where} gave vectors with indexes {sorted(map(str, found))[:5]} …"
            )
        return [found[i] for i in range(len(texts))]

    def _row(self, given: Any, text: str) -> list[float]:
        """Numbers of one vector; base64 of little-endian float32 is the protocol's other form."""
        try:
            if isinstance(given, str):
                data = base64.b64decode(given, validate=True)
                return list(struct.unpack(f"<{len(data) // 4}f", data))
            return [float(x) for x in given]
        except (TypeError, ValueError, binascii.Error, struct.error):
            raise EncodingError(
                f"{self._endpoint.url} gave something that is no vector for the text {text[:80]!r}: "
                f"{str(given)[:60]}"
            ) from None
