"""Programs of the user that are started: editors and pagers."""
