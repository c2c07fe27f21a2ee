"""Pictures and their captions to a pair of towers in one space.

pairs         lines of the file, pictures          split       groups to train on, to stop by, to judge by
towers        the two sides in training            augment     pictures, turned and moved
contrastive   the loss, gradients of large batches fit         epochs, checkpoints, early stop
recall        how well texts find pictures         run         `qembed train dual`
"""
