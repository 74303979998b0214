"""Training: a module for each kind of training data, and the run folder that they share."""
