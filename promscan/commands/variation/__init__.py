"""What a variant does to promoters.

io.vcf records -> alleles (edits, left-aligned) -> frames (sequences around them) -> engine -> effects -> io.vcf
"""
