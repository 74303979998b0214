"""Training: one module for each recipe; `loop` and `data` hold what the recipes share."""
