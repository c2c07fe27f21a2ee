"""Labels of plots: those of an axis differ, whatever the range of its values."""

from __future__ import annotations

import re

import pytest

from qembed.evaluation.report import svg_plots


def axis(plot: str) -> list[str]:
    """Labels beside the y axis, from the bottom up."""
    labels = re.findall(r'text-anchor="end">([^<]+)<', plot)
    return [text for text in labels if text != "x"]


@pytest.mark.parametrize(
    ("values", "digits", "wanted"),
    [
        ((0.0896, 0.0951), 2, ["0.089", "0.091", "0.094", "0.096"]),
        ((1.0, 9.0), 2, ["0.04", "3.35", "6.65", "9.96"]),
        ((0.98123, 0.98124), 3, ["0.971", "0.978", "0.985", "0.991"]),
        ((0.5, 0.5), 2, ["0.495", "0.498", "0.502", "0.505"]),
        ((0.0, 0.0), 3, ["0.000", "0.333", "0.667", "1.000"]),
    ],
)
def test_labels_of_an_axis_differ(
    values: tuple[float, float], digits: int, wanted: list[str]
) -> None:
    plot = svg_plots.line([(8, values[0]), (16, values[1])], "title", "x", digits=digits)
    assert axis(plot) == wanted
