"""Guard of HTTP: who may ask. Pure decisions on a request's headers.

Host    a page of another site whose name is pointed at this address (DNS rebinding) has its own name there
Origin  a page of another site that asks in its visitor's name; where a browser sends none (an image, a
        frame, a form, a link), Sec-Fetch-Site tells it. A link may lead to the page alone
token   everybody else

An IP address as Host is no rebinding: that needs a name.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from qembed.web.http.address import is_ip, is_loopback
from qembed.web.http.errors import HttpError
from qembed.web.http.settings import HttpSettings

OPEN_PATHS = frozenset({"/", "/healthz"})
"""Paths that are answered without a token: the page, which asks for it, and a supervisor's."""
PAGE = "/"
"""Path of the page, to which links of other sites may lead."""
_HOST = re.compile(r"(\[[^\]]+\]|[^:\[\]]*)(?::(\d{1,5}))?")
METHODS = "GET, POST, OPTIONS"
PREFLIGHT_SECONDS = 600


def check_request(
    settings: HttpSettings, path: str, method: str, headers: Mapping[str, str]
) -> None:
    """Raise HttpError for a request that is not answered. `headers`: names in lower case."""
    if "content-length" in headers and "transfer-encoding" in headers:
        # where it ends is a matter of opinion: what follows may be a part of it (RFC 9112, 6.1)
        raise HttpError(
            400,
            "two_lengths",
            "Content-Length and Transfer-Encoding: one of them ends a body, send one",
            {"Connection": "close"},
        )
    host = headers.get("host", "")
    if not is_known_host(settings, host):
        raise HttpError(
            421,
            "unknown_host",
            f"Host {host[:100]!r} is no name of this server "
            f"({settings.command} --allow-host NAME allows one)",
        )
    if not (is_own_page(settings, host, headers) or is_link_to_page(path, method, headers)):
        raise HttpError(
            403,
            "unknown_origin",
            f"pages of {headers.get('origin', 'other sites')[:100]} may not ask this server "
            f"({settings.command} --allow-origin ORIGIN allows them), nor lead to an address of it "
            f"but {PAGE}",
        )
    if path not in OPEN_PATHS and method != "OPTIONS":
        check_token(settings.token, headers.get("authorization", ""))


def is_known_host(settings: HttpSettings, host: str) -> bool:
    """True for a Host header that means this server."""
    found = _HOST.fullmatch(host.strip())
    if found is None or not found[1]:
        return False
    name = found[1].strip("[]").lower().rstrip(".")
    if name in settings.hosts:
        return True
    if not is_ip(name):
        return False
    return settings.address.is_wildcard or is_loopback(name)


def is_own_page(settings: HttpSettings, host: str, headers: Mapping[str, str]) -> bool:
    """True if no page of another site asks, or one that is allowed to. Programs are no pages."""
    origin = headers.get("origin")
    if origin is not None:
        allowed = origin.lower() in settings.origins
        return allowed or origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
    return headers.get("sec-fetch-site") not in ("cross-site", "same-site")


def is_link_to_page(path: str, method: str, headers: Mapping[str, str]) -> bool:
    """True if a browser goes to the page in a tab or window of its own, wherever the link stood."""
    return (
        path == PAGE
        and method in ("GET", "HEAD")
        and "origin" not in headers
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def check_token(token: str | None, authorization: str) -> None:
    """Raise HttpError without the token, if one is wanted."""
    if token is None:
        return
    scheme, _, given = authorization.partition(" ")
    given = given.strip() if scheme.lower() == "bearer" else ""
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode()):
        why = "the token is not this server's" if given else "a token is wanted"
        raise HttpError(
            401,
            "unauthorized",
            f"{why} (Authorization: Bearer TOKEN)",
            {"WWW-Authenticate": "Bearer"},
        )


def cors_headers(settings: HttpSettings, method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with which a browser hands the answer to a page of another site; {} if none may have it."""
    origin = headers.get("origin", "")
    if not settings.origins:
        return {}
    if origin.lower() not in settings.origins:
        return {"Vary": "Origin"}
    found = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if method == "OPTIONS":
        found |= {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
    else:
        found["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
    return found
