"""Service: the server, its settings, its calls and its measurements, which endpoints share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qembed.serve.server import Server
from qembed.web.http.calls import Calls
from qembed.web.http.metrics import Metrics
from qembed.web.http.settings import HttpSettings
from qembed.web.map.maker import MapMaker

if TYPE_CHECKING:
    from qembed.store.manifest import Manifest


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
        self.maps = MapMaker(server.index.root)
        self.calls = Calls(server, settings.limits.answer)
        self.metrics = Metrics(server, self.calls, connections)
        self.stopping = False
        self._seen: tuple[Manifest, str] | None = None
        self._index()

    def _index(self) -> tuple[Manifest, str]:
        """(manifest, name of the model) of the generation that is served, the one before while it changes."""
        session = self.server.index.session
        if session is not None:
            self._seen = session.snapshot.manifest, session.loaded.model.name
        assert self._seen is not None  # a server loads its index before it has a face
        return self._seen

    @property
    def tuned(self) -> Mapping[str, Any] | None:
        """Options that `tune` chose for the index, None for none."""
        return self._index()[0].tuned

    def model_names(self) -> list[str]:
        """Names of the index's encoder: its spec, then what its authors call it."""
        manifest, name = self._index()
        return list(dict.fromkeys([manifest.spec, name]))

    def index_state(self) -> dict[str, Any]:
        """Size and age of the index as it is served, JSON values."""
        manifest, _ = self._index()
        return {
            "documents": manifest.counts.get("documents", 0),
            "passages": manifest.counts.get("passages", 0),
            "dimensions": manifest.recipe.dim,
            "recipe": manifest.recipe.fingerprint,
            "committed": manifest.committed,
            "refreshed": None if manifest.is_half_made else manifest.refreshed,
            "age_seconds": round(time.time() - manifest.refreshed, 3),
            "log": manifest.settings.get("log", "off"),
        }
