"""Diagnostics: `qembed status`, `qembed verify` and `qembed models`."""
