"""`python -m promscan`."""

from promscan.cli import main

main()
