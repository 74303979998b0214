"""Join the tracks of all shards of a scan, of one strand, into the bytes of the undivided one."""

from __future__ import annotations

from collections.abc import Sequence

from promscan.commands.shards import AGAIN, check_set, shard_of
from promscan.errors import InputError, RunError
from promscan.io.bigwig import open_bigwig
from promscan.io.bigwig_reader import BigWig, is_bigwig

SUFFIXES = (".bw", ".bigwig")


def merge_tracks(paths: Sequence[str], target: str) -> None:
    """Write the scores of all shards to `target`.

    Args:
        paths: the tracks of one strand that `promscan scan --shard --track` wrote, one for each shard, in any order.
        target: a file that ends in `.bw`.

    Raises:
        InputError: a shard is missing, comes twice, cannot be read, or belongs to another scan or strand.
        RunError: `target` cannot be written, or has another suffix.
    """
    for path in paths:
        if not is_bigwig(path):
            raise InputError(f"{path}: is no bigWig, and other shards are; merge the hits and each track by themselves")
    if not target.lower().endswith(SUFFIXES):
        raise RunError(f"{target}: the shards are tracks, and this suffix is not; end it in .bw")
    files = [BigWig(path) for path in paths]
    shards = [shard_of(file.path, file.comment, "bigWig", where=file.path, scored=file.sections > 0) for file in files]
    parts, ordered = zip(*sorted(zip(shards, files, strict=True), key=lambda pair: pair[0].index), strict=True)
    check_set(parts)
    with open_bigwig(target, ordered[0].contigs, parts[0].first_line) as writer:
        for file in ordered:
            for contig, start, values in file.values():
                try:
                    writer.add(contig, start, values)
                except (LookupError, ValueError) as error:
                    raise InputError(f"{file.path}: holds a score at a base where none can be; {AGAIN}") from error
