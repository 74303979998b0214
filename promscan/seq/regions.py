"""Regions and contig names as users write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from promscan.errors import InputError
from promscan.seq.records import Interval

_REGION = re.compile(r"([0-9][0-9,]{0,20})(?:-([0-9][0-9,]{0,20})?)?")
"""Positions of up to 21 characters: none lies farther out, and Python refuses to read thousands of digits."""
_BEFORE_COMMA = re.compile(r":(?:[0-9,]*-)?[0-9,]*[0-9]$")
_AFTER_COMMA = re.compile(r"[0-9]{3}(-[0-9]*)?")
"""Parts of a region on both sides of a comma in a position."""


def unknown_contig(chrom: str, contigs: Mapping[str, int]) -> str:
    """Message about a contig name that the genome does not have."""
    first, hint = next(iter(contigs), None), chr_hint([chrom], contigs)
    return f"there is no contig {chrom!r} (the first one is {first!r}); check the name{hint}"


def chr_hint(chroms: Iterable[str], contigs: Mapping[str, int]) -> str:
    """Hint at the first name that differs by `chr` only from one of the genome, to end a message with; else empty."""
    for chrom in chroms:
        for other in (f"chr{chrom}", chrom.removeprefix("chr")):
            if other in contigs and other != chrom:
                return f" ({chrom!r} is {other!r} there)"
    return ""


def matching_contigs(names: Iterable[str], contigs: Iterable[str]) -> list[str]:
    """The contigs, in their order, that are called one of `names`, wholly or before a `:`.

    Raises:
        InputError: a name matches none.
    """
    wanted, known = set(names), list(contigs)
    found = [chrom for chrom in known if chrom in wanted or chrom.split(":")[0] in wanted]
    for name in wanted - set(found) - {chrom.split(":")[0] for chrom in found}:
        raise InputError(unknown_contig(name, dict.fromkeys(known, 0)))
    return found


def named_regions(words: Iterable[str], contigs: Mapping[str, int]) -> list[Interval]:
    """Whole contigs and parts of contigs, from words that were divided at commas, in the order of the contigs.

    A word is a name, as for `matching_contigs`, or a region, as for `parse_region`. The commas of `II:1-900,000` divide
    it too; its parts are put together again.

    Args:
        words: names and regions.
        contigs: contig to bases.

    Raises:
        InputError: a word matches nothing, or two regions overlap.
    """
    regions, order = set[Interval](), {chrom: number for number, chrom in enumerate(contigs)}
    for name in plain_names(words, contigs):
        if _is_name(name, contigs):
            regions |= {Interval(chrom, 0, contigs[chrom]) for chrom in matching_contigs([name], contigs)}
        else:
            regions.add(parse_region(name, contigs))
    ordered = sorted(regions, key=lambda region: (order[region.chrom], region.start, region.end))
    for one, other in pairwise(ordered):
        if one.chrom == other.chrom and other.start < one.end:
            raise InputError(f"regions {region_name(one)} and {region_name(other)} overlap; name each base once")
    return ordered


def region_name(region: Interval) -> str:
    """The region as samtools writes it, without commas."""
    return f"{region.chrom}:{region.start + 1}-{region.end}"


def plain_names(words: Iterable[str], contigs: Mapping[str, int]) -> list[str]:
    """Names and regions from words that were divided at commas; the regions without commas.

    Raises:
        InputError: a region does not fit.
    """
    whole = list[str]()
    for word in words:
        if whole and word not in contigs and _AFTER_COMMA.fullmatch(word) and _BEFORE_COMMA.search(whole[-1]):
            whole[-1] += f",{word}"
        else:
            whole.append(word)
    return [name if _is_name(name, contigs) else region_name(parse_region(name, contigs)) for name in whole]


def _is_name(word: str, contigs: Mapping[str, int]) -> bool:
    """Whether the word is no region: a contig, or a name before the colon of one, or a word without a colon."""
    return word in contigs or ":" not in word or any(chrom.split(":")[0] == word for chrom in contigs)


def is_on_genome(text: str, contigs: Mapping[str, int]) -> bool:
    """Whether the contig of a region, written as for `parse_region`, is one of these."""
    return text in contigs or text.rpartition(":")[0] in contigs


def require_contigs(names: Iterable[str], contigs: Mapping[str, int], source: str) -> None:
    """Raise InputError for the first name that is no contig of `source`, a genome."""
    for chrom in names:
        if chrom not in contigs:
            raise InputError(f"{source}: {unknown_contig(chrom, contigs)}")


def parse_region(text: str, contigs: Mapping[str, int]) -> Interval:
    """A region as samtools writes it: `chr1`, `chr1:1,001-2,000`, or `chr1:500` and `chr1:500-` for all from 500 on.

    The whole text may be a contig name; otherwise the last `:` divides it. Positions are 1-based, both ends included.

    Args:
        text: the region.
        contigs: contig to bases, as from `Genome.contigs`.

    Raises:
        InputError: no such contig, no such positions in it, or not a region at all.
    """
    if text in contigs:
        return Interval(text, 0, contigs[text])
    chrom, colon, positions = text.rpartition(":")
    if not colon or chrom not in contigs:
        raise InputError(f"region {text!r}: {unknown_contig(chrom if colon else text, contigs)}")
    match = _REGION.fullmatch(positions)
    if match is None:
        raise InputError(f"region {text!r}: {positions!r} are no positions; write chr1:1,001-2,000")
    length = contigs[chrom]
    first, last = (None if number is None else int(number.replace(",", "")) for number in match.groups())
    assert first is not None
    if first < 1 or (last is not None and last < first):
        raise InputError(f"region {text!r}: positions count from 1 and the end is not before the start; correct it")
    if first > length or (last or 0) > length:
        raise InputError(f"region {text!r}: {chrom} ends at {length}; choose positions up to there")
    return Interval(chrom, first - 1, length if last is None else last)
