"""Feedback of an index: what its log takes of answers, events on them, and its way in and out."""
