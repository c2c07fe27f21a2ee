"""`qembed feedback never`: a vote that a document is not shown for a query, or may be shown again."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import cast

from qembed.errors import InputError
from qembed.feedback.given_events import GivenEvent
from qembed.feedback.records import ClientKind, Event, LoggedQuery
from qembed.pipeline.feedback.log_setting import Client
from qembed.pipeline.feedback.take_records import Taken, take_records
from qembed.pipeline.retrieval.session import open_snapshot


def never_show(
    root: Path, text: str, document: str, client: Client, *, undo: bool = False, wait: float = 0.0
) -> Taken:
    """Log a query and the vote on it, `never` or, to undo, `allow`.

    Raises InputError for an empty query and a document that the index does not have, NoIndex, IndexDamaged,
    IndexLocked, StorageError.
    """
    if not text.strip():
        raise InputError("the query has no words in it")
    with open_snapshot(root) as snapshot:
        if snapshot.catalog.id_index().find(document) is None:
            raise InputError(
                f"there is no document {document} (qembed query --format jsonl names them)"
            )
    now = round(time.time(), 3)
    name = os.urandom(8).hex()
    kind = cast(ClientKind, client.kind)
    query = LoggedQuery(
        name, text, now, client_id=client.id, client_kind=kind, session_id=client.session
    )
    event = Event(
        event_id=os.urandom(8).hex(),
        query_id=name,
        action="allow" if undo else "never",
        time=now,
        object_id=document,
        client_id=client.id,
        client_kind=kind,
        session_id=client.session,
    )
    return take_records(root, [query], [GivenEvent(event, names_client=True)], wait=wait)
