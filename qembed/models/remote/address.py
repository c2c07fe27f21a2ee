"""Addresses of remote models.

    http(s)://host:port/v1#model                        the model's name as the server knows it
    http(s)://host:port/v1#model&tokenizer=./folder     and a tokenizer.json to count tokens with

An address that holds a user, password or query is refused, because addresses are stored with the index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from qembed.errors import UsageError

FORM = "http(s)://host:port/v1#model is wanted"


@dataclass(frozen=True, slots=True)
class Address:
    """Parsed address. `url`: without the fragment and a final slash. `tokenizer`: folder, "" for none."""

    url: str
    model: str
    tokenizer: str = ""


def parse_address(spec: str) -> Address:
    """Parse the address in a spec. Raises UsageError."""
    if without_credentials(spec) != spec:
        # not repeated: it may hold a key
        raise UsageError(
            "an address may hold no user, password or query, because it is stored with the index: the "
            "key goes into $QEMBED_API_KEY"
        )
    try:
        parts = urlsplit(spec)
        parts.port  # noqa: B018 - raises ValueError for a port that is none
    except ValueError as e:
        raise UsageError(f"{spec}: {e} ({FORM})") from None
    model, _, tokenizer = parts.fragment.partition("&tokenizer=")
    if not parts.hostname or not model:
        raise UsageError(f"{spec}: {FORM}")
    return Address(f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), model, tokenizer)


_HOST = re.compile(r"(?:\[[^]]*\]|[^:\[\]]*)(?::\d*)?")


def without_credentials(text: str) -> str:
    """An address with *** in the place of user, password and query, for messages; any other text as it is."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    _, at, host = authority.rpartition("@")
    if at:
        rest = f"***@{host}{rest[len(authority) :]}"
    elif "@" in rest and not _HOST.fullmatch(authority):  # a password with / ? or # in it
        rest = f"***@{rest.rpartition('@')[2]}"
    path, mark, fragment = rest.partition("#")
    return f"{scheme}://{re.sub(r'[?].+', '?***', path)}{mark}{fragment}"
