"""Parts of `promscan explain`: explanations, the tables and tracks that hold them, and recurrent motifs."""
