"""How fast scans run, and how much memory they take."""
