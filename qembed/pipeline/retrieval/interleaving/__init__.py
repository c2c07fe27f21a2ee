"""Answers by two settings that are compared: options as one text, experiments, mixed answers."""
