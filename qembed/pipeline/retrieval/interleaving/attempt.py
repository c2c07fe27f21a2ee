"""A query by a setting, to see whether the index can be asked by it."""

from __future__ import annotations

from dataclasses import replace

from qembed.pipeline.retrieval.interleaving.setting import Setting
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query

PROBE = "ready"


def try_setting(session: Session, setting: Setting) -> QueryOptions:
    """Ask for one hit by a setting; returns its options, with what the index was tuned to.

    Raises what the query does: QembedError for a reranker or a task that is not there.
    """
    options = setting.applied(QueryOptions(given=()))
    # words may find nothing, and then nothing is reranked
    probe = replace(options, k=1, mode="dense", given=(*(options.given or ()), "mode"))
    Retriever(session, probe).rank([Query("1", PROBE)])
    return Retriever(session, options).options
