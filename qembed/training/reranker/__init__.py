"""Training of rerankers on a query's texts with grades, or on preferences between two of them.

examples         training lists, judgments and preferences to rows
losses           losses by name                        trainer     the training of a model in memory
job              files and choices of a training      material    examples, and what they are judged on
reranker_folder  a cross-encoder's folder as a model   candidates  what held-out queries are reranked on
"""
