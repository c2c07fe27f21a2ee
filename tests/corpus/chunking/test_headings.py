"""What is encoded with `--headings`: title, headings, text, in that order; and who hears of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.models.templates import passage_text
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.store.manifest import PROBE_TEXTS
from qembed.types import Document
from tests.cli.conftest import Shell
from tests.corpus.chunking.markdown_lines import LINES
from tests.corpus.counts import COUNTS, check, chunker, minilm
from tests.corpus.languages import LANGUAGES, unmarked
from tests.encoders import Bag

SEEN: list[str] = []
RECORDER = "py:tests.corpus.chunking.test_headings:recorder"


class Recorder(Bag):
    """Keeps the texts that it was given, and counts with a real tokenizer."""

    name = "recorder"
    tokenizer = minilm()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        SEEN.extend(texts)
        return super().encode(texts)


def recorder() -> Recorder:
    return Recorder()


GUIDE = (
    "# Guide\n\nWhat it is about.\n\n## Refunds\n\nMoney comes back within five days.\n\n### Deadlines\n\n"
    + "A late parcel is one that came after the day that was said when it was bought. " * 6
    + "\n\n## Guide\n\nHow to read this one, if anybody wants to know it before the end.\n"
)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    SEEN.clear()
    folder = tmp_path / "work"
    folder.mkdir()
    shell = Shell(folder)
    monkeypatch.setattr(
        shell, "env", lambda **more: Shell.env(shell, QEMBED_MODEL=RECORDER, **more)
    )
    shell.write("docs/guide.md", GUIDE)
    shell.write("docs/a.py", unmarked(LANGUAGES[".py"]).text)
    records = [
        {"_id": "r.md", "title": "Record", "text": GUIDE},
        {"_id": "p", "text": "Plain words."},
    ]
    shell.write("docs/r.jsonl", "\n".join(json.dumps(r) for r in records))
    return shell


def encoded(folder: Path, **options: Any) -> list[str]:
    """What an index of the documents had its encoder encode."""
    SEEN.clear()
    made = RecipeOptions(model=RECORDER, max_tokens=48, overlap=0, **options)
    done = build(folder / "index", IndexOptions(paths=[str(folder / "docs")], recipe=made))
    assert done.passages["truncated"] == 0
    return [t for t in SEEN if t not in PROBE_TEXTS]


def test_title_headings_and_text_come_in_that_order(shell: Shell) -> None:
    texts = encoded(shell.folder, headings=True)
    assert max(COUNTS["minilm"](t) for t in texts) <= 48
    own, record = (
        [t for t in texts if t.startswith(title) or t.startswith(f"# {title}")]
        for title in ("Guide", "Record")
    )
    # the document's title is its first heading, which is said once
    assert any(t.startswith("# Guide\n\nWhat it is about.") for t in own)
    assert any(t.startswith("Guide > Refunds > Deadlines A late parcel") for t in own)
    assert all(t.split(" A late")[0].count("Refunds") <= 1 for t in own)
    # a record's title is not
    assert any(t.startswith("Record # Guide\n\nWhat it is about.") for t in record)
    assert any(t.startswith("Record > Guide > Refunds > Deadlines A late parcel") for t in record)
    assert sum("Plain words." in t for t in texts) == texts.count("Plain words.") == 1


def test_names_stand_in_front_of_code(shell: Shell) -> None:
    texts = encoded(shell.folder, headings=True)
    assert any(t.startswith("Basket.total # The sum of it all.\n    @property") for t in texts)
    assert any(t.startswith("Basket.Line     class Line:") for t in texts)
    assert "Basket.total return sum(p for p in self.prices) * (1 + RATE)" in texts
    assert max(COUNTS["minilm"](t) for t in texts) <= 48


def test_without_headings_only_the_title_is_in_front(shell: Shell) -> None:
    texts = encoded(shell.folder)
    assert any(t.startswith("Guide A late parcel") for t in texts)
    assert not any(t.startswith("Guide >") for t in texts)
    assert any(t.startswith("Record A late parcel") for t in texts)
    assert not any(t.startswith("Basket.") for t in texts)
    assert any(t.startswith("async def add(") for t in texts)


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(st.sampled_from([*LINES, "# " + "long heading " * 12]), max_size=25),
    title=st.sampled_from(["", "One", "Title of it", "many words " * 20]),
    max_tokens=st.sampled_from([32, 64]),
    template=st.sampled_from(["{text}", "title: {title} | text: {text}"]),
)
@pytest.mark.slow
def test_whatever_stands_in_front_fits(
    lines: list[str], title: str, max_tokens: int, template: str
) -> None:
    def render(title: str, text: str, label: str = "") -> str:
        return passage_text(template, "title headings text", title, text, label)

    document = Document("a.md", "\n".join(lines), title)
    c = chunker("minilm", max_tokens, render=render, labelled=True)
    passages = c.split(document)
    check(document, passages)
    short = c.fit_title(title)
    for p in passages:
        label = c.fit_label(short, p.label)
        assert p.label.endswith(label)  # the nearest headings stay
        finished = render(short, p.text, label)
        assert COUNTS["minilm"](finished) <= max_tokens
        assert p.text.strip() in finished


def test_an_index_is_made_one_way_or_the_other(shell: Shell) -> None:
    assert shell("index", "docs", "--headings").code == 0
    assert shell("index", "docs").code == 0  # not said: as it was made
    assert shell("index", "docs", "--headings").code == 0
    refused = shell("index", "docs", "--no-headings")
    assert refused.code == 2
    assert "made with --headings (asked for: --no-headings)" in refused.err
    assert shell("index", "docs", "--no-headings", "--rebuild").code == 0
    refused = shell("index", "docs", "--headings")
    assert refused.code == 2
    assert "made with --no-headings (asked for: --headings)" in refused.err
    assert "--rebuild" in refused.err


@pytest.mark.parametrize("option", ["--headings", "--no-headings"])
def test_results_say_where_they_stand(shell: Shell, option: str) -> None:
    made = shell("index", "docs", option, "--max-tokens", "48", "--overlap", "0")
    assert made.code == 0, made.err
    lines = shell("query", "money comes back", "-k", "50", "--format", "jsonl").lines
    found = {(h["document"], h["passage"]["heading"], h["passage"]["symbol"]) for h in lines}
    assert {
        ("guide.md", "Guide", ""),
        ("guide.md", "Guide > Refunds > Deadlines", ""),
        ("r.md", "Guide > Refunds > Deadlines", ""),
        ("a.py", "", "Basket.total"),
        ("a.py", "", "Basket.add"),
        ("p", "", ""),
    } <= found
    for h in lines:
        if h["passage"]["heading"]:
            assert h["passage"]["heading"].startswith("Guide")
    shown = shell("query", "late parcel that came after the day", "-k", "3", "--format", "text").out
    assert "Guide > Refunds > Deadlines" in shown
