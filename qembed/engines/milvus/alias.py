"""Aliases: the name that readers use, moved in one step from a finished collection to the next."""

from __future__ import annotations

from qembed.engines.milvus.connection import MilvusConnection


def collection_of(server: MilvusConnection, name: str) -> str | None:
    """Name of the collection that an alias stands for; None if there is no such alias."""
    with server.calling(f"look for {name}"):
        if not server.client.has_collection(name):
            return None
        found = str(server.client.describe_collection(name)["collection_name"])
        if found != name:
            return found
        # some servers describe a collection under the alias that was asked for
        for other in server.client.list_collections():
            if other != name and name in server.client.list_aliases(other).get("aliases", []):
                return str(other)
    return None


def move_alias(server: MilvusConnection, name: str, collection: str) -> None:
    """Let an alias stand for a collection; it is made if there is none."""
    with server.calling(f"let {name} stand for {collection}"):
        if collection_of(server, name) is None:
            server.client.create_alias(collection, name)
        else:
            server.client.alter_alias(collection, name)
