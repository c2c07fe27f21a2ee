"""Pieces a word and words that are not read: rates, their change, and the scripts they come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qembed.drift.permutation import permuted_labels
from qembed.drift.words import piece_rate, script_rates, unread_rate
from tests.drift.made import corpus, mixed


def test_more_pieces_a_word_alarm_and_fewer_do_not() -> None:
    old, new = corpus(mixed(100, 1), 1, 2), corpus(mixed(100, 2), 2, 2)
    labels = permuted_labels(100, 100, 199)
    longer = replace(new, pieces=new.pieces + new.words // 5)
    found = piece_rate(old, longer, labels)
    assert found.new == longer.pieces.sum() / longer.words.sum()
    assert found.effect == pytest.approx(found.new / found.old - 1)
    assert found.test.p == 1 / 200
    assert piece_rate(longer, new, labels).test.p > 0.9


def test_scripts_that_are_not_read_come_first() -> None:
    old, new = corpus(mixed(100, 1), 1), corpus(mixed(100, 2), 2)
    unread, scripts = new.unread.copy(), list(new.scripts)
    for i in range(20):
        unread[i] = 8
        scripts[i] = {"Latin": (int(new.words[i]) - 10, 0), "Han": (10, 8)}
    chinese = replace(new, unread=unread, scripts=scripts)
    found = unread_rate(old, chinese, permuted_labels(100, 100, 199))
    assert found.old == 0
    assert found.new == 160 / new.words.sum()
    assert found.test.p == 1 / 200
    first = script_rates(old, chinese)[0]
    assert first == ("Han", 200 / new.words.sum(), 0.0, 0.8)


def test_words_that_are_all_read_alarm_nothing() -> None:
    old, new = corpus(mixed(50, 1), 1), corpus(mixed(50, 2), 2)
    found = unread_rate(old, new, permuted_labels(50, 50, 99))
    assert (found.effect, found.test.p) == (0, 1)
    assert np.isfinite(found.test.critical)
