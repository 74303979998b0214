"""Training: one module for each recipe, and what they share in `loop` and `data`."""
