"""Training: from an index, judgments or bare text to a better model, and the proof that it is better.

split          queries to train on, and held out with new and with seen documents
judging        the same queries by the model before and after; card: what is written with a model
general_text   sentences of everyday subjects, which must not be forgotten
mining/        training lists; training_lists: those of one training, without what is held out
encoder/       training of encoders         reranker/  training of cross-encoders
adapting/      training without judgments
training_loop  the trainers of sentence-transformers, resumable; checkpoints, batches of rows, trained_parts
merging/       weights of two models, interpolated; the structures of their folders compared
model_folders  folders of models: found by spec, written whole or not at all; json_lines: what is read
"""
