"""Parts of `promscan report`: hits read with their columns, what is measured of them, the page."""
