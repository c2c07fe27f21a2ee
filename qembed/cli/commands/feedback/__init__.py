"""`qembed feedback` and its commands."""
