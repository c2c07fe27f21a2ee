"""Snippets: the sentence or line of a hit that is shown, and its line in the file."""
