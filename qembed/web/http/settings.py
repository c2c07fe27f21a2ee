"""Settings of the HTTP face: address, token, names that it answers to, limits."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from qembed.errors import UsageError
from qembed.web.http.address import Address, is_ip, is_loopback, parse_address, resolve

TOKEN_VARIABLE = "QEMBED_HTTP_TOKEN"
SHORTEST_TOKEN = 16
"""Characters of a token: 16 random ones cannot be tried out."""
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""What `Authorization: Bearer` may carry (RFC 6750)."""
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")
ADVICE = "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"


class Limits(NamedTuple):
    """Limits of requests.

    body: bytes. k: hits of one answer; depth: hits that cursors lead to. texts: of one embedding or rerank
    request. requests: that are answered at a time; connections: that are open. read, answer, send: seconds
    for a client to send its request, for the server to answer, for a client to take the answer.
    """

    body: int = 4 << 20
    k: int = 1000
    depth: int = 1000
    texts: int = 2048
    requests: int = 128
    connections: int = 512
    read: float = 10.0
    answer: float = 60.0
    send: float = 30.0


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Settings of one HTTP face. Use `make_settings`.

    `token`: None for none. `hosts`: names in lower case that a request's Host may have, beside IP addresses
    of the machine. `origins`: web pages of other servers that may ask. `loud`: the access log has the words
    of queries. `quiet`: there is no access log. `command`: whose options these are, for messages.
    """

    address: Address
    token: str | None = None
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    loud: bool = False
    quiet: bool = False
    command: str = "serve"


def make_settings(
    at: str,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
    origins: tuple[str, ...] = (),
    *,
    limits: Limits | None = None,
    loud: bool = False,
    quiet: bool = False,
    command: str = "serve",
    environ: Mapping[str, str] = os.environ,
) -> HttpSettings:
    """Settings of options. `at`: [HOST:]PORT. `token`: else $QEMBED_HTTP_TOKEN.

    Raises UsageError with all that is wrong, also for an address beyond loopback without a token.
    """
    address = parse_address(at)
    named = token if token is not None else environ.get(TOKEN_VARIABLE) or None
    option = "--token" if token is not None else f"${TOKEN_VARIABLE}"
    wrong = []
    if named is not None and not (_TOKEN.fullmatch(named) and len(named) >= SHORTEST_TOKEN):
        wrong.append(
            f"{option}: at least {SHORTEST_TOKEN} letters, digits and -._~+/ are wanted ({ADVICE})"
        )
    if named is None and not is_loopback(resolve(address)[1]):
        wrong.append(
            f"--http {at}: others reach that address: a token is wanted ({TOKEN_VARIABLE}=… in the "
            f"environment, or --token; {ADVICE})"
        )
    wrong += [
        f"--allow-host {name}: a name without scheme and port is wanted, such as search.example.org"
        for name in hosts
        if not (_NAME.fullmatch(name) or is_ip(name.strip("[]")))
    ]
    wrong += [
        f"--allow-origin {origin}: a scheme and a name are wanted, such as https://app.example.org"
        for origin in origins
        if not _is_origin(origin)
    ]
    if wrong:
        raise UsageError("\n  ".join(wrong))
    return HttpSettings(
        address,
        named,
        frozenset(
            h.lower().strip("[]").rstrip(".")
            for h in (*hosts, "localhost", *([] if address.is_wildcard else [address.host]))
        ),
        frozenset(o.lower() for o in origins),
        Limits() if limits is None else limits,
        loud,
        quiet,
        command,
    )


def _is_origin(text: str) -> bool:
    """True for `scheme://host[:port]` and nothing more, as browsers send it."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = f"{parts.scheme}://{parts.netloc}" == text
    return plain and bool(parts.scheme and parts.hostname) and "@" not in text and "*" not in text
