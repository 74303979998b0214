"""Reading of model cards, field by field: each value has the right type and bounds, or one line names the field.

Cards come from anywhere, so everything in them is checked: their types, their sizes, and how deep they nest.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from promscan.errors import InputError, ModelError
from promscan.seq.bounds import MAX_NUMBER, check_number, check_whole, shown

Value = TypeVar("Value")
REQUIRED: Final[Any] = object()
"""Default of a field that must be there."""
MAX_CARD = 64 << 20
"""Letters of a card."""
MAX_DEPTH = 100
MAX_TEXT = 100_000
MAX_MESSAGE = 300
"""Letters of a message about a field."""
MAX_WHOLE = (1 << 64) - 1


def read_json(text: str, source: str) -> Fields:
    """The object that JSON text holds.

    Raises:
        ModelError: the text is no JSON object; `source` is named.
    """
    try:
        values = json.loads(text, object_pairs_hook=_without_doubles)
    except RecursionError as error:
        raise ModelError(f"{source}: not a model card: it nests too deep") from error
    except ValueError as error:  # no JSON, or an integer of thousands of digits
        raise ModelError(f"{source}: not a model card: {str(error).split(';')[0]}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{source}: not a model card: it must be an object, {{...}}, not {_kind(values)}")
    return Fields(source, "", values)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of an object; JSON would let the last of two fields of a name win.

    Raises:
        ValueError: a name comes twice.
    """
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the field {twice[:40]!r} comes twice")
    return values


