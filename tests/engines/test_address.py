"""Addresses of servers and collections: what is taken, what is refused, and that secrets are not repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.engines.address import TOKEN, parse_collection, parse_server
from qembed.errors import UsageError


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost", "http://localhost:19530"),
        ("https://db.example:443/", "https://db.example:443"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_servers(text: str, url: str) -> None:
    assert parse_server(text).url == url


@pytest.mark.parametrize(
    "text",
    ["milvus+http://h:1/docs", str(Path("milvus+http://h:1/docs")), "milvus+http://h:1/docs/"],
)
def test_collections(text: str) -> None:
    """A path of the command line has lost a slash."""
    assert parse_collection(text).url == "milvus+http://h:1/docs"


@pytest.mark.parametrize(
    "text",
    ["localhost:19530", "ftp://h", "http://h:99999", "http://h/x", "http://a b", "", "http://"],
)
def test_servers_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_server(text)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a-b", "a" * 101, "../x"])
def test_names_that_servers_refuse(name: str) -> None:
    with pytest.raises(UsageError):
        parse_collection(f"milvus+http://h:1/{name}")


@pytest.mark.parametrize(
    "text",
    [
        "milvus+http://me:pass-4711@h:1/docs",
        "milvus+http:/me:pass-4711@h:1/docs",
        "milvus+http://h:1/docs?token=pass-4711",
        "milvus+http://h:1/docs#pass-4711",
    ],
)
def test_secrets_are_refused_and_not_repeated(text: str) -> None:
    for parse, given in ((parse_collection, text), (parse_server, text.removeprefix("milvus+"))):
        with pytest.raises(UsageError) as refused:
            parse(given)
        assert TOKEN in str(refused.value)
        assert "pass-4711" not in str(refused.value)
