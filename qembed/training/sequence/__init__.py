"""Training of models of sequences: from bare sequences to vectors, without a label.

corpus     sequences of files         units     tokenizers of residues, k-mers, atoms and gates
augment    views of a sequence        new_model a small transformer with random weights
judged     held-out sequences, to be found by a view of them        run  the stages, resumable
"""
