"""Bulk import: the server reads files from its object storage, asked through its HTTP interface.

A server lists, makes and describes jobs of import at `/v2/vectordb/jobs/import`. A job adds entities:
it neither replaces those of the same rows nor takes back what it added, so it wants a collection of its own.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from qembed.engines.address import TOKEN
from qembed.engines.milvus.connection import DATABASE, MilvusConnection
from qembed.errors import EngineError, UsageError

MAX_FILES = 1024
"""Files of a job, the default limit of servers."""
POLL_SECONDS = 2.0
"""Time between two questions about a job."""
LOST_SECONDS = 120.0
"""Time for which a server may leave such questions unanswered."""
CALL_SECONDS = 30
"""Time for one answer."""


def needs_bulk_import() -> None:
    """Raise UsageError where the client's functions for bulk import are not installed."""
    try:
        import pymilvus.bulk_writer  # noqa: F401
    except ImportError as e:
        # they import the clients of two object stores, which nothing here uses
        raise UsageError(
            "--bulk needs more of Milvus's client (pip install 'qembed-search[milvus-bulk]')"
        ) from e


class BulkImport:
    """Jobs of import on a server."""

    def __init__(self, server: MilvusConnection) -> None:
        needs_bulk_import()
        self.server = server

    def check(self) -> None:
        """Raise EngineError if the server has no bulk import, or refuses it to this user."""
        try:
            self._call("list_import_jobs")
        except _Refused as e:
            told = self._told("list bulk imports", e)
            raise EngineError(
                f"{told}. Nothing was written; without --bulk the export writes the passages itself"
            ) from None

    def start(self, collection: str, files: Sequence[str]) -> str:
        """Start a job with files as the server names them. Returns its id. Raises EngineError."""
        what = f"import into {collection}"
        try:
            data = self._call(
                "bulk_import", collection_name=collection, files=[[file] for file in files]
            )
        except _Refused as e:
            raise EngineError(self._told(what, e)) from None
        if not data.get("jobId"):
            raise EngineError(f"Milvus at {self._url}: cannot {what}: the answer has no jobId")
        return str(data["jobId"])

    def wait(self, job: str, collection: str, seconds: float, done: Callable[[int], None]) -> None:
        """Wait until a job is completed. `seconds`: without progress, then EngineError.

        `done(percent)` is called with each new percentage. Raises EngineError with the server's reason for a
        job that failed.
        """
        what = f"import into {collection}"
        moved = answered = time.monotonic()
        before: Any = None
        while True:
            now = time.monotonic()
            try:
                data = self._call("get_import_progress", job_id=job)
                answered = now
            except _Refused as e:
                if not e.is_lost or now - answered > min(LOST_SECONDS, seconds):
                    raise EngineError(self._told(what, e)) from None
                data = {}
            state = str(data.get("state", ""))
            percent = _whole(data.get("progress"))
            if state == "Completed":
                done(100)
                return
            if state in ("Failed", "Uncommitted"):
                reason = data.get("reason") or f"the job is {state.lower()}"
                raise EngineError(
                    f"Milvus at {self._url}: job {job} did not {what}: {self._plain(str(reason))}"
                )
            present = (state, percent, data.get("importedRows"))
            if data and present != before:
                before, moved = present, now
                done(percent)
            if now - moved > seconds:
                raise EngineError(
                    f"Milvus at {self._url}: job {job} did not {what}: no progress for {seconds:g} s, "
                    f"state {state or 'unknown'}, {percent} % (--bulk-wait SECONDS waits longer)"
                )
            time.sleep(POLL_SECONDS)

    @property
    def _url(self) -> str:
        return self.server.address.url

    def _call(self, name: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a function of the client. Raises _Refused."""
        from pymilvus.exceptions import MilvusException

        try:
            answer = getattr(_functions(), name)(
                url=self._url,
                api_key=os.environ.get(TOKEN, ""),
                db_name=os.environ.get(DATABASE, ""),
                timeout=CALL_SECONDS,
                **arguments,
            )
            return dict(answer.json().get("data") or {})
        except MilvusException as e:
            raise _Refused(str(e.message)) from None
        except (ValueError, KeyError, AttributeError, TypeError):
            # an answer that is no JSON object of the interface: another program
            raise _Refused("what it says is no answer to a question about imports") from None

    def _told(self, what: str, error: _Refused) -> str:
        hint = ""
        if error.is_unauthorized:
            hint = f" (user:password or a token comes from ${TOKEN})"
        return f"Milvus at {self._url}: cannot {what}: {self._plain(error.reason)}{hint}"

    def _plain(self, text: str) -> str:
        """First line of a server's text, short, without secrets and what no terminal should get."""
        text = self.server.without_secrets(text)
        return "".join(c if c.isprintable() else "?" for c in text.splitlines()[0])[:300]


class _Refused(Exception):
    """Message of the client on a call that failed. `code`: the server's, None if it gave none."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = re.search(r"code: (-?\d+), message: (.*)", message, re.S)
        status = re.search(r"status code: (\d+)", message)
        self.code = int(found[1]) if found else None
        self.is_lost = found is None and (status is None or status[1][0] == "5")
        self.is_unauthorized = status is not None and status[1] in ("401", "403")
        self.is_unauthorized |= self.code in (1800, 1801, 65535)
        if found:
            self.reason = f"{found[2]} (code {found[1]})"
        elif status:
            self.reason = f"its HTTP interface answers {status[1]}"
        elif "BadStatusLine" in message:
            self.reason = "it has no HTTP interface, as Milvus Lite has none"
        else:
            cause = message.partition(", error: ")[2] or message
            self.reason = f"its HTTP interface gives no answer: {cause}"


def _functions() -> ModuleType:
    """Module of the client's functions, which log each error beside raising it."""
    import logging

    from pymilvus import bulk_writer

    logging.getLogger("pymilvus.bulk_writer").setLevel(logging.CRITICAL + 1)
    return bulk_writer  # type: ignore[no-any-return]


def _whole(value: object) -> int:
    """Percentage of an answer, 0 for none."""
    return min(100, max(0, int(value))) if isinstance(value, int | float) else 0
