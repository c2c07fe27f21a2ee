"""Text to terms: by example what is promised, by property what must hold for any text."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.search.lexical.analyzer import characters_of, is_lone, is_stop, spans, terms_of
from qembed.search.lexical.query import parse_query, scripts_of


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("getUserName(x)", ["getusernam", "get", "user", "name", "x"]),
        ("get_user_name", ["getusernam", "get", "user", "name"]),
        ("XMLHttpRequest", ["xmlhttprequest", "xml", "http", "request"]),
        ("error E-1042", ["error", "e1042", "e", "1042"]),
        ("E1042", ["e1042", "e", "1042"]),
        ("v1.2.3", ["v1.2.3", "v", "1", "2", "3"]),
        ("on 2026-01-05", ["on", "2026-01-05", "2026", "01", "05"]),
        ("1,000,000 1000000", ["1000000", "1000000"]),
        ("C++ or C#", ["c++", "c", "or", "c#", "c"]),
        ("e-mail email", ["email", "e", "mail", "email"]),
        ("The runner’s running dogs' tails", ["the", "runner", "run", "dog", "tail"]),
        ("l'eau", ["leau", "l", "eau"]),
        ("Cafés CAFÉ cafe", ["cafe", "cafe", "cafe"]),
        ("Straße", ["strass"]),
        ("мой и мои, ещё ЕЩЕ", ["мо", "и", "мо", "ещ", "ещ"]),
        ("退款政策 iPhone15手机", ["退款", "款政", "政策", "iphone15", "i", "phone", "15", "手机"]),
        ("ｶﾞｷﾞ がぎ", ["ガギ", "がぎ"]),
        ("한국어를", ["한국", "국어", "어를"]),
        ("हिन्दी भाषा", ["हिन्द", "भाष"]),
        ("ＡＢＣ ﬁne", ["abc", "fine"]),
        ("税", ["税"]),
        ("re\xadfund infor\xad\nma\xad\r\n  tion", ["refund", "inform"]),
        ("super\u200bcali \ufeffa\u2060b Zu\u200dsam\u200cmen", ["supercali", "ab", "zusammen"]),
        # alef with hamza, madda, wasla; hamza carriers; taa marbuta; kaf and yaa; marks and tatweel
        ("أحمد إحمد آحمد ٱحمد احمد", ["احمد"] * 5),
        ("مؤمن مومن شئ شي", ["مومن", "مومن", "شي", "شي"]),
        ("مدرسة مدرسه خانهٔ خانه", ["مدرس", "مدرس", "خانه", "خانه"]),
        ("کتاب كتاب علی على علي", ["كتاب", "كتاب", "علي", "علي", "علي"]),
        ("مُحَمَّد محمد كـــتاب", ["محمد", "محمد", "كتاب"]),
        ("می‌خواهم", ["ميخواهم", "مي", "خواهم"]),
        ("میخواهم می خواهم", ["ميخواهم", "مي", "خواهم"]),
        ("क्‍ष क्ष", ["क्ष", "क्ष"]),
        ("۱۲۳ ١٢٣ १२३ ١٬٠٠٠ ٣٫٥", ["123", "123", "123", "1000", "3.5", "3", "5"]),
        ("🙂 … !? -- _ ' \u200b", []),
    ],
)
def test_what_becomes_of_words(text: str, terms: list[str]) -> None:
    assert terms_of(text) == terms


def test_english_stems_leave_other_alphabets_alone() -> None:
    for word in ("пингс", "παίζοντας", "हिंदी", "ગુજરાતી"):
        assert len(terms_of(word)) == 1
    assert terms_of("running")[0] == "run"
    assert terms_of("mp3s") == ["mp3s", "mp", "3", "s"]  # a code is no plural


ANY = st.text(max_size=60) | st.text("aB1_-.'’ \"#+é退款ｶﾞはกा\u0301\u0600ﷺͺ½🙂,", max_size=40)


@settings(max_examples=400, deadline=None)
@given(ANY, ANY)
@pytest.mark.slow
def test_terms_stand_between_spaces_and_do_not_depend_on_what_is_around(a: str, b: str) -> None:
    terms = terms_of(a)
    assert all(t and not any(c.isspace() for c in t) for t in terms)
    # a line break with words around it divides: what stands beside changes nothing, so phrases hold
    assert terms_of(f"{a} \n {b}") == [*terms, *terms_of(b)]
    assert terms_of(f"{a} \n é退") == [*terms, "e", "退"]


@settings(max_examples=300, deadline=None)
@given(st.text("aB1_-.,'+# 0", max_size=40))
@pytest.mark.slow
def test_ascii_has_its_own_way_to_the_same_terms(text: str) -> None:
    assert [*terms_of(text), "ete"] == terms_of(f"{text} été")


@settings(max_examples=300, deadline=None)
@given(ANY)
@pytest.mark.slow
def test_equal_texts_for_unicode_are_equal_texts(text: str) -> None:
    decomposed = unicodedata.normalize("NFKC", text)
    assert set(terms_of(unicodedata.normalize("NFC", text))) <= {
        *terms_of(text),
        *terms_of(decomposed),
    }


@settings(max_examples=300, deadline=None)
@given(st.text("abcdE 退款政策.-", max_size=40), st.data())
@pytest.mark.slow
def test_spans_hold_the_terms(text: str, data: st.DataObject) -> None:
    terms = terms_of(text)
    wanted = set(data.draw(st.lists(st.sampled_from(terms), max_size=3))) if terms else {"x"}
    found = spans(text, wanted)
    assert all(0 <= a < b <= len(text) for a, b in found)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))
    inside = {t for a, b in found for t in terms_of(text[a:b])}
    assert wanted <= inside | {"x"}


def test_spans_point_into_the_text_as_it_was_written() -> None:
    text = "ﬁne ＣＡＦÉ: the re\xad\nfunds 退款政策 مدرسة"
    found = [text[a:b] for a, b in spans(text, {"cafe", "refund", "款政", "مدرس"})]
    assert found == ["ＣＡＦÉ", "re\xad\nfunds", "款政", "مدرسة"]


def test_lone_characters() -> None:
    assert characters_of("a税b務 가") == ["税", "務", "가"]
    assert is_lone("税")
    assert not is_lone("a")
    assert not is_lone("é")


class TestQueries:
    @pytest.mark.parametrize(
        "text", ["", "the of a", "什么 的", "🙂🙂", "?!", '"', "- --", '""', "“”"]
    )
    def test_nothing_to_look_for(self, text: str) -> None:
        assert not parse_query(text)

    def test_stop_words_are_left_out_but_not_of_phrases(self) -> None:
        assert parse_query("what is the refund policy").terms == ("refund", "polici")
        words = parse_query('"to be or not to be" hamlet')
        assert words.phrases == (("to", "be", "or", "not", "to", "be"),)
        assert words.terms == ("hamlet",)
        assert is_stop("the")
        assert not is_stop("refund")

    def test_a_minus_excludes_only_where_it_is_meant(self) -> None:
        assert parse_query("apple -pie").without == (("pie",),)
        assert parse_query('apple -"red pie"').without == (("red", "pie"),)
        assert parse_query("苹果 -手机").without == (("手机",),)
        for text in (
            "e-mail",
            "E-1042",
            "-5 degrees",
            "tar -x file",
            "a - b",
            "--force it",
            "-pie",
        ):
            assert parse_query(text).without == (), text

    def test_quotes_need_a_partner(self) -> None:
        assert parse_query('5" screen').phrases == ()
        assert parse_query('say "hello world').phrases == ()
        assert parse_query("如何“重置密码”").phrases == (("重置", "置密", "密码"),)
        # of a word with a hyphen the whole, which is a term of `e-mail` and of `email`
        assert parse_query('"e-mail"').phrases == (("email",),)
        assert parse_query('"an e-mail"').phrases == (("an", "email", "e", "mail"),)
        assert parse_query('"E-1042"').phrases == (("e1042", "e", "1042"),)

    @settings(max_examples=400, deadline=None)
    @given(ANY)
    @pytest.mark.slow
    def test_any_text_is_a_query(self, text: str) -> None:
        words = parse_query(text)
        for part in (words.terms, *words.phrases, *words.without):
            assert all(part)


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("hello", {"Latin": 5}),
        ("退款退 ok", {"Han": 3, "Latin": 2}),
        ("привет", {"Cyrillic": 6}),
        ("12 🙂", {}),
        ("12 !", {}),
        ("がぎ", {"Hiragana": 2}),
        ("é1é", {"Latin": 2}),
    ],
)
def test_scripts(text: str, scripts: dict[str, int]) -> None:
    assert scripts_of(text) == scripts


@given(st.lists(st.sampled_from(["get", "User", "HTTP", "a"]), min_size=1, max_size=5), st.data())
def test_a_hyphen_of_ascii_joins_as_that_of_unicode(parts: list[str], data: st.DataObject) -> None:
    joined = parts[0]
    for part in parts[1:]:
        joined += data.draw(st.sampled_from(["-", ".", "_", "__"])) + part
    assert terms_of(joined) == terms_of(joined.replace("-", "\u2010"))
