"""`qembed train` and its commands."""
