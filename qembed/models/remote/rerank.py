"""A reranker behind POST /rerank, in the form of vLLM, Jina, Cohere and infinity, or in TEI's.

    {"model", "query", "documents"}  ->  {"results": [{"index", "relevance_score"}]}
    {"query", "texts"}               ->  [{"index", "score"}]

Which form it is shows at the first request. Scores are taken as they come, never squashed again: these
servers give probabilities. A prompt (Qwen3-Reranker's) is the server's business here, because it is the
server that puts query and document together. A task that the user named goes along under both names in
use, "instruction" (llama.cpp, hosted ones) and "instruct" (SGLang): servers pass over what they do not know,
and one that refuses it is asked without, which is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, ModelUnavailable
from qembed.models.profiles import Profile
from qembed.models.remote.http_client import Endpoint, Rejected, parse_address
from qembed.models.scoring import PROBABILITY, finite
from qembed.models.templates import resolve_task
from qembed.types import Pair, Tasks, Track

if TYPE_CHECKING:
    from qembed.types import Scores

BATCH = 32
"""Documents in a request."""


class RemoteReranker:
    """A Scorer at an address: `http(s)://host:port/v1#model`, with or without /rerank at its end.

    `task`: of pairs that come without one; None sends none, and the server takes its own.
    """

    kind = "remote"
    instructed = True

    def __init__(self, spec: str, task: str | None = None) -> None:
        address = parse_address(spec)
        self.spec = spec
        self._task = _in_full(task)
        self._model = address.model
        url = address.url.removesuffix("/rerank") + "/rerank"
        self._endpoint = Endpoint(url, ("QEMBED_RERANK_API_KEY", "QEMBED_API_KEY"))
        self._form = ""
        self._told: bool | None = None  # whether it takes an instruction, None until that is known
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

    @property
    def note(self) -> str | None:
        """That the task was left out, if it was."""
        if self._told is not False:
            return None
        return f"{self._endpoint.url} takes no instruction: the task was left out"

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """float32 (len(pairs),). Raises EncodingError, ModelUnavailable, UsageError."""
        import numpy as np

        out = np.zeros(len(pairs), dtype=np.float32)
        names = {t: self._task if t is None else _in_full(t) for t in set(tasks or ())}
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
        # one with a task if there is any, alone: it shows what the server takes
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
        self._outside |= bool(((out < 0) | (out > 1)).any())
        return out

    def _ask(self, pairs: Sequence[Pair], task: str | None) -> list[float]:
        """Scores of pairs that share query and task; too large a request is sent in halves."""
        query, documents = pairs[0][0], [p for _, p in pairs]
        forms = {
            "documents": {"model": self._model, "query": query, "documents": documents},
            "texts": {"query": query, "texts": documents},
        }
        reasons = []
        for told, form in self._ways(task):
            more = {"instruction": task, "instruct": task} if told else {}
            try:
                answer = self._endpoint.post({**forms[form], **more})
            except Rejected as e:
                reasons.append(f"{e} (as {form}{', with an instruction' if told else ''})")
                if e.status == 413:  # too much of it, whatever the form
                    break
                continue
            self._form = form
            if task is not None:
                self._told = told
            return self._scores(answer, pairs)
        if len(pairs) > 1:
            half = len(pairs) // 2
            return self._ask(pairs[:half], task) + self._ask(pairs[half:], task)
        shown = f"the query {query[:80]!r} with the passage {documents[0][:80]!r}"
        raise EncodingError(f"{self._endpoint.url} does not take {shown}: {'; '.join(reasons)}")

    def _ways(self, task: str | None) -> list[tuple[bool, str]]:
        """(with the instruction, form) of what may be asked, in the order to try."""
        forms = [self._form] if self._form else ["documents", "texts"]
        if task is None or self._told is False:
            return [(False, form) for form in forms]
        if self._told:
            return [(True, form) for form in forms]
        return [(told, form) for told in (True, False) for form in forms]

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


def _in_full(task: str | None) -> str | None:
    """The text of a task given by its name. Raises UsageError."""
    return None if task is None else resolve_task(task, Profile(""))
