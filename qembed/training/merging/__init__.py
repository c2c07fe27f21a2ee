"""Merging of models.

merge      weights of two models, interpolated
structure  what two folders say of their models, whichever version of a library wrote them
"""
