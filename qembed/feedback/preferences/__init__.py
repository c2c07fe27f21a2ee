"""Preferences: of two documents of an answer, which is the better one, by what was done with them.

signals      what the events on a document say: a vote, a strong use, a click, a bounce
answers      votes of one answer: of documents acted on over those passed over
traces       votes of agents' traces that asked the same: success over failure, fewer steps over more
limits       robots and caps of clients
extraction   all of it, netted by query group, with a summary of what was counted and left out
"""

from __future__ import annotations

from qembed.feedback.preferences.extraction import (
    Extracted,
    Preference,
    PreferenceSummary,
    find_preferences,
)
from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.query_groups import normalise_query

__all__ = [
    "Extracted",
    "Preference",
    "PreferenceOptions",
    "PreferenceSummary",
    "find_preferences",
    "normalise_query",
]