class Fields:
    """The fields of an object of a card. Every method takes one of them and checks it.

    Args:
        source: file that the card comes from, for messages.
        path: place of the object in the card, such as `strength.`, for messages.
        values: the object.
    """

    def __init__(self, source: str, path: str, values: Mapping[str, Any]) -> None:
        self._source, self._path, self._values = source, path, values
        self._taken = set[str]()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def refuse(self, name: str, reason: str) -> ModelError:
        """The error that says what is wrong with the field `name`."""
        message = f"{self._path}{name} {reason}"
        if len(message) > MAX_MESSAGE:
            message = message[:MAX_MESSAGE] + " ..."
        printable = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)
        return ModelError(f"{self._source}: {printable}")

    def text(self, name: str, default: str = REQUIRED, *, lines: bool = False) -> str:
        """A text; `lines` allows more than one line."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise self.refuse(name, f"must be a text, not {_kind(value)}")
        if len(value) > MAX_TEXT:
            raise self.refuse(name, f"must have at most {MAX_TEXT:,} letters, not {len(value):,}")
        if not all(letter.isprintable() or (lines and letter in "\n\t") for letter in value):
            raise self.refuse(name, "must hold no control characters")
        return value

    def choice(self, name: str, choices: Collection[str]) -> str:
        """One of the texts `choices`."""
        value = self.text(name)
        if value not in choices:
            raise self.refuse(name, f"must be one of {', '.join(choices)}, not {value[:40]!r}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._take(name, REQUIRED)
        if not isinstance(value, bool):
            raise self.refuse(name, f"must be true or false, not {_kind(value)}")
        return value

    def whole(self, name: str, default: int = REQUIRED, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        return self._whole(name, self._take(name, default), least, most)

    def odd(self, name: str, default: int, *, most: int) -> int:
        """An odd width in bp up to `most`."""
        value = self._take(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most or value % 2 == 0:
            raise self.refuse(name, f"must be an odd width in bp up to {most:,}, not {_kind(value)}")
        return value

    def number(
        self, name: str, default: float = REQUIRED, *, least: float = -MAX_NUMBER, most: float = MAX_NUMBER
    ) -> float:
        """A finite number within bounds."""
        return self._number(name, self._take(name, default), least, most)

    def optional(self, name: str, read: Callable[[str], Value]) -> Value | None:
        """What `read` makes of the field; None where it is missing or null."""
        if self._values.get(name) is None:
            self._taken.add(name)
            return None
        return read(name)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(self._number(name, value, -MAX_NUMBER, MAX_NUMBER) for value in self._list(name))

    def wholes(self, name: str, *, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers within bounds."""
        return tuple(self._whole(name, value, least, most) for value in self._list(name))

    def part(self, name: str) -> Fields | None:
        """An object with fields of its own; None where it is missing or empty."""
        values = self._object(name)
        return Fields(self._source, f"{self._path}{name}.", values) if values else None

    def parts(self, name: str, *, most: int) -> list[Fields]:
        """A list of objects with fields of their own, of 1 to `most`."""
        values = self._list(name)
        if not 1 <= len(values) <= most:
            raise self.refuse(name, f"must be a list of 1 to {most}, not of {len(values)}")
        for value in values:
            if not isinstance(value, dict):
                raise self.refuse(name, f"must be a list of objects, {{...}}, not of {_kind(value)}")
        return [Fields(self._source, f"{self._path}{name}[{i}].", each) for i, each in enumerate(values)]

    def named_parts(self, name: str, *, most: int) -> dict[str, Fields]:
        """An object of objects with fields of their own, of any names; empty where it is missing."""
        values = self._object(name)
        if len(values) > most:
            raise self.refuse(name, f"must have at most {most} entries, not {len(values)}")
        if not all(key.isprintable() for key in values):
            raise self.refuse(name, "must hold no control characters")
        for key, value in values.items():
            if not isinstance(value, dict):
                raise self.refuse(f"{name}.{key}"[:100], f"must be an object, {{...}}, not {_kind(value)}")
        return {key: Fields(self._source, f"{self._path}{name}.{key[:40]}.", each) for key, each in values.items()}

    def named_numbers(self, name: str) -> dict[str, float]:
        """An object of finite numbers, of any names."""
        values = self._object(name)
        if not all(key.isprintable() for key in values):
            raise self.refuse(name, "must hold no control characters")
        return {
            key: self._number(f"{name}.{key}"[:100], value, -MAX_NUMBER, MAX_NUMBER) for key, value in values.items()
        }

    def free(self, name: str) -> dict[str, Any]:
        """An object of any content that is not nested too deep; numbers that are not finite become null."""
        values: dict[str, Any] = self._plain(f"{name}", self._object(name), 1)
        return values

    def finish(self) -> None:
        """Refuse fields that were not taken."""
        unknown = sorted(self._values.keys() - self._taken)
        if unknown:
            raise self.refuse(
                unknown[0][:40], "is unknown to this promscan: the card is of another format version, or damaged"
            )

    def _take(self, name: str, default: Any) -> Any:
        self._taken.add(name)
        if name in self._values:
            return self._values[name]
        if default is REQUIRED:
            raise self.refuse(name, "is missing: not a model card")
        return default

    def _whole(self, name: str, value: Any, least: int, most: int) -> int:
        try:
            check_whole(name, value, least, most)
        except InputError as error:
            raise self.refuse(*str(error).split(" ", 1)) from error
        return int(value)

    def _number(self, name: str, value: Any, least: float, most: float) -> float:
        try:
            check_number(name, value, least, most)
        except InputError as error:
            raise self.refuse(*str(error).split(" ", 1)) from error
        return float(value)

    def _list(self, name: str) -> list[Any]:
        value = self._take(name, REQUIRED)
        if not isinstance(value, list):
            raise self.refuse(name, f"must be a list, not {_kind(value)}")
        return value

    def _object(self, name: str) -> dict[str, Any]:
        value = self._take(name, {})
        if not isinstance(value, dict):
            raise self.refuse(name, f"must be an object, {{...}}, not {_kind(value)}")
        return value

    def _plain(self, name: str, value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise self.refuse(name.split(".")[0], f"nests more than {MAX_DEPTH} levels deep")
        if isinstance(value, dict):
            names = (self._plain(name, key, depth) for key in value)
            return {
                key: self._plain(f"{name}.{key}", each, depth + 1)
                for key, each in zip(names, value.values(), strict=True)
            }
        if isinstance(value, list):
            return [self._plain(name, each, depth + 1) for each in value]
        if isinstance(value, str) and not _is_utf8(value):
            raise self.refuse(name[:100], "must hold no half characters (surrogates)")
        if isinstance(value, int) and abs(value) > MAX_WHOLE:
            raise self.refuse(name[:100], f"must be at most {MAX_WHOLE}, got {shown(value)}")
        return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def finite(value: Any) -> Any:
    """The value, with null for every number that is not finite, as JSON has no such numbers."""
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _kind(value: Any) -> str:
    """A value for a message, shortened."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return shown(value) if isinstance(value, (int, float)) else repr(value[:40])
