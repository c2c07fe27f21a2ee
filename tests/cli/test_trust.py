"""`qembed trust`: nothing of a project file runs code or sends texts away before."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

MARK = "from pathlib import Path\nPath({!r}).write_text('ran')\nfrom tests.encoders import bag, shouting\n"


@pytest.fixture
def hostile(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A project whose file names code beside it, which leaves a mark when it is imported."""
    monkeypatch.setenv("QEMBED_CONFIG", str(docs.folder.parent / "config"))
    docs.write("marking_code.py", MARK.format(str(docs.folder / "ran")))
    docs.write(".qembed.toml", "k = 2\nrerank = 'py:marking_code:shouting'\n")
    return docs


def ran(shell: Shell) -> bool:
    return (shell.folder / "ran").exists()


@pytest.mark.slow
def test_code_is_refused_until_it_is_trusted(hostile: Shell) -> None:
    for args in (("query", "money"), ("query", "money", "--mode", "lexical"), ("config",)):
        done = hostile(*args)
        assert done.code == 2
        assert ".qembed.toml:2: rerank" in done.err
        assert "runs code, and you have not trusted that (qembed trust" in done.err
        assert not ran(hostile)
    assert hostile("query", "money", "--rerank", "none").code == 0
    assert hostile("status").code == 0
    trusted = hostile("trust")
    assert trusted.code == 0
    assert ".qembed.toml:2: rerank = py:marking_code:shouting runs code" in trusted.err
    assert not ran(hostile)
    assert hostile.process("query", "money").code == 0
    assert ran(hostile)
    assert hostile("config").code == 0


@pytest.mark.slow
def test_another_value_and_another_folder_are_not_trusted(hostile: Shell) -> None:
    assert hostile("trust").code == 0
    assert hostile("trust", "--list").out.rstrip().endswith("rerank = py:marking_code:shouting")
    hostile.write(".qembed.toml", "k = 2\nrerank = 'py:marking_code:bag'\n")
    assert hostile("query", "money").code == 2
    hostile.write(".qembed.toml", "k = 2\nrerank = 'py:marking_code:shouting'\n")
    copy = hostile.folder.parent / "copy"
    shutil.copytree(hostile.folder, copy)
    assert Shell(copy)("query", "money").code == 2
    linked = hostile.folder.parent / "linked"
    linked.symlink_to(hostile.folder)
    assert Shell(linked).process("query", "money").code == 0
    (hostile.folder / "ran").unlink()
    assert hostile("trust", "--revoke").err.startswith("qembed: 1 trusted before in ")
    assert hostile("query", "money").code == 2
    assert hostile("trust", "--list").out == "nothing is trusted\n"
    assert not ran(hostile)


def test_nothing_is_sent_to_an_address_that_is_not_trusted(hostile: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        hostile.write(".qembed.toml", f"model = 'http://127.0.0.1:{port}/v1#m'\n")
        for args in (("index", "docs", "--index", "new"), ("config",)):
            done = hostile(*args, QEMBED_MODEL="")
            assert done.code == 2
            assert f"sends texts to 127.0.0.1:{port}, and you have not trusted that" in done.err
        with pytest.raises(TimeoutError):
            server.accept()
    # a variable and an option are the user's own
    assert (
        hostile("index", "docs", "--index", "new", QEMBED_MODEL="py:tests.encoders:bag").code == 0
    )
    own = ("index", "docs", "--index", "own", "--model", "py:tests.encoders:bag")
    assert hostile(*own, QEMBED_MODEL="").code == 0


def test_harmless_files_and_none(docs: Shell, tmp_path: Path) -> None:
    assert "no project file in this folder or above it" in docs("trust").err
    docs.write(".qembed.toml", "k = 1\nmodel = 'minilm'\n")
    done = docs("trust", "--format", "json")
    assert done.json["trusted"] == {}
    assert "nothing in " in done.err
    assert docs("trust", "--list", "--revoke").code == 2
    assert docs("trust", "--list", "--format", "json").json["trusted"] in (
        {},
        {str(docs.folder.resolve()): {}},
    )


def test_an_address_with_a_password_is_not_trusted_and_never_shown(hostile: Shell) -> None:
    for n, spec in enumerate(
        (
            "http://user:hunter2@h.example/v1#m",
            "http://h.example/v1?key=hunter2#m",
            "http://user:hunter2/x@h.example/v1#m",
            "ftp://user:hunter2@h.example/v1#m",
        )
    ):
        hostile.write(".qembed.toml", f"k = 2\nrerank = '{spec}'\nmodel = '{spec}'\n")
        for command in (("trust",), ("config",), ("config", "--format", "json")):
            done = hostile(*command, QEMBED_MODEL="")
            assert done.code == 2
            assert ".qembed.toml:2: rerank: " in done.err, "both are told"
            assert ".qembed.toml:3: model: " in done.err
            assert "hunter2" not in done.err + done.out
            if n < 3:
                assert "an address may hold no user, password or query" in done.err
        done = hostile("query", "money")
        assert (done.code, "hunter2" in done.err) == (2, False)
        assert "qembed trust" not in done.err, "that would refuse it"
        refused = hostile("query", "money", "--rerank", spec)
        assert (refused.code, "hunter2" in refused.err) == (2, False)
    config = hostile.folder.parent / "config"
    assert not [p for p in config.rglob("*") if p.is_file() and "hunter2" in p.read_text()]
    assert hostile("trust", "--list").out == "nothing is trusted\n"


def test_what_an_earlier_version_trusted_is_listed_without_its_password(hostile: Shell) -> None:
    stored = {str(hostile.folder): {"rerank": "http://user:hunter2@h.example/v1#m"}}
    hostile.write("../config/trust.json", json.dumps({"schema": 1, "trusted": stored}))
    for more in ((), ("--format", "json")):
        done = hostile("trust", "--list", *more)
        assert "http://***@h.example/v1#m" in done.out
        assert "hunter2" not in done.out


def test_config_shows_no_secret_of_the_environment(hostile: Shell) -> None:
    hostile.write(".qembed.toml", "k = 2\n")
    secrets = {
        "QEMBED_MODEL": "http://user:hunter2@h.example/v1#m",
        "QEMBED_HTTP_TOKEN": "hunter2",
        "QEMBED_MILVUS_TOKEN": "root:hunter2",
        "QEMBED_QDRANT_KEY": "hunter2",
    }
    done = hostile("config", **secrets)
    assert done.code == 0, done.err
    assert "hunter2" not in done.out + done.err
    assert done.out.count("(set)") == 3
