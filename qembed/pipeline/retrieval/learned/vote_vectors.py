"""Vectors of the queries of many votes at once, for who adds them."""

from __future__ import annotations

import sys
from pathlib import Path

from qembed.errors import QembedError
from qembed.feedback.votes.memory import NO_TEXTS, VoteMemory
from qembed.pipeline.retrieval.learned.near_votes import PLACE, voted_vectors
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query


def encode_votes(root: Path) -> None:
    """Encode the voted queries that have no vector yet, as the index's queries are without options.

    What fails, as without the model, is left to the queries that come.
    """
    try:
        memory = VoteMemory.open(root)
        if memory is None or memory.texts_digest == NO_TEXTS:
            return
        with Session(root) as session:
            frame = Retriever(session, QueryOptions()).instructions([Query("", PLACE)])[0]
            voted_vectors(session, memory, frame, sys.maxsize)
    except (QembedError, OSError):
        return
