"""Strength of promoters: the reporter construct, families of inserts, measurements, and the search for inserts."""
