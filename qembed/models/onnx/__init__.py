"""Exported models: the cache of exports and what runs them, without torch."""
