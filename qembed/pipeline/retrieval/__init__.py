"""Retrieval: a query to ranked hits, and hits or a run to a better order.

request                   what is asked, and its JSON     answer       what is answered, and its JSON
options                   of a query                      session      one generation, opened:
retriever                 queries to answers                loaded_model     its model, encoder, rerankers
candidates, fusion        dense and lexical search          index_search     its vectors and words
reranking/                job, its JSON, runs                   document_reader  its passages and documents
ranking, postprocess      rows before they are hits       hits, snippet      rows to hits
"""
