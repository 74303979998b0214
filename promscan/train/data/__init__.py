"""Training data: read it, check it, and draw batches from it."""
