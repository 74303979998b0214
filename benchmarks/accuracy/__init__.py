"""How well the models find promoters, classify windows and predict strength."""
