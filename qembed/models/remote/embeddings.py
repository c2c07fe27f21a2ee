"""Encoders behind OpenAI's embeddings protocol: vLLM, TEI, infinity, Ollama, llama.cpp, hosted ones.

    POST {url}/embeddings  {"model": …, "input": [texts]}  ->  {"data": [{"index", "embedding"}]}

Templates, truncation and normalisation are applied here, so a server that applies them too changes nothing.
The server's pooling and precision cannot be seen from here: the golden probe checks them at every use of an
index. So the revision is the model's name and not the address.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import struct
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable, TextsRefused, UsageError
from qembed.models.batching import by_length
from qembed.models.encode_each import PROBE
from qembed.models.images.text_only import TextOnly
from qembed.models.model import Say, Stop
from qembed.models.profiles import profile_for, short_name
from qembed.models.remote.address import parse_address
from qembed.models.remote.http_client import Crashed, Endpoint, Rejected
from qembed.models.tokenization import count_words
from qembed.protocols import Encoder, EncoderInfo, TokenEncoder
from qembed.vectors import validate

if TYPE_CHECKING:
    from qembed.types import Vectors

BATCH = 32
"""Texts in a request: the default maximum of TEI."""


class RemoteModel(TextOnly):
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

    @property
    def queries(self) -> RemoteModel:
        """The model itself: the protocol does not say what a text is for."""
        return self

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

    def token_encoder(self, approximate: bool = False) -> TokenEncoder:
        """Not available: raises UsageError, as an endpoint gives one vector a text."""
        raise UsageError(
            f"{self.spec}: an endpoint gives no token vectors, which late reranking compares (take a "
            "cross-encoder or a rerank endpoint)"
        )

    def release(self) -> None:
        """No effect: no weights are loaded here."""

    def prepare(self, say: Say, stop: Stop) -> str | None:
        """Have `stop` asked while the server is given time. There are no weights here to export."""
        self._endpoint.stop = stop
        return None


class _WrongCount(EncodingError):
    """Another number of vectors than of texts."""


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
        self._worked = False

    def width(self) -> int:
        """Dimensions of the server's vectors, from one request with a short text."""
        return int(self._embed([PROBE])[0].shape[1])

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1.

        Raises TextsRefused for texts that the server refuses or gives no vector for, EncodingError for an
        answer of another form, ModelUnavailable.
        """
        import numpy as np

        width = self._dim or self.width()
        out = np.zeros((len(texts), width), dtype=np.float32)
        reasons: dict[int, str] = {}
        batches = list(by_length(self._count(texts), texts=BATCH))
        calls = [partial(self._embed, [texts[i] for i in batch]) for batch in batches]
        for n, (vectors, refused) in self._endpoint.many(calls):
            out[batches[n]] = vectors
            reasons.update({batches[n][i]: reason for i, reason in refused.items()})
        if reasons:
            raise TextsRefused(reasons, out)
        return out

    def _embed(self, texts: list[str]) -> tuple[Vectors, dict[int, str]]:
        """Unit vectors of one request's texts, and the reasons of those that have none, whose rows are zero.

        A request that the server refuses, or fails at, is sent in halves.
        """
        try:
            answer = self._post(texts, divisible=True)
        except Rejected as e:
            if len(texts) > 1:
                return self._halves(texts)
            if isinstance(e, Crashed):
                return self._retry_alone(texts, e)
            return self._refuse(texts[0], f"{e}")
        try:
            given = self._in_order(answer, texts)
        except _WrongCount:
            if len(texts) == 1:
                raise
            return self._halves(texts)
        return self._rows(given, texts)

    def _post(self, texts: list[str], *, divisible: bool) -> Any:
        return self._endpoint.post({"model": self._model, "input": texts}, divisible=divisible)

    def _halves(self, texts: list[str]) -> tuple[Vectors, dict[int, str]]:
        """Result of `_embed` by two requests."""
        import numpy as np

        middle = len(texts) // 2
        parts, reasons = [], {}
        for begin, part in ((0, texts[:middle]), (middle, texts[middle:])):
            try:
                vectors, refused = self._embed(part)
            except _WrongCount as e:
                vectors, refused = self._refuse(part[0], str(e))
            parts.append(vectors)
            reasons.update({begin + i: reason for i, reason in refused.items()})
        return np.concatenate(parts), reasons

    def _retry_alone(self, texts: list[str], error: Crashed) -> tuple[Vectors, dict[int, str]]:
        """Result of `_embed` for one text at which the server failed: refused if another one is encoded."""
        try:
            self._post([PROBE], divisible=True)
        except Rejected:  # an outage
            return self._rows(self._in_order(self._post(texts, divisible=False), texts), texts)
        self._worked = True
        try:
            answer = self._post(texts, divisible=True)
        except Rejected:
            return self._refuse(texts[0], str(error))
        return self._rows(self._in_order(answer, texts), texts)

    def _refuse(self, text: str, reason: str) -> tuple[Vectors, dict[int, str]]:
        """Zero row and reason of a text that the server refuses. Raises EncodingError if it refuses all."""
        import numpy as np

        message = f"{self._endpoint.url} does not take the text {text[:80]!r}: {reason}"
        if self._dim is None or not self._works():
            raise EncodingError(message)
        return np.zeros((1, self._dim), dtype=np.float32), {0: message}

    def _works(self) -> bool:
        """True if the server has ever given a vector, at the latest for the probe now."""
        if not self._worked:
            with contextlib.suppress(Rejected, EncodingError):
                self._rows(self._in_order(self._post([PROBE], divisible=True), [PROBE]), [PROBE])
        return self._worked

    def _rows(self, given: Sequence[Any], texts: list[str]) -> tuple[Vectors, dict[int, str]]:
        """Unit vectors of the texts, and the reasons of those for which the server gave none."""
        import numpy as np

        where = self._endpoint.url
        rows: list[list[float]] = []
        reasons: dict[int, str] = {}
        for i, (value, text) in enumerate(zip(given, texts, strict=True)):
            try:
                rows.append(self._row(value, text))
            except EncodingError as e:
                rows.append([])
                reasons[i] = str(e)
        widths = {len(row) for i, row in enumerate(rows) if i not in reasons}
        wanted = self._dim or max(widths, default=0)
        if widths and max(widths) < wanted:
            raise EncodingError(
                f"{where} gave vectors of {sorted(widths)} dimensions, {wanted} are wanted: another model "
                "answers there than before"
            )
        out = np.zeros((len(texts), wanted), dtype=np.float32)
        for i, (row, text) in enumerate(zip(rows, texts, strict=True)):
            if i in reasons:
                continue
            try:
                if len(row) < wanted:
                    raise EncodingError(f"{where} gave {len(row)} dimensions for {text[:80]!r}")
                out[i] = validate([row[:wanted]], [text], f"{where} ({self._model})")[0]
            except EncodingError as e:
                reasons[i] = str(e)
        self._worked |= len(reasons) < len(texts)
        if reasons and not self._works():
            raise EncodingError(reasons[min(reasons)])
        return out, reasons

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
            raise _WrongCount(
                f"{where} gave a wrong number of vectors: {len(items)} for {len(texts)}"
            )
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
