"""Values of a field in summaries and in messages on a value that no document has."""

from __future__ import annotations

from qembed.search.filters.field_values import FieldSummary, known_values


def summary(*values: object) -> FieldSummary:
    found = FieldSummary("note")
    for value in values:
        found.add(value)
    return found


def test_long_texts_are_counted_beside_the_others() -> None:
    found = summary("a", "a", ["b", "x" * 201], "y" * 300, "z" * 200)
    assert found.values() == [("a", 2), ("b", 1), ("z" * 200, 1)]
    assert (found.long, found.kinds["text"]) == (2, 6)
    assert found.to_json()["long"] == 2


def test_known_values_of_a_field_with_long_texts() -> None:
    found = summary("a", "b", "x" * 201)
    assert known_values("c", found.values(), found.long) == (
        "known values: 'a', 'b' and 1 text of more than 200 characters"
    )
    only = summary("x" * 201, "y" * 201)
    assert known_values("c", only.values(), only.long) == (
        "known values: 2 texts of more than 200 characters (glob 'begin*' finds one by a part)"
    )


def test_known_values_of_a_column_which_holds_long_texts_too() -> None:
    counts = [("x" * 300, 3), *((f"v{i:02}", 1) for i in range(12)), ("begin " + "y" * 300, 1)]
    ten = ", ".join(f"'v{i:02}'" for i in range(10))
    assert known_values("?", counts) == (
        f"known values: {ten} and 2 more and 4 texts of more than 200 characters"
    )
    found = known_values("begin", counts)
    assert found.startswith(f"known values: 'begin {'y' * 300}', 'v00', "), "a similar one is whole"
    assert found.endswith(" and 3 texts of more than 200 characters")
