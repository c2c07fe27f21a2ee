"""Instructions from a language model, in rounds: each is shown the scores so far and examples of failures.

The model sees queries of one part only. They choose, too, but never judge: what it has seen of them would be
counted as a gain otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.errors import ModelUnavailable
from qembed.models.remote.chat import RemoteChat, answer_lines
from qembed.pipeline.experiments.tuning.arms import MAX_CHARACTERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Query

    Values = npt.NDArray[np.float64]

ROUNDS = 3
PER_ROUND = 6
FAILURES = 5
"""Queries shown to the model in each round, those with the lowest values."""
SHOWN_SCORES = 12
SHOWN_CHARACTERS = 300
SYSTEM = (
    "You write task instructions for a text embedding model. The instruction stands in front of every "
    "search query and tells the model what to retrieve. Good ones are one English sentence of 5 to 30 "
    "words, such as: Given a web search query, retrieve relevant passages that answer the query"
)


def propose_remotely(
    chat: RemoteChat,
    queries: Sequence[Query],
    examples: Sequence[str],
    known: Sequence[str],
    measure: Callable[[str], Values],
    rounds: int = ROUNDS,
) -> list[str]:
    """Instructions that the model proposes in all rounds, in the order proposed.

    `queries`: those that it may see; `examples`: a relevant text of each. `known`: instructions tried
    already, in full. `measure`: values of these queries under an instruction, float64 (n,). Raises
    ModelUnavailable for an answer without any instruction.
    """
    scores = {text: measure(text) for text in known}
    found: list[str] = []
    for _ in range(rounds):
        messages = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": _request(queries, examples, scores)},
        ]
        new = [text for text in parse_proposals(chat.answer(messages)) if text not in scores]
        for text in new:
            scores[text] = measure(text)
        found += new
    return found


def parse_proposals(answer: str) -> list[str]:
    """Instructions of an answer: lines, with or without bullets or numbers, or a JSON list of texts.

    Lines that are no sentence of at least three words, or longer than an instruction may be, are left out.
    Raises ModelUnavailable if none is left.
    """
    found = []
    for line in answer_lines(answer):
        words = line.split()
        letters = sum(c.isalpha() or c.isspace() for c in line)
        fits = len(words) >= 3 and len(line) <= MAX_CHARACTERS and 4 * letters >= 3 * len(line)
        # an introduction ends in a colon; a brace would be a template
        if fits and not line.endswith(":") and not set("{}<>") & set(line):
            found.append(line)
    if not found:
        raise ModelUnavailable(
            f"the language model gave no instruction, but {' '.join(answer.split())[:120]!r}"
        )
    return list(dict.fromkeys(found))[: 2 * PER_ROUND]


def _request(queries: Sequence[Query], examples: Sequence[str], scores: dict[str, Values]) -> str:
    """Message with the scores so far and the queries that the best instruction serves worst."""
    import numpy as np

    ranked = sorted(scores, key=lambda text: -float(scores[text].mean()))
    lines = ["Instructions so far, with their nDCG@10 (higher is better):"]
    lines += [f"{float(scores[t].mean()):.4f}  {t}" for t in ranked[:SHOWN_SCORES]]
    lines += ["", "Queries that the best of them serves worst, each with a text it should find:"]
    for i in np.argsort(scores[ranked[0]], kind="stable")[:FAILURES].tolist():
        value = float(scores[ranked[0]][i])
        text = " ".join(examples[i].split())[:SHOWN_CHARACTERS]
        lines += [f"- query ({value:.2f}): {queries[i].text[:SHOWN_CHARACTERS]}", f"  text: {text}"]
    lines += [
        "",
        f"Write {PER_ROUND} other instructions that could score higher, one a line, nothing else.",
    ]
    return "\n".join(lines)
