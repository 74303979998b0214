"""The parts of a scan."""
