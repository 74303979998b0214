"""Sequences as arrays: bases, windows, intervals, transcription start sites, and what flows through a scan."""
