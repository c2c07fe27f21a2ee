"""Issue and check compact signed tokens (JWT, HS256 only)."""

import base64
import hashlib
import hmac
import json
import time


class BadToken(Exception):
    pass


def _encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _sign(message, key):
    return hmac.new(key, message.encode("ascii"), hashlib.sha256).digest()


def issue(claims, key, lifetime=900, now=time.time):
    body = dict(claims, iat=int(now()), exp=int(now()) + lifetime)
    head = {"alg": "HS256", "typ": "JWT"}
    message = ".".join(_encode(json.dumps(part).encode()) for part in (head, body))
    return f"{message}.{_encode(_sign(message, key))}"


def check(token, key, leeway=30, now=time.time):
    try:
        head, body, signature = token.split(".")
        header = json.loads(_decode(head))
        claims = json.loads(_decode(body))
        given = _decode(signature)
    except ValueError as error:
        raise BadToken("malformed") from error
    # The algorithm named by the sender is never trusted to pick the check.
    if header.get("alg") != "HS256":
        raise BadToken("unexpected algorithm")
    if not hmac.compare_digest(given, _sign(f"{head}.{body}", key)):
        raise BadToken("bad signature")
    if claims.get("exp", 0) + leeway < now():
        raise BadToken("expired")
    return claims
