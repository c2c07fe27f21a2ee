"""Cursors: where in an answer the next page begins.

A cursor names the generation it belongs to and the hits that its pages had. Hits of a deeper search may stand
above those of a shallow one; with the hits themselves, instead of their number, none is shown twice and none
is lost. To a client it is opaque.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any, NamedTuple

from qembed.pipeline.retrieval.answer import KEY_BYTES
from qembed.web.http.errors import HttpError, bad_request

_HEAD = struct.Struct(">BQ8s8s")
_VERSION = 1


class Cursor(NamedTuple):
    """Place in an answer. `recipe`: fingerprint. `query`: digest of what was asked. `seen`: keys of hits."""

    generation: int
    recipe: str
    query: bytes
    seen: tuple[str, ...]

    def encode(self) -> str:
        """Cursor as a text for URLs."""
        head = _HEAD.pack(_VERSION, self.generation, bytes.fromhex(self.recipe), self.query)
        data = head + b"".join(bytes.fromhex(key) for key in self.seen)
        return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def digest(values: Any) -> bytes:
    """Digest of what a query asks."""
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def parse_cursor(text: str) -> Cursor:
    """Cursor of a text. Raises HttpError for one that no server made."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, generation, recipe, query = _HEAD.unpack_from(data)
    except (ValueError, struct.error):
        raise _unknown() from None
    keys = data[_HEAD.size :]
    if version != _VERSION or len(keys) % KEY_BYTES:
        raise _unknown()
    seen = tuple(keys[i : i + KEY_BYTES].hex() for i in range(0, len(keys), KEY_BYTES))
    return Cursor(generation, recipe.hex(), query, seen)


def _unknown() -> HttpError:
    return bad_request("cursor: not one of this server's", "cursor")


def check_generation(cursor: Cursor, generation: int, recipe: str) -> None:
    """Raise HttpError if the answer is of another generation than the pages before."""
    if (cursor.generation, cursor.recipe) != (generation, recipe):
        raise HttpError(
            409,
            "old_cursor",
            f"cursor: it is of generation {cursor.generation}, the index is at {generation} now "
            "(search again without the cursor)",
            generation=generation,
        )
