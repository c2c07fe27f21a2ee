"""Other engines beside qembed: the same vectors, the same queries, whole processes."""
