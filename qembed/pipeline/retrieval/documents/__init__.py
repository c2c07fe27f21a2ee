"""Documents of an index: found by id or place, read from what is stored, and those that are similar.

find           ids and places to catalog positions      read      a document's text, whole or in part
request        what `similar` is asked, and its JSON    subject   documents, files and texts as vectors
similar        vectors to the nearest documents or passages
duplicates     what is asked and found: passage_groups, passages that are alike; clusters, also of documents
"""
