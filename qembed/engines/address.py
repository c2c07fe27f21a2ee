"""Addresses of engines and of collections on them. Secrets never stand in an address.

    http://host:19530                   an engine
    milvus+http://host:19530/NAME       a collection on it, where an index is wanted

A name or a password in a URL would stay in the shell's history, in logs and in what is stored; they come
from the environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qembed.errors import UsageError

DEFAULT_PORT = 19530
TOKEN = "QEMBED_MILVUS_TOKEN"
"""Variable with `user:password` or a token. Read at each start, never stored."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
"""Names of collections that every server takes, with room for what is appended."""
# a path of the command line has lost one of the slashes
_COLLECTION = re.compile(r"milvus\+(https?):/{1,2}([^/]+)/([^/]+)/?")
_SERVER = re.compile(r"(https?):/{1,2}([^/]+)/?")
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Address of a server, without secrets."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as a client takes it."""
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class CollectionAddress:
    """Address of a collection, or of an alias, on a server."""

    server: ServerAddress
    name: str

    @property
    def url(self) -> str:
        """The address where an index is wanted."""
        return f"milvus+{self.server.url}/{self.name}"


def parse_server(text: str) -> ServerAddress:
    """Parse the address of a server. Raises UsageError, without the text for one with secrets in it."""
    _refuse_secrets(text)
    match = _SERVER.fullmatch(text)
    if match is None:
        raise UsageError(f"{text}: no address of a server (wanted: http://HOST:{DEFAULT_PORT})")
    return _server(match[1], match[2], text)


def parse_collection(text: str) -> CollectionAddress:
    """Parse the address of a collection. Raises UsageError as `parse_server`."""
    _refuse_secrets(text)
    match = _COLLECTION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text}: no address of a collection (wanted: milvus+http://HOST:{DEFAULT_PORT}/NAME)"
        )
    return CollectionAddress(_server(match[1], match[2], text), check_name(match[3]))


def check_name(name: str) -> str:
    """Return a collection's name. Raises UsageError for one that servers refuse."""
    if NAME.fullmatch(name) is None:
        raise UsageError(
            f"collection {name!r}: letters, digits and _ are wanted, at most 100, no digit first"
        )
    return name


def _server(scheme: str, place: str, text: str) -> ServerAddress:
    found = _PLACE.fullmatch(place)
    if found is None or int(found[2] or 0) > 65535:
        raise UsageError(f"{text}: {place} is no HOST:PORT")
    return ServerAddress(scheme, found[1], int(found[2] or DEFAULT_PORT))


def _refuse_secrets(text: str) -> None:
    place = re.sub(r"^[a-z+]+:/*", "", text)
    if "@" in place.partition("/")[0] or "?" in text or "#" in text:
        # the text is not repeated: what stands in it would reach the log
        raise UsageError(
            f"an address with a user, a password or parameters: secrets come from ${TOKEN} "
            "(user:password, or a token)"
        )
