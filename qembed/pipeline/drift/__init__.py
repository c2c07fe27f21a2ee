"""`qembed drift`: what came into an index against what was there, and what is to be done about it."""
