"""Learned order: a weighted sum of features of a query's candidates, learned of preferences.

ranknet      the loss, its gradient, the fit, the choice of how far it may leave the order before
popularity   use of documents for a query, corrected for position and smoothed
model        the weights with what they were learned of; the file in the index
"""
