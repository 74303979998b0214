"""The straight ways through the house, one module for each job of the command line."""
