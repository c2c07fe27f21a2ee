"""Texts and paths on the command line that are not UTF-8."""

from __future__ import annotations

import pytest

from tests.cli.command_table import EVAL, Row, prepared, run
from tests.cli.conftest import Shell

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return prepared(tmp_path_factory.mktemp("shell"))


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (("query", "caf\udce9"), "TEXT"),
        (("query", "x", "--where", "title = '\udce9'"), "--where"),
        (("query", "x", "--task", "\udce9"), "--task"),
        (("add", "caf\udce9"), "TEXT"),
        (("add", "x", "--id", "\udce9"), "--id"),
        (("add", "x", "--meta", "k=\udce9"), "--meta"),
        (("forget", "--where", "id = '\udce9'"), "--where"),
        (("models", "show", "minilm", "--query", "\udce9"), "--query"),
        (("eval", "--fail-under", "\udce9"), "--fail-under"),
    ],
    ids=lambda v: ascii(v)[:30],
)
def test_a_text_that_is_not_utf8_is_refused(
    ready: Shell, args: tuple[str, ...], option: str
) -> None:
    done = run(ready, Row(args))
    assert done.returncode == 2
    assert f"'{option}': ".encode() in done.stderr
    assert rb"\xe9" in done.stderr
    assert b"is not UTF-8" in done.stderr


def test_paths_may_be_any_bytes(ready: Shell) -> None:
    (ready.folder / "d\udce9").mkdir(exist_ok=True)
    ready.write("d\udce9/q\udce9.jsonl", '{"_id": "q1", "text": "money back"}\n')
    (ready.folder / "d\udce9/plain.md").write_text("coffee")
    args = [a.replace("q.jsonl", "d\udce9/q\udce9.jsonl") for a in EVAL]
    report = ("--report", "d\udce9/r\udce9.json", "--save-run", "d\udce9/run")
    assert run(ready, Row((*args, *report))).returncode == 0
    assert (ready.folder / "d\udce9/r\udce9.json").exists()
    for refused in (("index", "docs", "--index", "d\udce9"), ("index", "none\udce9")):
        done = run(ready, Row(refused))
        assert done.returncode == 2
        assert rb"\udce9" in done.stderr
