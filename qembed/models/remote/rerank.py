"""Rerankers behind POST /rerank, in the form of vLLM, Jina, Cohere and infinity, or in TEI's.

    {"model", "query", "documents"}  ->  {"results": [{"index", "relevance_score"}]}
    {"query", "texts"}               ->  [{"index", "score"}]

The first request finds the form. Scores are used as they come, without a sigmoid: these servers give
probabilities. A prompt (Qwen3-Reranker's) is applied by the server, which joins query and document. A task
that the user named is sent under both names in use, "instruction" (llama.cpp, hosted ones) and "instruct"
(SGLang): servers ignore fields they do not know. A server that refuses it is asked without; the note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable
from qembed.models.profiles import Profile
from qembed.models.remote.address import parse_address
from qembed.models.remote.http_client import Endpoint, Rejected
from qembed.models.scoring import PROBABILITY, finite
from qembed.models.templates import resolve_task
from qembed.protocols import Pair, Tasks, Track

if TYPE_CHECKING:
    from qembed.types import Scores

BATCH = 32
"""Documents in a request."""


class RemoteReranker:
    """Scorer at an address, `http(s)://host:port/v1#model`, with or without /rerank before the `#`.

    `task`: instruction for pairs without their own; None sends none, and the server uses its own.
    """

    kind = "remote"
    instructed = True

    def __init__(self, spec: str, task: str | None = None) -> None:
        address = parse_address(spec)
        self.spec = spec
        self._task = _task_text(task)
        self._model = address.model
        url = address.url.removesuffix("/rerank") + "/rerank"
        self._endpoint = Endpoint(url, ("QEMBED_RERANK_API_KEY", "QEMBED_API_KEY"))
        self._form = ""
        self._instructable: bool | None = None  # takes an instruction; None until known
        self._out_of_range = False
        self.truncated: list[Pair] = []

    @property
    def calibrated(self) -> bool:
        """True if all scores so far were between 0 and 1."""
        return not self._out_of_range

    @property
    def meaning(self) -> str:
        """Explanation of the scores, one line for the user."""
        return f"as the server gives them, {'raw' if self._out_of_range else PROBABILITY}"

    @property
    def note(self) -> str | None:
        """Message that the server refused the task, None if it did not."""
        if self._instructable is not False:
            return None
        return f"{self._endpoint.url} takes no instruction: the task was left out"

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Scores of the pairs, float32 (len(pairs),). Raises EncodingError, ModelUnavailable, UsageError."""
        import numpy as np

        out = np.zeros(len(pairs), dtype=np.float32)
        names = {t: self._task if t is None else _task_text(t) for t in set(tasks or ())}
        groups: dict[tuple[str | None, str], list[int]] = {}
        for i, (query, _) in enumerate(pairs):
            task = self._task if tasks is None else names[tasks[i]]
            groups.setdefault((task, query), []).append(i)
        parts = [
            (task, group[at : at + BATCH])
            for (task, _), group in groups.items()
            for at in range(0, len(group), BATCH)
        ]
        if not parts:
            return out
        # alone, and one with a task if there is any: it finds the form that the server takes
        parts.sort(key=lambda part: part[0] is None)
        task, first = parts.pop(0)
        out[first] = self._ask([pairs[i] for i in first], task)
        if track is not None:
            track(len(first))
        calls = [partial(self._ask, [pairs[i] for i in part], task) for task, part in parts]
        for n, scores in self._endpoint.many(calls):
            out[parts[n][1]] = scores
            if track is not None:
                track(len(parts[n][1]))
        finite(out, pairs, f"{self._endpoint.url} ({self._model})")
        self._out_of_range |= bool(((out < 0) | (out > 1)).any())
        return out

    def _ask(self, pairs: Sequence[Pair], task: str | None) -> list[float]:
        """Scores of pairs that share query and task; a request that the server refuses is sent in halves."""
        query, documents = pairs[0][0], [p for _, p in pairs]
        forms = {
            "documents": {"model": self._model, "query": query, "documents": documents},
            "texts": {"query": query, "texts": documents},
        }
        reasons = []
        for instructed, form in self._variants(task):
            more = {"instruction": task, "instruct": task} if instructed else {}
            try:
                answer = self._endpoint.post({**forms[form], **more})
            except Rejected as e:
                reasons.append(f"{e} (as {form}{', with an instruction' if instructed else ''})")
                if e.status == 413:  # too much of it, whatever the form
                    break
                continue
            self._form = form
            if task is not None:
                self._instructable = instructed
            return self._scores(answer, pairs)
        if len(pairs) > 1:
            half = len(pairs) // 2
            return self._ask(pairs[:half], task) + self._ask(pairs[half:], task)
        shown = f"the query {query[:80]!r} with the passage {documents[0][:80]!r}"
        raise EncodingError(f"{self._endpoint.url} does not take {shown}: {'; '.join(reasons)}")

    def _variants(self, task: str | None) -> list[tuple[bool, str]]:
        """Request variants (with the instruction, form), in the order to try."""
        forms = [self._form] if self._form else ["documents", "texts"]
        if task is None or self._instructable is False:
            return [(False, form) for form in forms]
        if self._instructable:
            return [(True, form) for form in forms]
        return [(instructed, form) for instructed in (True, False) for form in forms]

    def _scores(self, answer: Any, pairs: Sequence[Pair]) -> list[float]:
        """Scores of an answer in the order of the pairs: servers sort them."""
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
            raise EncodingError(
                f"{where} gave a wrong number of scores: {len(items)} for {len(pairs)}"
            )
        return [found[i] for i in range(len(pairs))]


def _task_text(task: str | None) -> str | None:
    """Text of a task given by its name or in full. Raises UsageError."""
    return None if task is None else resolve_task(task, Profile(""))
