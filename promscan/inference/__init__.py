"""Sequences to logits: an engine for each way of running a network along a sequence."""
