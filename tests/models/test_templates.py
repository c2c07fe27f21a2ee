"""The text that is encoded, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.models import (
    PROFILES,
    TASKS,
    Profile,
    check_template,
    passage_text,
    profile_for,
    query_text,
    resolve_task,
    takes_task,
    task_template,
)

QWEN = profile_for("Qwen/Qwen3-Embedding-0.6B")
GEMMA = profile_for("google/embeddinggemma-300m")

HOSTILE = [
    "{task}",
    "{query}",
    "{text}",
    "{title}",
    "{",
    "}",
    "{{query}}",
    "{0}",
    "%s",
    "\\1",
    "$x",
]
texts = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=5))).map("".join),
)


# ── queries ──────────────────────────────────────────────────────────────────────────────────────


def test_qwen_to_the_byte() -> None:
    got = query_text(QWEN.query, "What is the capital of China?", resolve_task(None, QWEN))
    assert got.encode() == (
        b"Instruct: Given a web search query, retrieve relevant passages that answer the query\n"
        b"Query:What is the capital of China?"
    )


def test_e5_instruct_has_the_space_that_qwen_has_not() -> None:
    profile = profile_for("intfloat/multilingual-e5-large-instruct")
    got = query_text(profile.query, "südostasien", TASKS["qa"])
    assert got == "Instruct: Given a user question, retrieve the best answer\nQuery: südostasien"


def test_chinese_bge() -> None:
    profile = profile_for("BAAI/bge-large-zh-v1.5")
    assert query_text(profile.query, "火星", None) == "为这个句子生成表示以用于检索相关文章：火星"


def test_a_template_with_a_task_that_is_given_none() -> None:
    assert query_text(QWEN.query, "q", None) == f"Instruct: {TASKS['web']}\nQuery:q"


@example("{task}", "{query}")
@example("{query}", "x")
@given(query=texts, task=texts)
def test_what_is_filled_in_is_never_looked_at(query: str, task: str) -> None:
    assert query_text(QWEN.query, query, task) == "Instruct: " + task + "\nQuery:" + query


@given(query=texts, task=texts)
def test_every_profile_leaves_the_query_as_it_is(query: str, task: str) -> None:
    for profile in PROFILES:
        before, after = profile.query.split("{query}")
        assert "{task}" not in after
        expected = task.join(before.split("{task}")) + query + after
        assert query_text(profile.query, query, task) == expected


# ── passages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("", "body", "body"),
        ("Title", "body", "Title body"),
        ("Title", "", "Title"),
        ("Title", "Title\nbody", "Title\nbody"),
        ("Title", "# Title\n\nbody", "# Title\n\nbody"),
        ("Title", "\n ## Title\nbody", "\n ## Title\nbody"),
        ("Title", "Titles are long", "Title Titles are long"),
        ("Title", "title in lower case", "Title title in lower case"),
        ("  Title  ", "Title: body", "Title: body"),
        ("火星", "火星。红色的行星", "火星。红色的行星"),
        ("", "", ""),
    ],
)
def test_title_rule(title: str, text: str, expected: str) -> None:
    assert passage_text("{text}", "title text", title, text) == expected


@given(title=texts, text=texts)
def test_title_rule_is_beirs_unless_the_text_begins_with_it(title: str, text: str) -> None:
    got = passage_text("{text}", "title text", title, text)
    if title.strip() and text.lstrip().lstrip("#").lstrip().startswith(title.strip()):
        assert got in (text, (title + " " + text).strip())
    elif "#" not in title:
        assert got == (title + " " + text).strip()


@given(title=texts, text=texts)
@pytest.mark.slow
def test_rule_none_is_the_text_alone(title: str, text: str) -> None:
    assert passage_text("{text}", "none", title, text) == text
    assert passage_text("passage: {text}", "none", title, text) == "passage: " + text


@given(title=texts, text=texts)
def test_a_template_with_a_place_for_the_title(title: str, text: str) -> None:
    got = passage_text(GEMMA.passage, "title text", title, text)
    assert got == "title: " + (title.strip() or "none") + " | text: " + text
    assert passage_text(GEMMA.passage, "none", title, text) == "title: none | text: " + text


def test_e5_passage() -> None:
    profile = profile_for("intfloat/e5-base-v2")
    assert passage_text(profile.passage, "title text", "Mars", "is red") == "passage: Mars is red"


def test_unknown_title_rule() -> None:
    with pytest.raises(
        UsageError, match=r"'title' \(known: 'title text', 'title headings text', 'none'\)"
    ):
        passage_text("{text}", "title", "a", "b")


# ── what the user may write ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "template", ["{query}", "find: {query}", '{"q": "{query}"}', "{} {query} {0}", QWEN.query]
)
def test_good_templates(template: str) -> None:
    check_template(template)


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("", ["it stands 0 times"]),
        ("find it", ["{query} must stand in it once, it stands 0 times"]),
        ("{query} {query}", ["it stands 2 times"]),
        ("{query} {b} {a}", ["unknown: {a}, {b}"]),
        ("{qeury}", ["it stands 0 times", "unknown: {qeury}"]),
        ("{text} {query}", ["unknown: {text}"]),
    ],
)
def test_bad_templates_say_all_that_is_wrong(template: str, wrong: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        check_template(template)
    message = str(caught.value)
    assert repr(template) in message
    assert all(part in message for part in wrong)
    assert message.endswith("(example: 'Instruct: {task}\\nQuery:{query}')")


@pytest.mark.parametrize(("name", "text"), TASKS.items())
def test_named_tasks(name: str, text: str) -> None:
    assert resolve_task(name, QWEN) == text


def test_no_task_is_the_profiles_own_then_web() -> None:
    assert resolve_task(None, Profile("mine", task="Find poems")) == "Find poems"
    assert resolve_task(None, Profile("mine")) == TASKS["web"]


@pytest.mark.parametrize(
    "text",
    [
        "Given a scientific claim, retrieve documents",
        "web search",
        "Search Wikipedia\n",
        "检索相关文章",
    ],
)
def test_free_text_is_a_task(text: str) -> None:
    assert resolve_task(text, QWEN) == text


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("wbe", "web"),
        ("Web", "web"),
        ("CODE", "code"),
        ("documents", "document"),
        ("memmory", "memory"),
    ],
)
def test_a_near_miss_is_an_error(typo: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"unknown task '{typo}': did you mean '{meant}'"):
        resolve_task(typo, QWEN)


@pytest.mark.parametrize("text", ["Foo", "foo", "Wikipedia", "Übersetze:", "{x}", " Foo\n", "a/b"])
def test_one_word_is_a_name_or_an_error(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"unknown task .* \(names: web, .*; else write a sentence\)"
    ):
        resolve_task(text, QWEN)


@pytest.mark.parametrize("name", ["code ", " qa", "\tweb\n"])
def test_blanks_around_a_name_do_not_count(name: str) -> None:
    assert task_template(QWEN, name) == task_template(QWEN, name.strip())
    own = Profile("mine", prompts=(("clustering", "C: "),))
    assert task_template(own, " clustering ") == ("C: {query}", None)
    assert takes_task(own, "clustering\n")


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_task_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"empty task .* web, memory, document, code, qa"):
        resolve_task(text, QWEN)
