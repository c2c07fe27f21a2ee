"""Export of models to ONNX, in a process of its own, with torch."""
