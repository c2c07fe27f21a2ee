"""Several indexes searched as one: each is asked for its best hits, and the answers are merged.

indexes   what is searched, and whether its scores can be compared     merge   answers to one answer
"""
