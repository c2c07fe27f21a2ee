"""Documents as resources: their URIs."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

from qembed.errors import UsageError

PREFIX = "qembed://documents/"
TEMPLATE = PREFIX + "{id}"


def document_uri(document: str) -> str:
    """URI of a document. Slashes in its id stay, so that it can be read."""
    return PREFIX + quote_from_bytes(document.encode("utf-8", "surrogateescape"), safe="/")


def document_of(uri: str) -> str:
    """Id of the document at a URI. Raises UsageError for another URI."""
    if not uri.startswith(PREFIX) or len(uri) == len(PREFIX):
        raise UsageError(f"{uri[:200]}: {TEMPLATE} is wanted, with a document's id")
    return unquote_to_bytes(uri[len(PREFIX) :]).decode("utf-8", "surrogateescape")
