"""Experiment that a server runs: which requests take part, their answers, and how many there were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qembed.errors import EncodingError, QembedError
from qembed.pipeline.feedback.log_setting import index_log_mode
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.interleaving.attempt import try_setting
from qembed.pipeline.retrieval.interleaving.experiment import (
    Experiment,
    answer_interleaved,
    takes_part,
)
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session

if TYPE_CHECKING:
    from qembed.protocols import Scorer


class Trial:
    """An experiment while it runs. `queries`: answered by both settings so far."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.queries = 0

    def check(self, session: Session) -> None:
        """Load what both settings need. Raises QembedError for what the index cannot be asked by."""
        for setting in (self.experiment.a, self.experiment.b):
            try_setting(session, setting)

    def sides(
        self, request: QueryRequest, session: Session | None
    ) -> tuple[QueryOptions, QueryOptions] | None:
        """Options of both settings for a request that takes part, else None."""
        settings = {} if session is None else session.snapshot.manifest.settings
        if not takes_part(request, index_log_mode(settings) != "off"):
            return None
        return self.experiment.options(request.options)

    def answer(
        self, session: Session, request: QueryRequest, rerankers: Sequence[Scorer | None]
    ) -> Answer:
        """Answer by both settings. What one of them cannot answer is answered as without an experiment."""
        try:
            found = answer_interleaved(session, request, self.experiment, rerankers)
        except QembedError as e:
            plain = Retriever(session, request.options).answer(request.queries)
            if isinstance(e, EncodingError):  # of the query, which the plain answer tells
                return plain
            return replace(plain, warnings=[*plain.warnings, f"not interleaved: {e}"])
        self.queries += len(found.results)
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON values, as `serve --status` has them."""
        return {**self.experiment.names, "queries": self.queries}
