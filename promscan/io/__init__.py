"""Files in and out: FASTA, BED, tables, hits. What others wrote is checked here before it is used."""
