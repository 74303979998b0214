"""Why a score is what it is: attention weights, and mutants of a window in its real surroundings."""
