"""Near-equal queries that were voted on, by the vectors of queries.

A query has its vector anyway. Those of queries that were voted on are encoded when the next query of the
same template and task is asked, and stored beside the votes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.feedback.votes.memory import NO_TEXTS, VoteMemory
from qembed.feedback.votes.vectors import VotedVectors
from qembed.paths import FEEDBACK
from qembed.pipeline.retrieval.learned.nearness import SAME_WORDS, cosine_at, least_share
from qembed.types import Query

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors

Instructions = Callable[[Sequence[Query]], list[str]]
"""Texts that are encoded for queries."""
AT_ONCE = 16
"""Voted queries that one call encodes at most, those voted on last."""
PLACE = "\0"


def near_queries(
    session: Session,
    memory: VoteMemory,
    queries: Sequence[Query],
    vectors: Vectors,
    instructions: Instructions,
) -> dict[str, dict[str, float]]:
    """Voted queries that a query is near-equal to, and their cosines, the nearest first, by query id.

    Keys are normalised texts. `vectors`: of the queries, float32 (n, dim). Queries of hashed texts are not
    found.
    """
    if memory.texts_digest == NO_TEXTS:
        return {}
    background = session.search.background
    by_frame: dict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(instructions([Query(q.id, PLACE, task=q.task) for q in queries])):
        by_frame[text].append(i)
    found: dict[str, dict[str, float]] = {}
    for frame, positions in by_frame.items():
        voted = voted_vectors(session, memory, frame, AT_ONCE)
        for i in positions:
            text, vector = queries[i].text, vectors[i]
            unrelated = None if background is None else float(background.mean @ vector)
            near = {}
            for key, cosine in voted.near(vector, cosine_at(SAME_WORDS, unrelated)):
                share = least_share(text, key)
                if share is not None and cosine >= cosine_at(share, unrelated):
                    near[key] = round(cosine, 4)
            if near:
                found[queries[i].id] = near
    return found


def voted_vectors(session: Session, memory: VoteMemory, frame: str, limit: int) -> VotedVectors:
    """Vectors of the queries that were voted on; of those without one, at most `limit` are encoded.

    `frame`: the text to encode, with PLACE for the query's. Raises ModelUnavailable, EncodingError.
    """
    import numpy as np

    root, dim = session.root, session.recipe.dim
    name = _name(session.recipe.fingerprint, frame)
    try:
        known = VotedVectors.read(root, name, dim)
    except OSError:
        known = None
    if known is not None and known.digest == memory.texts_digest:
        return known
    if known is None:
        known = VotedVectors.of([], np.zeros((0, dim), np.float32), NO_TEXTS)
    if not os.access(root / FEEDBACK, os.W_OK):
        return known  # each query would encode them again
    return _extended(session, known, memory, frame, limit, name)


def _extended(
    session: Session, known: VotedVectors, memory: VoteMemory, frame: str, limit: int, name: str
) -> VotedVectors:
    """The known vectors, with those of further texts; stored as far as this process may write."""
    import numpy as np

    from qembed.models.encode_each import encode_each

    texts = memory.texts()
    there = set(known.keys)
    missing = [key for key in texts if key not in there]
    new = missing[-limit:]
    with session.timer("encode"):
        asked = [frame.replace(PLACE, texts[key]) for key in new]
        # the row of a text that the model refuses is zero, and near to nothing
        vectors, _ = encode_each(session.loaded.encoder, asked, session.recipe.dim)
    digest = memory.texts_digest if len(new) == len(missing) else NO_TEXTS
    found = VotedVectors.of([*known.keys, *new], np.concatenate([known.vectors, vectors]), digest)
    with contextlib.suppress(OSError):
        found.write(session.root, name)
    return found


def _name(recipe: str, frame: str) -> str:
    data = f"{recipe}\0{frame}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).hexdigest()
