"""One module for each command, from its inputs to its outputs; the command line and the Python API call them."""
