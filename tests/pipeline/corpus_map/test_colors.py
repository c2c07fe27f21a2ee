"""Colours by the types of values."""

from __future__ import annotations

from qembed.pipeline.corpus_map.colors import NONE, STEPS, day_of, metadata_values, typed


def test_numbers_and_dates_are_ramps() -> None:
    numbers = typed("year", [2000, None, 2010.0, 2005, float("inf"), 10**400])
    assert numbers is not None
    assert (numbers.kind, numbers.least, numbers.most) == ("number", 2000, 2010)
    assert numbers.bytes.tolist() == [0, NONE, STEPS, STEPS // 2, NONE, NONE]
    days = typed("day", ["2026-01-01", "2026-01-11T10:00:00Z", "2026-01", None])
    assert days is not None
    assert (days.kind, days.most - days.least) == ("date", 10)
    assert days.bytes.tolist() == [0, STEPS, 0, NONE]
    assert (day_of("1970-01-02"), day_of("2026-13-01"), day_of("2026-02-30")) == (1, None, None)


def test_texts_are_categories_the_commonest_first() -> None:
    found = typed("lang", ["de", "en", "en", None, ["fr", "en"], []])
    assert found is not None
    assert (found.kind, list(found.labels)) == ("category", ["en", "de", "fr"])
    assert found.bytes.tolist() == [1, 0, 0, NONE, 2, NONE]
    flags = typed("draft", [True, False, True])
    assert flags is not None
    assert list(flags.labels) == ["true", "false"]
    many = typed("tag", [f"t{i // 2}" for i in range(60)])
    assert many is not None
    assert many.labels[-1] == "other (18)"
    assert set(many.bytes.tolist()) == set(range(13))


def test_what_tells_nothing_has_no_colour() -> None:
    assert typed("same", ["a", "a", None]) is None
    assert typed("name", [f"n{i}" for i in range(20)]) is None
    assert typed("one", [7, 7]) is None
    assert typed("none", [None, None]) is None


def test_fields_of_objects_have_dotted_names() -> None:
    found = metadata_values([{"a": 1}, {"b": {"c": "x"}}, {}, {"a": 2}])
    assert found == {"a": [1, None, None, 2], "b.c": [None, "x", None, None]}
