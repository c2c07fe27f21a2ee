"""Queries that a language model writes for passages."""

from __future__ import annotations

from collections.abc import Sequence

from qembed.errors import ModelUnavailable
from qembed.models.remote.chat import RemoteChat, answer_lines
from qembed.pipeline.progress import Progress
from qembed.training.adapting.made_queries import MadeQuery

PER_PASSAGE = 3
"""Queries of a passage, as in GPL (Wang et al. 2022)."""
SHOWN_CHARACTERS = 3_000
FAILURES = 3
"""Requests in a row that may fail before the model is given up."""
LONGEST = 300
"""Characters of a query."""
SYSTEM = (
    "You write search queries. For a passage you write queries of people who do not know it and would be "
    "helped by it: in the passage's language, in other words than its own where there are any, some as "
    "questions and some as keywords. Each makes sense without the passage."
)


class AskedQueries:
    """Queries of a language model. `made`: those so far, kept where the model fails half-way."""

    def __init__(self, chat: RemoteChat, per_passage: int = PER_PASSAGE) -> None:
        self._chat = chat
        self._per_passage = per_passage
        self.made: list[MadeQuery] = []
        self.failed = 0
        """Passages for which the model gave nothing that can be used."""

    def ask(self, passages: Sequence[tuple[int, str, str]], progress: Progress) -> None:
        """Make queries for passages: (row, document, text with title and headings).

        Raises ModelUnavailable if the model fails for the first one or FAILURES times in a row, and
        KeyboardInterrupt; `made` holds what there is.
        """
        progress.phase("generate", "passages", len(passages))
        seen: set[str] = set()
        failures = 0
        for row, document, text in passages:
            if progress.stop():
                raise KeyboardInterrupt
            request = (
                f"Passage:\n{text[:SHOWN_CHARACTERS]}\n\n"
                f"Write {self._per_passage} queries, one a line, nothing else."
            )
            messages = [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": request},
            ]
            try:
                lines = answer_lines(self._chat.answer(messages, 300))
            except ModelUnavailable:
                failures += 1
                self.failed += 1
                if failures == FAILURES or not self.made:
                    raise
                progress.advance(1)
                continue
            failures = 0
            good = [q for q in lines if 1 < len(q) <= LONGEST and not q.endswith(":")]
            fresh = [q for q in dict.fromkeys(good) if q.casefold() not in seen]
            for n, query in enumerate(fresh[: self._per_passage]):
                seen.add(query.casefold())
                self.made.append(MadeQuery(f"asked-{row}-{n}", query, document, text, "asked", row))
            self.failed += not fresh
            progress.advance(1)
