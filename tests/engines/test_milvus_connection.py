"""What a server may answer that Milvus Lite never does: old versions, refused credentials."""

from __future__ import annotations

import pytest
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from qembed.engines.address import TOKEN, parse_server
from qembed.engines.milvus.connection import MilvusConnection
from qembed.errors import EngineError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("version", ["v2.4.17", "2.3.0-dev"])
def test_servers_without_bm25_are_refused(
    milvus: str, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(MilvusClient, "get_server_version", lambda *_, **__: version)
    with pytest.raises(EngineError, match=r"is version .*: 2\.5 or later is wanted"):
        MilvusConnection(parse_server(milvus))


@pytest.mark.parametrize("version", ["v2.5.3", "2.6.0", "v3.0.0-rc1", "unknown"])
def test_later_ones_are_not(milvus: str, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(MilvusClient, "get_server_version", lambda *_, **__: version)
    with MilvusConnection(parse_server(milvus)) as server:
        assert not server.is_lite


def test_refused_credentials_name_the_variable_and_not_the_secret(
    milvus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "root:pass-4711")

    def refused(*_: object, **__: object) -> str:
        raise MilvusException(1100, "auth check failure, please check api key pass-4711 is correct")

    monkeypatch.setattr(MilvusClient, "get_server_version", refused)
    with pytest.raises(EngineError) as raised:
        MilvusConnection(parse_server(milvus))
    assert TOKEN in str(raised.value)
    assert "auth check failure" in str(raised.value)
    assert "pass-4711" not in str(raised.value)
