"""Stems by script: how many forms of a word meet, which words stay apart, and what holds for any spelling."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.search.lexical.analyzer import is_stop, spans, terms_of
from qembed.search.lexical.query import parse_query
from tests.search.lexical.indexes import build

FAMILIES = Path(__file__).with_name("families.txt")
"""By language: the forms of a word a line, then pairs of words that must stay apart."""
MEASURED = {
    "Russian": (224, 19),
    "Ukrainian": (34, 2),
    "Bulgarian": (27, 2),
    "Serbian": (40, 4),
    "Greek": (101, 10),
    "Hindi": (91, 25),
    "Marathi": (4, 0),
    "Nepali": (0, 0),
    "Tamil": (52, 2),
    "Arabic": (125, 6),
    "Persian": (20, 6),
    "Urdu": (1, 1),
}
"""By language: forms that meet the first of their line, at least, and pairs that collapse, at most."""


def words_of(language: str) -> tuple[list[list[str]], list[list[str]]]:
    """Families and pairs of a language."""
    part = FAMILIES.read_text("utf-8").split(f"[{language}]\n")[1].split("\n[")[0]
    families, _, pairs = part.partition("apart:\n")
    return (
        [line.split() for line in families.splitlines() if line],
        [pair.split() for pair in re.split("[;\n]", pairs) if pair.strip()],
    )


@pytest.mark.parametrize("language", MEASURED)
def test_forms_meet_and_other_words_stay_apart(language: str) -> None:
    families, pairs = words_of(language)
    meet = [f for forms in families for f in forms[1:] if terms_of(f)[0] == terms_of(forms[0])[0]]
    collapsed = [(a, b) for a, b in pairs if terms_of(a) == terms_of(b)]
    assert len(meet) >= MEASURED[language][0]
    assert len(collapsed) <= MEASURED[language][1], collapsed


@pytest.mark.parametrize("language", MEASURED)
def test_a_word_is_one_term_in_any_spelling(language: str) -> None:
    families, pairs = words_of(language)
    for word in {w for words in (*families, *pairs) for w in words}:
        terms = terms_of(word)
        assert terms == terms_of(unicodedata.normalize("NFD", word)), word
        assert terms == terms_of(unicodedata.normalize("NFC", word)), word
        assert terms == terms_of(word.upper()) == terms_of(word.title()), word


LETTERS = ("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћђџ", "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώϊϋ")
LETTERS += ("कखगजफडढतदनपबमयरलवशसह़ािीुूेैोौंँ्", "كتابالسيرةونهاأإآؤئىپکگیہے")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(LETTERS).flatmap(lambda a: st.text(a, min_size=1, max_size=12)))
@pytest.mark.slow
def test_letters_in_any_order_are_a_word_in_any_spelling(word: str) -> None:
    terms = terms_of(word)
    assert terms == terms_of(unicodedata.normalize("NFD", word))
    assert terms == terms_of(unicodedata.normalize("NFC", word))
    assert terms == terms_of(word.upper())


PASSAGES = {
    "возврат товара": "Условия: возвраты купленных товаров принимает любой магазин",
    "επιστροφή προϊόντος": "Οι επιστροφές των προϊόντων γίνονται στο κατάστημα",
    "كتاب المعلم": "اشترى الطالب الكتاب من معلمين في السوق",
    "किताब की कीमत": "सभी किताबों पर नई कीमतें लिखी हैं",
    "புத்தகம் விலை": "புத்தகங்கள் கடையில் புதிய விலையில் உள்ளன",
    "running shop": "The shops run all day",
}
"""A query in other forms than its passage has."""


def test_a_query_in_one_form_finds_a_passage_in_another(tmp_path: Path) -> None:
    index = build(tmp_path, list(PASSAGES.values()))
    for i, query in enumerate(PASSAGES):
        assert index.search(query, 5)[0].tolist() == [i], query
    for words, other in (("купленный товар", "товары купленным"), ("किताब पर", "पर किताब")):
        assert len(index.search(f'"{words}"', 5)[0]) == 1
        assert len(index.search(f'"{other}"', 5)[0]) == 0


def test_the_forms_are_marked_in_the_text() -> None:
    text = "Возвраты това\xadров, возвратный; إرجاع المنتجات"
    found = [text[a:b] for a, b in spans(text, {*terms_of("возврат товара منتج")})]
    assert found == ["Возвраты", "това\xadров", "المنتجات"]


def test_mixed_scripts_and_digits_are_no_words_of_a_language() -> None:
    assert terms_of("возвратами1")[0] == "возвратами1"
    assert terms_of("cмартфонами") == ["cмартфонами"]  # the first letter is Latin
    assert terms_of("ქალაქების") == ["ქალაქების"]  # no stemmer for the script


def test_function_words_do_not_count() -> None:
    assert parse_query("как мне вернуть этот товар").terms == tuple(terms_of("вернуть товар"))
    assert parse_query("πώς είναι η επιστροφή").terms == tuple(terms_of("επιστροφή"))
    assert parse_query("ما هو سعر المنتج").terms == ("سعر", "منتج")
    assert parse_query("किताब की कीमत क्या है").terms == tuple(terms_of("किताब कीमत"))
    assert not is_stop(terms_of("имя")[0])
    assert not is_stop(terms_of("Аня")[0])
