"""`qembed index`: sources to a committed generation."""
