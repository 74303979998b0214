"""Plots. matplotlib is loaded only in this package, and only when a plot is drawn."""
