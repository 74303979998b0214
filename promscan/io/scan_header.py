"""The first line of a file of hits, `#promscan VERSION key=value ...`: which part of a genome was scanned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from promscan.seq.intervals import SHARD_GRID, Intervals, genome_digest, shard_of
from promscan.seq.records import Interval

_PROGRAM = "#promscan"
_LENGTH = re.compile("[0-9]{1,15}")
_SHARD = re.compile("([0-9]{1,9})/([0-9]{1,9})")


class ScannedPart(NamedTuple):
    """The part of a genome that was scanned, as far as the header says."""

    within: Intervals | None
    """The bases that were scanned, as far as it can be known; None: all."""
    unknown: tuple[str, ...]
    """The options that left out a part that cannot be known."""


def settings_in(comments: Sequence[str]) -> dict[str, str]:
    """Read what the first line that promscan writes says of the scan; nothing without such a line."""
    for line in comments:
        program, *words = line.split(" ")
        if program == _PROGRAM:
            pairs = (word.partition("=") for word in words)
            return {key: unquote(value) for key, equals, value in pairs if equals}
    return {}


def is_circle(settings: Mapping[str, str], chrom: str) -> bool:
    """Whether the scan took a contig for a circle."""
    named = settings.get("circular", "")
    return named == "all" or chrom in map(unquote, named.split(","))


def joined_names(names: Iterable[str]) -> str:
    """The names of contigs as one word of the first line, each once, sorted; `is_circle` takes it apart."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in sorted(set(names)))


def scanned_part(settings: Mapping[str, str], contigs: Mapping[str, int], scope: Intervals) -> ScannedPart:
    """Find the bases that a scan was asked for.

    The header has checksums of intervals, not the intervals; so they are known only if they are those of `scope`, or
    one whole contig.

    Args:
        settings: what the first line of the hits says.
        contigs: contig to bases.
        scope: bases that the user names as scanned.
    """
    within, unknown = None, list[str]()
    if "within" in settings:
        within = _with_digest(settings["within"], contigs, scope)
        if within is None:
            unknown.append("--region or --bed")
    if "shard" in settings:
        match = _SHARD.fullmatch(settings["shard"])
        if match and 1 <= int(match[1]) <= int(match[2]) and settings.get("genome") == genome_digest(contigs):
            part = shard_of(contigs, int(match[1]), int(match[2]), grid=SHARD_GRID)
            within = part if within is None else within.intersection(part)
        else:
            unknown.append("--shard")
    if "min_length" in settings:
        if _LENGTH.fullmatch(settings["min_length"]):
            long = _longer_contigs(contigs, int(settings["min_length"]))
            within = long if within is None else within.intersection(long)
        else:
            unknown.append("--min-length")
    if "exclude" in settings:
        unknown.append("--exclude")
    if settings.get("skip_masked") == "yes":
        unknown.append("--skip-masked")
    return ScannedPart(within, tuple(unknown))


def _longer_contigs(contigs: Mapping[str, int], shortest: int) -> Intervals:
    return Intervals.of(Interval(chrom, 0, length) for chrom, length in contigs.items() if length >= shortest)


def _with_digest(digest: str, contigs: Mapping[str, int], scope: Intervals) -> Intervals | None:
    if scope.digest() == digest:
        return scope
    wholes = (Intervals.of([Interval(chrom, 0, length)]) for chrom, length in contigs.items())
    return next((whole for whole in wholes if whole.digest() == digest), None)
