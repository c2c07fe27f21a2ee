"""`qembed update-model`: from the verdict of drift to an index with a model of its new texts, by gates.

material   queries made of new and of old documents, those to train on apart from those to judge by
gates      what a step must show for the next one to begin
run        verdict, material, training, judgment, rebuild
"""
