"""Training: from an index, judgments or bare text to a better model, and the proof that it is better.

merge          weights of two models, interpolated
model_folders  folders of models: found by spec, compared, written whole or not at all
"""
