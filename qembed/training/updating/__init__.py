"""`qembed update-model`: from the verdict of drift to an index with a model of its new texts, by gates.

job        choices of an update
material   queries made of new and of old documents, those to train on apart from those to judge by
gates      what a step must show for the next one to begin
train      training on made or on judged queries, merge
resume     a training that is done already
judgment   the new model against the present one
switch     the index made anew beside the present one, and the switch
run        all of it, in order
"""
