"""What the text output shows of a passage: its best sentence, and on a terminal the words that matched."""

from __future__ import annotations

from typing import Any

import pyte
import pytest

from tests.cli.conftest import Filled, Shell
from tests.cli.imports import imported
from tests.cli.terminal import on_terminal
from tests.encoders import Bag
from tests.stub import Handler, serving

TEXT = (
    "A sentence before. The lockéd accounts open again, \x1b[31m locked\x1b[0m or not. It goes on\n"
    "a little longer.\n\nAnother paragraph.\n"
)
ASKED = "the accounts open again or not, locking"
BEST = "The lockéd accounts open again"


@pytest.fixture
def locks(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        shell.write("docs/locks.txt", TEXT)
        shell.write("docs/other.txt", "Parcels are late. Accounts are kept by the accountant.\n")
        shell.old()
        assert shell("index", "docs").code == 0

    return filled(index)


def marked(screen: pyte.Screen) -> list[str]:
    """The runs of red on the screen."""
    runs, last = [], None
    for y in range(screen.lines):
        for x in range(screen.columns):
            c = screen.buffer[y][x]
            if c.fg == "red":
                assert c.bold
                if last == (y, x - 1):
                    runs[-1] += c.data
                else:
                    runs.append(c.data)
                last = (y, x)
    return runs


@pytest.mark.slow
def test_matched_words_are_marked_and_the_paragraph_goes_on(locks: Shell) -> None:
    screen, sent = on_terminal(locks, "query", ASKED, "-k", "1")
    assert marked(screen) == ["lockéd", "accounts", "open", "locked"]
    shown = " ".join(" ".join(screen.display).split())
    assert f"{BEST}, ␛[31m locked␛[0m or not. It goes on a little longer." in shown
    assert "Another" not in shown
    assert "A sentence before" not in shown
    assert b"\x1b[2m It goes on" in sent  # pyte knows no faint


@pytest.mark.slow
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_no_marks(locks: Shell, env: dict[str, str]) -> None:
    screen, sent = on_terminal(locks, "query", ASKED, "-k", "1", **env)
    assert not marked(screen)
    assert BEST in " ".join(screen.display)
    assert "It goes on" not in " ".join(screen.display)
    assert b"\x1b[2m It" not in sent


@pytest.mark.slow
def test_off_a_terminal_there_is_the_sentence_alone(locks: Shell) -> None:
    done = locks.process("query", ASKED, "-k", "1", "--no-server")
    assert "\x1b" not in done.out
    head, *body = done.out.splitlines()
    assert head.split()[2] == "docs/locks.txt:1"
    assert body == [" " * 11 + f"{BEST}, ␛[31m locked␛[0m or not."]
    forced = locks.process("query", ASKED, "-k", "1", FORCE_COLOR="1")
    assert forced.out.splitlines()[1:] == body


@pytest.mark.slow
def test_by_words_no_model_is_loaded(locks: Shell) -> None:
    """Not even the code of the index's model: it is `py:tests.encoders:bag`."""
    found = imported(locks, "query", "locked accounts", "--mode", "lexical")
    assert not found & {"onnxruntime", "torch", "transformers", "tokenizers", "tests"}
    assert "tests" in imported(locks, "query", "locked accounts")
    done = locks("query", "locked accounts", "--mode", "lexical")
    assert BEST in done.out.splitlines()[1]


def test_by_words_the_sentence_with_the_rarest_words(shell: Shell) -> None:
    for i in range(9):
        shell.write(f"docs/{i}.txt", f"The account number {i}.\n")
    shell.write(
        "docs/x.txt", "Your account is an account. Zebras live here. Account of accounts.\n"
    )
    shell("index", "docs")
    done = shell("query", "an account of zebras", "--mode", "lexical", "-k", "1")
    assert done.out.splitlines()[1].strip() == "Zebras live here."
    none = shell("query", '"number 3"', "--mode", "lexical")
    assert none.out.splitlines()[1].strip() == "The account number 3."


@pytest.mark.parametrize("mode", ["auto", "dense", "hybrid"])
def test_a_query_is_encoded_once(locks: Shell, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    calls: list[list[str]] = []
    encode = Bag.encode

    def counted(self: Bag, texts: Any) -> Any:
        calls.append(list(texts))
        return encode(self, texts)

    monkeypatch.setattr(Bag, "encode", counted)
    assert BEST in locks("query", "locked accounts", "--mode", mode).out
    assert [c for c in calls if "locked accounts" in c] == [["locked accounts"]]
    assert len(calls) == 2  # the query, and all sentences at once


@pytest.mark.slow
def test_a_model_that_fails_costs_the_nearest_sentence_and_no_answer(shell: Shell) -> None:
    def fails(handler: Handler, body: dict[str, Any]) -> bool:
        if "A sentence before." not in body["input"]:
            return False
        handler.answer({"error": {"message": "too much for me"}}, 400)
        return True

    with serving() as server:
        shell.write("docs/locks.txt", TEXT)
        model = f"{server.base}#bag"
        assert shell("index", "docs", QEMBED_MODEL=model).code == 0
        whole = shell("query", "locked accounts", QEMBED_MODEL=model)
        server.always = fails
        done = shell("query", "locked accounts", QEMBED_MODEL=model)
    assert (done.code, done.err) == (0, whole.err)
    assert done.out.splitlines()[0] == whole.out.splitlines()[0]
    assert BEST in done.out
    assert any("A sentence before." in b["input"] for b in server.bodies)
