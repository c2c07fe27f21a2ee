"""Service: the server, its settings, its calls and its measurements, which endpoints share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from qembed.serve.server import Server
from qembed.web.http.calls import Calls
from qembed.web.http.metrics import Metrics
from qembed.web.http.settings import HttpSettings


class Service:
    """One HTTP face. `project_log`: setting `log` of the project file. `connections`: how many are open."""

    def __init__(
        self,
        server: Server,
        settings: HttpSettings,
        project_log: Any,
        connections: Callable[[], int],
    ) -> None:
        self.server = server
        self.settings = settings
        self.project_log = project_log
        self.calls = Calls(server, settings.limits.answer)
        self.metrics = Metrics(server, self.calls, connections)
        self.stopping = False

    @property
    def tuned(self) -> Mapping[str, Any] | None:
        """Options that `tune` chose for the index, None for none."""
        session = self.server.index.session
        return None if session is None else session.snapshot.manifest.tuned

    def model_names(self) -> list[str]:
        """Names of the index's encoder: its spec, then what its authors call it."""
        session = self.server.index.session
        if session is None:
            return [self.server.index.spec]
        return list(dict.fromkeys([session.snapshot.manifest.spec, session.loaded.model.name]))

    def index_state(self) -> dict[str, Any]:
        """Size and age of the index as it is served, JSON values."""
        session = self.server.index.session
        if session is None:
            return {}
        manifest = session.snapshot.manifest
        return {
            "documents": manifest.counts.get("documents", 0),
            "passages": manifest.counts.get("passages", 0),
            "dimensions": manifest.recipe.dim,
            "recipe": manifest.recipe.fingerprint,
            "committed": manifest.committed,
            "refreshed": manifest.refreshed,
            "age_seconds": round(time.time() - manifest.refreshed, 3),
            "log": manifest.settings.get("log", "off"),
        }
