"""Records from JSON: their values must have the types of their fields, for a file may have been changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

LARGEST = 10**15
"""A position, a length or a count is not larger."""

Record = TypeVar("Record")


def record_of(kind: type[Record], fields: Mapping[str, Any]) -> Record:
    """Make a dataclass or a named tuple from its fields.

    The types of the fields can be `str`, `int` (a whole number from 0 to `LARGEST`), `float` (a number),
    `Literal`, `list` and unions of these.

    Raises:
        TypeError: a field is missing, unknown, or of another type.
    """
    record = kind(**fields)
    for name, hint in get_type_hints(kind).items():
        if not _is_of(getattr(record, name), hint):
            raise TypeError(f"{name} of {kind.__name__} is of another type")
    return record


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number from 0 to `LARGEST`."""
    return type(value) is int and 0 <= value <= LARGEST


def _is_of(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is UnionType:
        return any(_is_of(value, each) for each in get_args(hint))
    if hint is int:
        return is_whole(value)
    if hint is float:
        return type(value) is float and not math.isnan(value)
    return type(value) is (get_origin(hint) or hint)
