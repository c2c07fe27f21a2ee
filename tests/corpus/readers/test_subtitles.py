"""Subtitles: each word told once however captions roll, every speaker findable."""

from __future__ import annotations

import pytest

from qembed.corpus.readers.subtitles import subtitles


def srt(*cues: str, gap: float = 0.0) -> str:
    """SubRip with a cue a second, `gap` seconds between them."""
    parts = []
    for n, cue in enumerate(cues):
        at = n * (1 + gap)
        times = f"00:00:{at:06.3f} --> 00:00:{at + 1:06.3f}".replace(".", ",")
        parts.append(f"{n + 1}\n{times}\n{cue}\n")
    return "\n".join(parts)


def vtt(*cues: str) -> str:
    times = [f"00:{n:02}.000 --> 00:{n + 1:02}.000" for n in range(len(cues))]
    return "WEBVTT\n\n" + "\n\n".join(f"{t}\n{c}" for t, c in zip(times, cues, strict=True))


@pytest.mark.parametrize(
    ("cues", "told"),
    [
        # rolls by lines
        (["one two", "one two\nthree", "three\nfour"], "one two\nthree\nfour"),
        (["a\nb", "a\nb", "b\nc"], "a b\nc"),
        # grows by words
        (["I", "I think", "I think so."], "I think so."),
        (["a line", "a line\nmore", "a line\nmore words"], "a line\nmore words"),
        # rolls by words
        (["the quick brown fox", "quick brown fox jumps"], "the quick brown fox jumps"),
        # what is said again is said again, two cues later
        (["No.", "Why?", "No."], "No.\nWhy?\nNo."),
        (["Hi Ann", "Hi Bob"], "Hi Ann\nHi Bob"),
    ],
)
def test_rolling_captions_are_told_once(cues: list[str], told: str) -> None:
    assert subtitles(srt(*cues)).text == told
    assert subtitles(vtt(*cues)).text == told


def test_words_after_a_pause_are_new() -> None:
    assert subtitles(srt("Good", "Good morning", gap=5)).text == "Good\nGood morning"


def test_captions_as_youtube_makes_them() -> None:
    text = (
        "WEBVTT\nKind: captions\nLanguage: en\n\n"
        "00:00.000 --> 00:02.000 align:start\n \nhello<00:00:00.500><c> world</c>\n\n"
        "00:02.000 --> 00:02.010\nhello world\n \n\n"
        "00:02.010 --> 00:04.000\nhello world\nnext<00:00:02.500><c> words</c>\n\n"
        "00:04.000 --> 00:04.010\nnext words\n \n"
    )
    assert subtitles(text).text == "hello world\nnext words"


def test_speakers_are_named_where_they_change() -> None:
    page = subtitles(
        vtt("<v Ann Lee>Hello.</v>", "<v Ann Lee>How are you?", "<v.loud Bob &amp; Co>Fine.")
    )
    assert page.text == "Ann Lee: Hello.\nHow are you?\nBob & Co: Fine."
    assert page.meta == {"speakers": ["Ann Lee", "Bob & Co"]}
    assert subtitles(vtt("<v A>One?</v>\n<v B>Two.</v> <v A>Three.</v>")).text == (
        "A: One?\nB: Two.\nA: Three."
    )
    assert subtitles(srt("ANN: Hello.")).text == "ANN: Hello."


def test_a_line_of_another_speaker_is_no_repetition() -> None:
    page = subtitles(vtt("<v Ann>yes</v>", "<v Bob>yes\nI do</v>"))
    assert page.text == "Ann: yes\nBob: yes I do"
    assert page.meta == {"speakers": ["Ann", "Bob"]}
    rolled = subtitles(vtt("<v Ann>yes</v>", "<v Ann>yes\nI do</v>", "yes\nI do\nso"))
    assert rolled.text.replace("\n", " ") == "Ann: yes I do so"
    named_late = subtitles(vtt("yes", "<v Bob>yes\nI do</v>"))
    assert named_late.text == "yes\nBob: I do"
    assert named_late.meta == {"speakers": ["Bob"]}


def test_empty_lines_and_missing_numbers_lose_nothing() -> None:
    assert subtitles(srt("one\n\ntwo", "three")).text == "one two\nthree"
    bare = "00:00:01,000 --> 00:00:02,000\none\n00:00:02,000 --> 00:00:03,000\n1984\n\n"
    assert subtitles(bare).text == "one\n1984"
    assert subtitles("\ufeff1\r00:01,0 --> 00:02,0\rold Mac\r".lstrip("\ufeff")).text == "old Mac"


def test_comments_styles_and_names_of_cues_stay_out() -> None:
    text = (
        "WEBVTT – The talk\n\nNOTE\nnot said\n\nSTYLE\n::cue { color: red }\n\nintro\n"
        "00:01.000 --> 00:02.000\nSaid.\n\nNOTE nor this\n\n"
    )
    page = subtitles(text)
    assert (page.text, page.title) == ("Said.", "The talk")


def test_character_references_are_of_webvtt_alone() -> None:
    assert subtitles(vtt("R&amp;D")).text == "R&D"
    assert subtitles(srt("R&amp;D")).text == "R&amp;D"


@pytest.mark.parametrize(
    ("cues", "speakers"),
    [
        (("ANN: hi", "BOB: hello", "ANN: and bye"), ["ANN", "BOB"]),
        (("- ANN: hi.\n- DR. O'NEIL 2: ho", "Note: this"), ["ANN", "DR. O'NEIL 2"]),
        (("Ann Lee: hi", "Åsa: ho", "Ann Lee: bye"), ["Ann Lee"]),
        ((">> ÅSA: hi", "hi. - BOB: oh", "HTTP://X.Y: no"), ["ÅSA", "BOB"]),
        (("at 10:30: no", "Remember: x", "1: a", "a: b"), []),
    ],
)
def test_names_in_front_of_a_colon(cues: tuple[str, ...], speakers: list[str]) -> None:
    for make in (srt, vtt):
        page = subtitles(make(*cues))
        assert page.meta.get("speakers", []) == speakers
        assert page.text.split() == " ".join(cues).split()
    assert subtitles(vtt("<v Ann>BOB: said that")).meta == {"speakers": ["Ann"]}


def test_no_times_are_no_subtitles() -> None:
    with pytest.raises(ValueError, match="no line of times"):
        subtitles("just words")
    assert subtitles("").text == ""
    assert subtitles("WEBVTT\n\n00:01.000 --> 00:02.000\n").text == ""
