"""A reranker behind POST /rerank, in the form of vLLM, Jina, Cohere and infinity, or in TEI's.

    {"model", "query", "documents"}  ->  {"results": [{"index", "relevance_score"}]}
    {"query", "texts"}               ->  [{"index", "score"}]

Which form it is shows at the first request. Scores are taken as they come, never squashed again: these
servers give probabilities. A prompt (Qwen3-Reranker's) is the server's business here, because it is the
server that puts query and document together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable
from qembed.models.endpoint import Endpoint, Rejected, parse_address
from qembed.models.pairs import PROBABILITY, Pair, Track, finite

if TYPE_CHECKING:
    from qembed.types import Scores

BATCH = 32
"""Documents in a request."""


class RemoteReranker:
    """A Scorer at an address: `http(s)://host:port/v1#model`, with or without /rerank at its end."""

    kind = "remote"

    def __init__(self, spec: str) -> None:
        address = parse_address(spec)
        self.spec = spec
        self._model = address.model
        url = address.url.removesuffix("/rerank") + "/rerank"
        self._endpoint = Endpoint(url, ("QEMBED_RERANK_API_KEY", "QEMBED_API_KEY"))
        self._form = ""
        self._outside = False
        self.truncated: list[Pair] = []

    @property
    def calibrated(self) -> bool:
        """Whether all scores so far were between 0 and 1."""
        return not self._outside

    @property
    def meaning(self) -> str:
        """What the scores are."""
        return f"as the server gives them, {'raw' if self._outside else PROBABILITY}"

    def score(self, pairs: Sequence[Pair], track: Track | None = None) -> Scores:
        """float32 (len(pairs),). Raises EncodingError, ModelUnavailable."""
        import numpy as np

        out = np.zeros(len(pairs), dtype=np.float32)
        groups: dict[str, list[int]] = {}
        for i, (query, _) in enumerate(pairs):
            groups.setdefault(query, []).append(i)
        parts = [g[at : at + BATCH] for g in groups.values() for at in range(0, len(g), BATCH)]
        if not parts:
            return out
        first = parts.pop(0)  # alone: it shows which form the server wants
        out[first] = self._ask([pairs[i] for i in first])
        if track is not None:
            track(len(first))
        calls = [partial(self._ask, [pairs[i] for i in part]) for part in parts]
        for n, scores in self._endpoint.many(calls):
            out[parts[n]] = scores
            if track is not None:
                track(len(parts[n]))
        finite(out, pairs, f"{self._endpoint.url} ({self._model})")
        self._outside |= bool(((out < 0) | (out > 1)).any())
        return out

    def _ask(self, pairs: Sequence[Pair]) -> list[float]:
        """Scores of pairs that share their query; too large a request is sent in halves."""
        query, documents = pairs[0][0], [p for _, p in pairs]
        forms = {
            "documents": {"model": self._model, "query": query, "documents": documents},
            "texts": {"query": query, "texts": documents},
        }
        reasons = []
        for form in [self._form] if self._form else forms:
            try:
                answer = self._endpoint.post(forms[form])
            except Rejected as e:
                reasons.append(f"{e} (as {form})")
                if e.status == 413:  # too much of it, whatever the form
                    break
                continue
            self._form = form
            return self._scores(answer, pairs)
        if len(pairs) > 1:
            half = len(pairs) // 2
            return self._ask(pairs[:half]) + self._ask(pairs[half:])
        shown = f"the query {query[:80]!r} with the passage {documents[0][:80]!r}"
        raise EncodingError(f"{self._endpoint.url} does not take {shown}: {'; '.join(reasons)}")

    def _scores(self, answer: Any, pairs: Sequence[Pair]) -> list[float]:
        """Scores in the order of the pairs: servers sort them."""
        where = self._endpoint.url
        items = answer.get("results") if isinstance(answer, dict) else answer
        if not isinstance(items, list):
            raise ModelUnavailable(f"{where}: no rerank results in its answer: {str(answer)[:200]}")
        found: dict[int, float] = {}
        for item in items:
            try:
                score = item["relevance_score"] if "relevance_score" in item else item["score"]
                found[int(item["index"])] = float(score)
            except (KeyError, TypeError, ValueError):
                raise EncodingError(f"{where}: this is no result: {str(item)[:200]}") from None
        if found.keys() != set(range(len(pairs))):
            raise EncodingError(f"{where} gave {len(items)} scores for {len(pairs)} passages")
        return [found[i] for i in range(len(pairs))]
