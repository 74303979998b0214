"""The shards of a scan, as the first line of their outputs describes them, and whether they are a whole set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from promscan.errors import InputError
from promscan.io.hit_writers import first_difference
from promscan.log import first_of
from promscan.seq.intervals import check_shard

AGAIN = "copy the file again"
NAMED_AT_MOST = 10
"""Missing shards that a message names."""


@dataclass(frozen=True)
class Shard:
    """One input, as its first lines describe it."""

    path: str
    index: int
    first_line: str
    """First line of the undivided scan."""
    settings: dict[str, str]
    """The values that all shards of a scan have in common."""
    scored: bool
    """Whether a window of it could be scored."""


def shard_of(path: str, first_line: str, format: str, *, where: str, scored: bool) -> Shard:
    """The shard that a first line describes.

    Args:
        path: of the output.
        first_line: `#promscan VERSION key=value ...`.
        format: of the output.
        where: the place of that line, for messages.
        scored: whether a window of it could be scored.

    Raises:
        InputError: the line is not that of a shard.
    """
    match = re.fullmatch("(#promscan ([^ ]+) (.+)) shard=([0-9]{1,9})/([0-9]{1,9}) genome=([^ ]+)", first_line)
    if match is None:
        raise InputError(f"{path}: holds no shard, but a whole scan; give the files that scan --shard wrote")
    first_line, version, options, index, count, genome = match.groups()
    settings = {"format": format, "promscan": version, **_settings(options, where)}
    settings |= {"genome": genome, "number of shards": str(int(count))}
    try:
        check_shard(int(index), int(count))
    except ValueError as error:
        raise InputError(f"{where}: {error}; give the files that scan --shard wrote") from error
    return Shard(path, int(index), first_line, settings, scored)


def _settings(options: str, where: str) -> dict[str, str]:
    """The words of a first line, by name."""
    words = options.split(" ")
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    if len(settings) < len(words):
        raise InputError(f"{where}: its words are not of the form name=value, each name once; {AGAIN}")
    return settings


def check_set(parts: Sequence[Shard]) -> None:
    """Refuse what is not every shard of one scan, each once; `parts` are sorted by index."""
    first = parts[0]
    for part in parts:
        if (difference := first_difference(part.settings, first.settings)) is not None:
            raise InputError(f"{part.path}: {difference} in {first.path}; give the shards of one scan")
    for part, following in pairwise(parts):
        if part.index == following.index:
            raise InputError(f"{part.path} and {following.path} are the same shard, {part.index}; give each once")
    count = int(first.settings["number of shards"])
    if missing := sorted(set(range(1, count + 1)) - {part.index for part in parts}):
        names = first_of([*map(str, missing)], NAMED_AT_MOST)
        raise InputError(f"there are {count} shards, and these are missing: {names}; give all of them")
    if not any(part.scored for part in parts):
        raise InputError(f"{first.path}: no window could be scored in it, nor in any other shard; give another genome")
