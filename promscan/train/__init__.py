"""Training: a module for each kind of training data, and what they share."""
