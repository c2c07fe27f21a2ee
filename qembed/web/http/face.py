"""HTTP face: uvicorn on a thread with an asyncio loop of its own, beside the server's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from importlib.util import find_spec
from typing import Any

from qembed.errors import StorageError, UsageError
from qembed.serve.server import Server
from qembed.web.http.address import listen
from qembed.web.http.settings import HttpSettings

EXTRA = "pip install 'qembed-search[http]'"
START_SECONDS = 10.0
CLOSE_SECONDS = 2.0
"""Time to close connections at the end."""
GRACE_SECONDS = 20.0
"""Time that begun requests have for their answers when the server stops."""
REFUSAL_SECONDS = 3.0
"""Time to tell the others that the server stops."""


def require_packages() -> None:
    """Raise UsageError if the packages of HTTP are not installed."""
    missing = [name for name in ("uvicorn", "h11", "prometheus_client") if find_spec(name) is None]
    if missing:
        raise UsageError(f"--http wants {', '.join(missing)}, not installed here ({EXTRA})")


class HttpFace:
    """Face of a server at an address, which it takes at once; requests are answered from `start` on.

    `settings.address`: as given; `address`: with the port it got. `grace`: seconds that begun requests have
    when the server stops. Raises UsageError without the packages, StorageError if the address cannot be had.
    """

    def __init__(self, settings: HttpSettings, project_log: Any = None) -> None:
        require_packages()
        self.grace = GRACE_SECONDS + REFUSAL_SECONDS
        self.settings = settings
        self._project_log = project_log
        self._socket, self.address = listen(settings.address)
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None

    @property
    def url(self) -> str:
        """URL of the face."""
        return self.address.url

    def start(self, server: Server) -> None:
        """Begin to answer. Raises StorageError if that fails."""
        import uvicorn

        from qembed.web.http.access_log import AccessLog
        from qembed.web.http.application import Application
        from qembed.web.http.protocol import server_config
        from qembed.web.http.service import Service

        self._log = AccessLog()
        self._service = Service(server, self.settings, self._project_log, self._count)
        self._application = Application(self._service, self._log)
        self._uvicorn = uvicorn.Server(
            server_config(self._application, self.settings.limits, math.ceil(self.grace))
        )
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()
        self._started.wait(START_SECONDS)
        if self._failed is not None or not self._started.is_set():
            raise StorageError(f"cannot serve at {self.url}: {self._failed or 'no answer'}")

    def _count(self) -> int:
        return len(self._uvicorn.server_state.connections)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as e:
            self._failed = e
        finally:
            self._started.set()

    async def _serve(self) -> None:
        from qembed.web.http.protocol import sweep

        self._loop = asyncio.get_running_loop()
        sweeping = asyncio.create_task(sweep(self._uvicorn.server_state.connections))
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        while not (self._uvicorn.started or serving.done()):
            await asyncio.sleep(0.005)
        self._started.set()
        try:
            await serving
        finally:
            sweeping.cancel()

    def is_busy(self) -> bool:
        """True while a request is being answered."""
        return self._thread is not None and self._application.active > 0

    def flush(self) -> None:
        """Hand over the answers that were kept back."""
        if self._thread is not None:
            self._service.calls.flush()

    def status(self) -> dict[str, Any]:
        """Address and connections, JSON values."""
        if self._thread is None:
            return {"http": self.url}
        return {
            "http": self.url,
            "http_token": self.settings.token is not None,
            "http_connections": self._count(),
        }

    def stop(self) -> None:
        """Take no more requests; those that are begun are answered."""
        if self._thread is not None:
            self._service.stopping = True
            self._uvicorn.should_exit = True
            left = self.grace - REFUSAL_SECONDS
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(
                    self._loop.call_later, left, self._service.calls.end
                )

    def close(self) -> None:
        """End the thread, with what is left."""
        self._socket.close()
        if self._thread is not None:
            self._service.stopping = self._uvicorn.should_exit = True
            self._thread.join(CLOSE_SECONDS)
            self._uvicorn.force_exit = True
            self._thread.join(CLOSE_SECONDS)
            self._service.calls.close()
            self._service.maps.close()
            self._log.close()
