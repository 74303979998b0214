"""What trainings learn from: reading it, and drawing batches."""
