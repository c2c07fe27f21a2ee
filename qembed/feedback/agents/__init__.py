"""Agents: what they did with answers, read from their traces.

trace        the nouns: a task, its steps
trace_lines  our own form: JSON lines, a task each
otlp         OpenTelemetry's JSON: attributes and spans as plain values
spans        spans of the GenAI conventions as traces
reader       files of either form, with all mistakes by file and line
records      traces as queries and events of the log
"""
