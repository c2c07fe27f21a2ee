"""Address that HTTP is served at: its text, whether it is loopback, and the listening socket."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple

from qembed.errors import StorageError, UsageError, refusal

LOOPBACK = "127.0.0.1"
BACKLOG = 512
"""Connections that wait to be accepted."""
_FORM = re.compile(r"(?:(\[[0-9A-Fa-f:.%\w]+\]|[^\s\[\]:/@]+):)?(\d{1,5})")
_WILDCARDS = ("0.0.0.0", "::")


class Address(NamedTuple):
    """Address as given. `host`: a name or an IP address without brackets. `port`: 0 for any free one."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Address as a URL. Of a wildcard, which is no address, that of this machine."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        """True if it means all addresses of the machine."""
        return self.host in _WILDCARDS


def parse_address(text: str) -> Address:
    """Address of `PORT`, `HOST:PORT` or `[IPv6]:PORT`; without a host it is loopback. Raises UsageError."""
    found = _FORM.fullmatch(text.strip())
    port = int(found[2]) if found else -1
    if found is None or port > 65535:
        raise UsageError(
            f"--http {text}: a port, or HOST:PORT, is wanted, such as 8080, 127.0.0.1:8080 or [::1]:8080"
        )
    return Address((found[1] or LOOPBACK).strip("[]"), port)


def is_ip(host: str) -> bool:
    """True for an IP address, without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def resolve(address: Address) -> tuple[socket.AddressFamily, str]:
    """(family, IP address) to listen at, the first of a name. Raises UsageError for an unknown name."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise UsageError(f"--http {address.host}:{address.port}: no such host ({e})") from None
    family, _, _, _, where = min(found, key=lambda f: f[0] != socket.AF_INET)
    return family, str(where[0])


def is_loopback(ip: str) -> bool:
    """True for an address that only this machine reaches."""
    return ipaddress.ip_address(ip.partition("%")[0]).is_loopback


def listen(address: Address) -> tuple[socket.socket, Address]:
    """(a bound socket that does not listen yet, its address with the port it got).

    Raises StorageError if the address cannot be had.
    """
    family, ip = resolve(address)
    # asyncio sends at once, without waiting 40 ms for more, where the protocol is named
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # a server that has just ended leaves its port waiting for a minute
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ip, address.port))
    except OSError as e:
        sock.close()
        raise StorageError(
            f"cannot serve at {address.url}: {refusal(e).lower()} (--http 0 takes a free port)"
        ) from e
    return sock, address._replace(port=sock.getsockname()[1])
