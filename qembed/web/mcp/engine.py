"""Engine: requests answered by the index's running server, else by this process.

A server has the model loaded and shares it with the command line; without one the model is loaded here, in
the background, while the client says hello. Each request asks again, so that servers may come and go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import QembedError
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.documents.read import DocumentRequest, DocumentText
from qembed.pipeline.retrieval.documents.request import SimilarRequest
from qembed.pipeline.retrieval.embedding.request import EmbedRequest
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.serve.client import ask

if TYPE_CHECKING:
    from qembed.serve.live_index import LiveIndex

_READERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "query": Answer.from_json,
    "similar": Answer.from_json,
    "document": DocumentText.from_json,
}


class Engine:
    """Answers from the index at `root`. `detail`: takes a line on how. `servers`: whether one is asked.

    All methods may be called by any thread.
    """

    def __init__(self, root: Path, detail: Callable[[str], None], servers: bool = True) -> None:
        self.root = root
        self._detail = detail
        self._servers = servers
        self._guard = threading.Lock()
        self._live: LiveIndex | None = None
        self._state = "loading"

    @property
    def state(self) -> str:
        """`loading`, `ready`, `server` where one answers, or why the model cannot be loaded."""
        return self._state

    def warm(self) -> None:
        """Load what requests will need. What goes wrong is told by them, too."""
        try:
            ready = EmbedRequest(["ready"], "query").to_json()
            if self._servers and ask(self.root, "embed", ready, self._detail) is not None:
                self._state = "server"
                return
            self._own().load()
            self._state = "ready"
        except QembedError as e:
            self._state = str(e)
            self._detail(str(e))

    def query(self, request: QueryRequest) -> Answer:
        """Answer queries. Raises QembedError."""
        answer: Answer = self._ask("query", request)
        return answer

    def similar(self, request: SimilarRequest) -> Answer:
        """Find what is near a document or text. Raises QembedError."""
        answer: Answer = self._ask("similar", request)
        return answer

    def document(self, request: DocumentRequest) -> DocumentText:
        """Read a document. Raises QembedError."""
        found: DocumentText = self._ask("document", request)
        return found

    def _ask(self, operation: str, request: Any) -> Any:
        found = self._from_server(operation, request)
        if found is not None:
            return found
        from qembed.serve.handlers import OPERATIONS

        return OPERATIONS[operation].answer(request, self._own(), lambda: None)

    def _from_server(self, operation: str, request: Any) -> Any:
        if not self._servers:
            return None
        served = ask(self.root, operation, request.to_json(), self._detail)
        return None if served is None else _READERS[operation](served)

    def _own(self) -> LiveIndex:
        """The index in this process. Raises NoIndex, IndexDamaged."""
        # not needed to say hello
        from qembed.serve.live_index import LiveIndex

        with self._guard:
            if self._live is None:
                self._live = LiveIndex(self.root)
            return self._live
