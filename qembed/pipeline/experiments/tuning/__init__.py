"""`qembed tune`: the settings of retrieval that judged queries choose for an index."""
