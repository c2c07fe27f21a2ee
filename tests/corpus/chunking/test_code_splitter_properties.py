"""Code that is none: whatever the text, however deep, it is covered, it fits, and in time."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qembed.corpus import Chunker
from qembed.corpus.chunking import grammars
from qembed.corpus.chunking.code_splitter import MAX_NESTED, MAX_SYMBOL, Source
from qembed.models.templates import passage_text
from qembed.types import Document
from tests.corpus.counts import COUNTS, Kind, check, chunker
from tests.corpus.languages import LANGUAGES, unmarked

pytest.importorskip("tree_sitter")


def rendered(title: str, text: str, label: str = "") -> str:
    return passage_text("{text}", "title headings text", title, text, label)


TOKENS = (
    "class def fn func { } ( ) [ ] ; : => \n \t #if #endif // /* */ \" ' ` <? ?> <?php @ # = end do "
    "case namespace impl template < > struct type é 🧺 \u0301 \r \0 \x0b \u2028"
)
pieces = st.sampled_from([*TOKENS.split(" "), " ", "\n\n", "    ", "name"])
arbitrary = st.lists(pieces | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)).map(
    "".join
)
quick = settings(deadline=2000, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Real source, cut, shuffled, torn, or repeated in itself."""
    text = unmarked(LANGUAGES[draw(st.sampled_from(sorted(LANGUAGES)))]).text
    for _ in range(draw(st.integers(1, 3))):
        a, b = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        match draw(st.integers(0, 4)):
            case 0:
                text = text[:a] + text[b:]
            case 1:
                lines = text.splitlines(keepends=True)
                random.Random(a).shuffle(lines)
                text = "".join(lines)
            case 2:
                data = bytearray(text.encode())
                for _ in range(1 + b % 20):
                    if data:
                        data[random.Random(a).randrange(len(data))] = b % 256
                text = data.decode("utf-8", "replace")
            case 3:
                text = text[:a] + draw(arbitrary) + text[a:]
            case 4:
                text = text[:b] * (1 + a % 5) + text[a:]
    return text[:8000]


@settings(quick, max_examples=150)
@given(
    text=arbitrary | mutated() | mutated(),
    suffix=st.sampled_from([".py", ".js", ".cpp", *LANGUAGES]),
    title=st.sampled_from(["", "Title", "中文标题 " * 9]),
    kind=st.sampled_from(["minilm", "bytes", "chars"]),
    max_tokens=st.sampled_from([40, 64]),
    labelled=st.booleans(),
)
@example(
    text="}    }[\n    // One thing o name it goes.\nu",
    suffix=".js",
    title="",
    kind="bytes",
    max_tokens=40,
    labelled=False,
)  # a passage ends with an opening bracket
@pytest.mark.slow
def test_whatever_the_source(
    text: str, suffix: str, title: str, kind: Kind, max_tokens: int, labelled: bool
) -> None:
    c = chunker(kind, max_tokens, render=rendered, labelled=labelled)
    document = Document("a" + suffix, text, title)
    passages = c.split(document)
    check(document, passages, kind)
    title = c.fit_title(title)
    for p in passages:
        label = c.fit_label(title, p.label) if labelled else ""
        assert COUNTS[kind](rendered(title, p.text, label)) <= max_tokens
        assert len(p.symbol) <= MAX_SYMBOL
    for before, after in pairwise(passages):
        assert before.end <= after.start  # nothing twice


@settings(quick, max_examples=100)
@given(text=arbitrary | mutated(), suffix=st.sampled_from(sorted(LANGUAGES)))
@pytest.mark.slow
def test_pieces_cover_a_source_without_gaps(text: str, suffix: str) -> None:
    source = Source(text, grammars.language(suffix))
    found = list(source.pack(50, lambda a, b: b - a, lambda a, b, _: b - a <= 50))
    assert [p.start for p in found[1:]] == [p.end for p in found[:-1]]
    if text:
        assert (found[0].start, found[-1].end) == (0, len(text))
    assert all(p.end - p.start <= 50 for p in found if p.whole)


NESTS = {
    "brackets.js": ("(", ""),
    "braces.cpp": ("{", ""),
    "classes.cpp": ("class A {\n", ""),
    "functions.js": ("function a(){", "}"),
    "modules.rs": ("mod a {", "}"),
    "namespaces.ts": ("namespace A {", "}"),
    "branches.c": ("#elif B\nint f(void) { return 1; }\n", ""),
    "arrows.js": ("const a = () => ", ""),
    "decorators.py": ("@a\n", ""),
    "joined.py": ("def f(): pass\n", ""),
    "heredocs.sh": ("cat <<A\n", ""),
}


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.slow
def test_time_grows_with_length_not_depth(name: str) -> None:
    def seconds(length: int) -> float:
        left, right = NESTS[name]
        n = length // len(left + right)
        document = Document(name, "#if A\n" * (name == "branches.c") + left * n + right * n)
        c = Chunker(kind="auto", max_tokens=64, overlap=0, count=lambda t: len(t) // 4)
        began = time.process_time()
        passages = c.split(document)
        took = time.process_time() - began
        assert sum(len(p.text) for p in passages) > 0.8 * len(document.text) - 100
        return took

    short, long = min(seconds(10_000) for _ in range(2)), min(seconds(40_000) for _ in range(2))
    assert long < 8 * short + 0.1  # four times the text; its square would be sixteen


def test_what_is_nested_too_deep_is_still_cut() -> None:
    depth = 3 * MAX_NESTED
    text = "".join(f"function f{i}() {{\n" for i in range(depth)) + "}" * depth
    document = Document("a.js", text)
    passages = chunker("minilm", 64).split(document)
    check(document, passages)
    assert passages[0].symbol.startswith("f0.f1.f2.f3.")
    assert {p.symbol[:12] for p in passages} == {"f0.f1.f2.f3."}
