import base64
import hashlib
import hmac
import os

ROUNDS = 310_000
PREFIX = "pbkdf2"


def _derive(secret, salt, rounds):
    return hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8"), salt, rounds)


def _b64(raw):
    return base64.b64encode(raw).decode("ascii")


def make_record(secret):
    salt = os.urandom(16)
    digest = _derive(secret, salt, ROUNDS)
    return "$".join((PREFIX, str(ROUNDS), _b64(salt), _b64(digest)))


def matches(secret, record):
    try:
        prefix, rounds, salt, digest = record.split("$")
        expected = base64.b64decode(digest)
        salt = base64.b64decode(salt)
    except ValueError:
        return False
    if prefix != PREFIX:
        return False
    return hmac.compare_digest(_derive(secret, salt, int(rounds)), expected)


def is_outdated(record):
    """True when a record was made with fewer rounds than we use now."""
    parts = record.split("$")
    return len(parts) != 4 or int(parts[1]) < ROUNDS
