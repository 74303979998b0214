"""The numbers that say how good a model or a set of hits is."""
