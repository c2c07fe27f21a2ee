"""Adaptation of a model to a corpus without judgments.

made_queries    queries made for passages, as a file
corpus_queries  made of titles, headings, sentences and spans      asked_queries  made by a language model
round_trip      those that find their own passage                  judged         what a verdict is about
run             all of it
"""
