"""Qdrant: a collection on a server or in a folder, known by an alias that moves when the new one is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from qembed.engines.address import check_name
from qembed.engines.passages import TEXTS, WHOLE, ExportContent, PassageBatch
from qembed.errors import EngineError, UsageError

KEY = "QEMBED_QDRANT_KEY"
"""Variable with the key of a server. Read at each start, never stored."""


@dataclass(frozen=True, slots=True)
class QdrantTarget:
    """Alias `name` on the server at `place`, or in that folder."""

    place: str
    name: str

    @property
    def _is_server(self) -> bool:
        return self.place.startswith(("http://", "https://"))

    def check(self) -> None:
        """Raise UsageError without the client, and for an address with secrets in it."""
        check_name(self.name)
        if find_spec("qdrant_client") is None:
            raise UsageError("Qdrant needs its client (pip install 'qembed-search[qdrant]')")
        if self._is_server and ("@" in self.place or "?" in self.place):
            raise UsageError(
                f"an address with a user, a password or parameters: the key comes from ${KEY}"
            )

    def write(self, content: ExportContent) -> str:
        """Write a collection of its own, count its points, move the alias to it, drop the one before."""
        from qdrant_client import models

        made = f"{self.name}_{content.name}"
        with self._client() as client:
            before = _collection_of(client, self.name)
            if before is None and client.collection_exists(self.name):
                raise UsageError(
                    f"{self.name} at {self.place} is a collection, and no alias of one that qembed made "
                    "(--collection wants another name)"
                )
            made += "_b" if before == f"{made}_a" else "_a"
            if client.collection_exists(made):
                client.delete_collection(made)  # of an export that was stopped
            size = models.VectorParams(size=content.dim, distance=models.Distance.DOT)
            client.create_collection(made, vectors_config=size)
            for batch in content.batches:
                client.upsert(made, _points(batch), wait=True)
            written = int(client.count(made, exact=True).count)
            if written != content.total:
                raise EngineError(
                    f"Qdrant at {self.place}: {made} has {written:,} points, {content.total:,} are wanted; "
                    f"{self.name} stands for what it did"
                )
            client.update_collection_aliases(_moves(self.name, made, before is not None))
            if before is not None:
                client.delete_collection(before)
        return f"{self.place}, collection {self.name}"

    def _open(self) -> Any:
        import warnings

        from qdrant_client import QdrantClient

        if not self._is_server:
            return QdrantClient(path=self.place)
        with warnings.catch_warnings():  # on a key over http, which may be a network of one's own
            warnings.simplefilter("ignore")
            return QdrantClient(
                url=self.place,
                api_key=os.environ.get(KEY) or None,
                timeout=60,
                check_compatibility=False,  # in a thread, whose exceptions nobody sees
            )

    @contextmanager
    def _client(self) -> Iterator[Any]:
        from qdrant_client.http.exceptions import ApiException

        try:
            client = self._open()
            try:
                yield client
            finally:
                client.close()
        except (ApiException, OSError, RuntimeError, ValueError) as e:
            text = str(e).strip()
            key = os.environ.get(KEY)
            said = (text.replace(key, "…") if key else text).splitlines() or [type(e).__name__]
            raise EngineError(
                f"Qdrant at {self.place}: {said[0][:300]} (is the address right, and does it run?)"
            ) from None


def _points(batch: PassageBatch) -> list[Any]:
    from qdrant_client import models

    return [
        models.PointStruct(
            id=p.row,
            vector=vector.tolist(),
            payload={
                **{name: getattr(p, name) for name in (*WHOLE, *TEXTS)},
                "meta": dict(p.meta),
            },
        )
        for p, vector in zip(batch.passages, batch.vectors, strict=True)
    ]


def _collection_of(client: Any, name: str) -> str | None:
    """Name of the collection that an alias stands for."""
    for alias in client.get_aliases().aliases:
        if alias.alias_name == name:
            return str(alias.collection_name)
    return None


def _moves(name: str, collection: str, replaces: bool) -> list[Any]:
    """Operations that let the alias stand for a collection, in one step."""
    from qdrant_client import models

    made = models.CreateAliasOperation(
        create_alias=models.CreateAlias(collection_name=collection, alias_name=name)
    )
    gone = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))
    return [gone, made] if replaces else [made]
