"""Votes on queries, for the next one who asks.

memory    what the votes on a query say, by its words
vectors   vectors of the queries that were voted on, in which near-equal ones are found
"""
