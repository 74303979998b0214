"""Measurements of the bundled models: how well they find promoters (accuracy) and how fast they do it (speed)."""
