"""Experiments of an index's log, limited as preferences are."""

from __future__ import annotations

from qembed.feedback.experiments import Experiment, find_experiments
from qembed.feedback.interactions import Interaction, join_events
from qembed.feedback.preferences import PreferenceOptions, normalise_query
from qembed.feedback.preferences.limits import limit_interactions
from qembed.feedback.preferences.signals import read_signals
from qembed.pipeline.feedback.whole_log import WholeLog


def limited_interactions(log: WholeLog, options: PreferenceOptions) -> list[Interaction]:
    """Interactions of a log without robots and repetition."""
    return limit_interactions(
        join_events(log.queries, log.events).interactions,
        normalise_query,
        lambda i: bool(read_signals(i.events, options)),
        options,
    ).interactions


def log_experiments(log: WholeLog, options: PreferenceOptions) -> list[Experiment]:
    """Experiments of a log, the latest one first."""
    found = find_experiments(limited_interactions(log, options), options)
    return sorted(found, key=lambda e: -e.last)
