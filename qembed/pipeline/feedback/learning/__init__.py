"""`qembed feedback learn`: preferences of a log to weights of features, judged on what they have not seen."""
