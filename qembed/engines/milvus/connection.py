"""Connection to a Milvus server. What the client raises becomes one error that says where and what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from qembed.engines.address import TOKEN, ServerAddress
from qembed.errors import EngineError, UsageError

DATABASE = "QEMBED_MILVUS_DB"
"""Variable with the name of a database, for servers that have several."""
CONNECT_SECONDS = 10.0
CALL_SECONDS = 120.0
LEAST_VERSION = (2, 5)
"""First version of servers that compute BM25."""


def needs_milvus() -> None:
    """Raise UsageError where the client is not installed."""
    if find_spec("pymilvus") is None:
        raise UsageError("Milvus needs its client (pip install 'qembed-search[milvus]')")


class MilvusConnection:
    """Open connection. Raises UsageError without the client, EngineError where no server answers."""

    def __init__(self, address: ServerAddress, connect_seconds: float = CONNECT_SECONDS) -> None:
        needs_milvus()
        import logging

        from pymilvus import MilvusClient

        # its own lines on errors repeat whole requests, with a traceback; its import sets a level
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)

        self.address = address
        token = os.environ.get(TOKEN, "")
        self._secrets = [part for part in (token, token.partition(":")[2]) if part]
        with self.calling("connect"):
            self.client: Any = MilvusClient(
                uri=address.url,
                token=token,
                db_name=os.environ.get(DATABASE, ""),
                timeout=connect_seconds,
            )
            self.version = str(self.client.get_server_version(timeout=connect_seconds))
        self._check_version()

    @property
    def is_lite(self) -> bool:
        """True for Milvus Lite, which has no bulk import."""
        return "lite" in self.version

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def __enter__(self) -> MilvusConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Raise EngineError for what the client raises in the block. `what`: in words, for the message."""
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except (MilvusException, RpcError, ConnectionError, TimeoutError) as e:
            raise EngineError(self._told(what, e)) from None

    def without_secrets(self, text: str) -> str:
        """Text of a server or of the client with `…` for what came from the environment."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    def _told(self, what: str, error: Exception) -> str:
        text = self.without_secrets(str(getattr(error, "message", "") or error).strip())
        first = text.splitlines()[0][:300] if text else type(error).__name__
        low = text.lower()
        hint = ""
        if re.search(r"unauthenticated|auth check|invalid (user|token)|permission|privilege", low):
            hint = f" (user:password or a token comes from ${TOKEN})"
        elif re.search(r"can't find collection|collection not found|does not exist", low):
            hint = " (an export may have replaced it meanwhile: ask again)"
        elif what == "connect" or re.search(r"fail connecting|unavailable|deadline|timeout", low):
            hint = " (is the address right, and does the server run?)"
        return f"Milvus at {self.address.url}: cannot {what}: {first}{hint}"

    def _check_version(self) -> None:
        found = re.search(r"(\d+)\.(\d+)", self.version)
        if found is None or self.is_lite:
            return
        if (int(found[1]), int(found[2])) < LEAST_VERSION:
            raise EngineError(
                f"Milvus at {self.address.url} is version {self.version}: "
                f"{'.'.join(map(str, LEAST_VERSION))} or later is wanted, which computes BM25"
            )
