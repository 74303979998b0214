"""How the bundled models are made: one file a model, and the program that runs it."""
