"""Training of encoders on lists of a query, a relevant passage and negatives.

examples  lists to rows of texts, in the model's own templates     batches  rows to batches of like length
losses    losses by name                                           trainer  the training itself, resumable
objectives  losses without labels                                  noise    texts with words taken away
"""
