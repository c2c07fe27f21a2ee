"""Feedback on answers: the log of what people and agents do with them, its formats, preferences of it."""
