"""The two search trees of a bigWig: names of contigs, and places of sections.

The nodes of a level follow each other, all of them full but the last, so the place of each is known beforehand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import IO, Any

import numpy as np
import numpy.typing as npt

ENTRY = np.dtype(
    [("first_contig", "<u4"), ("start", "<u4"), ("last_contig", "<u4"), ("end", "<u4"), ("offset", "<u8"),
     ("size", "<u8")]
)  # fmt: skip
"""A section in the index: from a base of a contig to the end of its last one, and its bytes in the file."""
CONTIG_TREE = struct.Struct("<IIIIQQ")
"""Magic, children of a node, bytes of a name, bytes of a value, number of contigs, a zero."""
CONTIG_MAGIC = 0x78CA8C91

_INDEX = struct.Struct("<IIQIIIIQII")
"""Magic, children of a node, number of sections, first and last place, end of data, sections of an entry, a zero."""
_INDEX_MAGIC = 0x2468ACE0
NODE = struct.Struct("<BBH")
"""Whether it is a leaf, a zero, number of children."""
_CHILD = np.dtype(ENTRY.descr[:5])
_CHILDREN = 256


def contig_tree(lengths: Mapping[str, int], numbers: Mapping[str, int], place: int) -> bytes:
    """The tree that finds number and length of a contig by its name.

    Args:
        lengths: contig to bases.
        numbers: contig to its number in the sections.
        place: where the tree begins in the file.
    """
    keys = {contig: contig.encode("utf-8", "surrogateescape") for contig in lengths}
    in_order = sorted(lengths, key=lambda contig: keys[contig])
    width = max(map(len, keys.values()))
    leaves = [
        keys[contig].ljust(width, b"\0") + struct.pack("<II", numbers[contig], lengths[contig]) for contig in in_order
    ]
    children = min(_CHILDREN, max(2, len(leaves)))
    names, levels = [item[:width] for item in leaves], _level_sizes(len(leaves), children)
    head = CONTIG_TREE.pack(CONTIG_MAGIC, children, width, 8, len(leaves), 0)
    # Levels from the root down; each child of an inner node is a node of the next level.
    starts = list(_starts(place + len(head), levels, children, width + 8, width + 8))
    tree = [head]
    for depth in range(len(levels) - 1):
        span = children ** (len(levels) - 1 - depth)
        node = NODE.size + children * (width + 8)
        items = [
            names[number * span] + struct.pack("<Q", starts[depth + 1] + number * node)
            for number in range(levels[depth])
        ]
        tree += _nodes(items, children, leaf=False)
    return b"".join([*tree, *_nodes(leaves, children, leaf=True)])


def write_index(file: IO[bytes], entries: IO[bytes], count: int, shift: int) -> int:
    """Write the tree that finds sections by their bases behind what is in `file`; return where it begins.

    Args:
        file: the bigWig, at its end.
        entries: of all sections, each an `ENTRY`, in order.
        count: how many they are.
        shift: added to the offset of each.
    """
    place, levels = file.tell(), _level_sizes(count, _CHILDREN)
    bounds = [np.array([_bounds(node) for node in _blocks(entries)], dtype=_CHILD)]
    while len(bounds) < len(levels) - 1:
        below = bounds[0]
        groups = [below[at : at + _CHILDREN] for at in range(0, len(below), _CHILDREN)]
        bounds.insert(0, np.array([_bounds(group) for group in groups], dtype=_CHILD))
    first, last = (_bounds(bounds[0])[:2], _bounds(bounds[0])[2:4]) if count else ((0, 0), (0, 0))
    file.write(_INDEX.pack(_INDEX_MAGIC, _CHILDREN, count, *first, *last, place, 1, 0))
    starts = list(_starts(file.tell(), levels, _CHILDREN, _CHILD.itemsize, ENTRY.itemsize))
    for depth, nodes in enumerate(bounds[: len(levels) - 1]):
        size = ENTRY.itemsize if depth == len(levels) - 2 else _CHILD.itemsize
        nodes["offset"] = starts[depth + 1] + np.arange(len(nodes)) * (NODE.size + _CHILDREN * size)
        for at in range(0, len(nodes), _CHILDREN):
            file.write(_node(nodes[at : at + _CHILDREN], leaf=False))
    for leaf in _blocks(entries):
        leaf["offset"] += np.uint64(shift)
        file.write(_node(leaf, leaf=True))
    if not count:
        file.write(NODE.pack(1, 0, 0))
    return place


def _blocks(entries: IO[bytes]) -> Iterator[npt.NDArray[Any]]:
    """The entries of one leaf after the other."""
    entries.seek(0)
    while block := entries.read(_CHILDREN * ENTRY.itemsize):
        yield np.frombuffer(block, dtype=ENTRY).copy()


def _bounds(nodes: npt.NDArray[Any]) -> tuple[int, int, int, int, int]:
    first, last = nodes[0], nodes[-1]
    return int(first["first_contig"]), int(first["start"]), int(last["last_contig"]), int(last["end"]), 0


def _level_sizes(leaves: int, children: int) -> list[int]:
    """Nodes of each level of items, from that of the root's children to the leaf items."""
    sizes = [leaves]
    while sizes[0] > children:
        sizes.insert(0, ceil(sizes[0] / children))
    return sizes


def _starts(place: int, levels: Sequence[int], children: int, inner: int, leaf: int) -> Iterator[int]:
    """Where the nodes of each level begin; `inner` and `leaf` are bytes of an item."""
    for depth, items in enumerate(levels):
        yield place
        size = leaf if depth == len(levels) - 1 else inner
        place += ceil(items / children) * NODE.size + items * size


def _nodes(items: Sequence[bytes], children: int, *, leaf: bool) -> Iterator[bytes]:
    for at in range(0, len(items), children):
        node = items[at : at + children]
        yield NODE.pack(leaf, 0, len(node)) + b"".join(node)


def _node(items: npt.NDArray[Any], *, leaf: bool) -> bytes:
    return NODE.pack(leaf, 0, len(items)) + items.tobytes()
