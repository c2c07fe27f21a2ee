"""Asking a server for the answer of a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.cli.console import Console

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.documents.request import SimilarRequest
    from qembed.pipeline.retrieval.request import QueryRequest
    from qembed.pipeline.retrieval.reranking.request import RerankRequest, RunRequest


def is_regular(path: Path) -> bool:
    """True if a server that opens this path reads the same: not a pipe or a descriptor of this process."""
    return path.is_file() and not str(path).startswith(("/dev/", "/proc/"))


def ask_server(
    index: Path,
    operation: str,
    request: QueryRequest | RerankRequest | RunRequest | SimilarRequest,
    talk: Console,
) -> dict[str, Any] | None:
    """The answer of the index's server, as JSON values; None if this process must do the work.

    Raises the QembedError that its work raised.
    """
    from qembed.serve.client import ask

    return ask(index, operation, request.to_json(), talk.detail)
