"""`promscan merge`: the shards of a scan in, one file out."""

from __future__ import annotations

import click


@click.command()
@click.argument("shards", nargs=-1, required=True, metavar="SHARD...")
@click.option(
    "-o", "--output", required=True, metavar="OUT",
    help="The hits of all shards, in their format; with .gz bgzipped and indexed; - is stdout. For tracks: OUT.bw.",
)  # fmt: skip
def merge(shards: tuple[str, ...], output: str) -> None:
    """Join the outputs of all N shards of a scan, in any order, into the file of the undivided scan.

    A SHARD is a file of hits, or a track of scores (bigWig); tracks are joined strand by strand. The command fails if a
    shard is missing, or if the shards are of different scans.

    \b
    promscan scan genome.fa -o part1.bed --shard 1/2
    promscan scan genome.fa -o part2.bed --shard 2/2
    promscan merge part1.bed part2.bed -o hits.bed
    promscan merge part1.plus.bw part2.plus.bw -o genome.plus.bw
    """
    from promscan.commands.merge import merge as merge_shards

    merge_shards(shards, output)
