"""Folders as sentence-transformers writes them: their modules, limits and prompts, read without weights."""
