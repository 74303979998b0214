"""Classes of listed transcription starts: by their lists, by their names, and by the sequence around them."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

from promscan.commands.evaluating.lists import ListedStarts, Members
from promscan.errors import InputError
from promscan.io.surroundings import read_surroundings
from promscan.log import logger
from promscan.seq.islands import SURROUNDINGS, is_island_like
from promscan.seq.tss import KnownStarts, Site

BY_LIST, BY_NAME, BY_SEQUENCE = "list", "name", "sequence"
"""What decides about a class."""
ISLAND, NO_ISLAND = "CpG", "not CpG"
ALL = "all"
"""Name of all starts in the tables."""
MATCH, NO_MATCH, REST = "match", "no match", "other"
"""Classes of a pattern without named groups, and of the names that match none of several."""


def classes_of(
    listed: ListedStarts, pattern: str | None, genome: str | Path, circles: Container[str] = ()
) -> dict[tuple[str, str], frozenset[Site]]:
    """Find the classes of listed starts, by what decides about them and by name; a start can be in several.

    No two classes have the same name: a list or a group may be called as a class that there is already.

    Args:
        listed: the starts.
        pattern: regular expression for names; see `by_name`.
        genome: FASTA file that the starts belong to.
        circles: contigs that are circles.
    """
    kinds = {BY_LIST: listed.lists if len(listed.lists) > 1 else {}}
    kinds[BY_NAME] = {} if pattern is None else by_name(listed.starts, pattern)
    kinds[BY_SEQUENCE] = by_sequence(listed.starts, genome, circles)
    found, taken = dict[tuple[str, str], frozenset[Site]](), {ALL}
    for kind, classes in kinds.items():
        for name, members in classes.items():
            own = name if name not in taken else f"{name} ({kind})"
            taken.add(own)
            found[kind, own] = members
    return found


def by_name(starts: KnownStarts, pattern: str) -> Members:
    """Divide starts by a regular expression that is searched in their names.

    A pattern with named groups has a class for each group, of the starts whose names match with it; the others are
    `not GROUP` of a single group, and `other` of several (`no match` if that is a group), if there are any. A pattern
    without a group has `match` and `no match`.

    Raises:
        InputError: the pattern is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"{pattern!r} is no regular expression: {error}; correct --class-pattern") from error
    groups = list(compiled.groupindex)
    rest = NO_MATCH if not groups or REST in groups else f"not {groups[0]}" if len(groups) == 1 else REST
    members = {name: set[Site]() for name in [*(groups or [MATCH]), rest]}
    for site in starts:
        match = compiled.search(starts.name(site))
        named = next((name for name in groups if match and match[name] is not None), rest)
        members[MATCH if match and not groups else named].add(site)
    if len(members[rest]) == len(starts):
        logger.info("no name of a TSS matches %r: is it the pattern for this list?", pattern)
    return {name: frozenset(sites) for name, sites in members.items() if sites or name != rest}


def by_sequence(starts: KnownStarts, genome: str | Path, circles: Container[str] = ()) -> Members:
    """Divide starts by whether the sequence around them is like a CpG island; see `promscan.seq.islands`."""
    around = read_surroundings(starts, genome, SURROUNDINGS // 2, circles)
    islands = frozenset(site for site, codes in around if is_island_like(codes[:-1]))
    return {ISLAND: islands, NO_ISLAND: frozenset(starts) - islands}
