"""Logits to hits: thresholds, peaks, screening."""
