"""Parts of `promscan annotate`."""
