"""promscan finds promoters in DNA and grades how strong they are.

The command line is a thin layer over this package; what it does can be called from Python:

    import promscan

    for hit in promscan.scan("genome.fa", model="core70"):
        print(hit.chrom, hit.tss, hit.strand, hit.probability)
"""

__version__ = "0.1.0"
