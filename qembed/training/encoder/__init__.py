"""Training of encoders on lists of a query, a relevant passage and negatives.

examples    lists to rows of texts, in the model's own templates
losses      losses by name; objectives: those without labels; noise: texts with words taken away
trainer     the training of a model in memory
"""
