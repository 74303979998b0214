"""The exceptions for failures that a user can mend.

Every message is one line that says what is wrong, where, and the cure. The command line prints it and exits with
status 1; anything that is not a `PromscanError` is a bug and keeps its traceback.
"""

FEWER_THREADS = "use fewer --threads, or a machine with more"
"""Cure for too little memory, except in a training."""
LONGEST_MESSAGE = 1000
"""Letters of a message; names from files may be longer."""


def shortened(message: str) -> str:
    """A message, without its middle where it is very long."""
    half = LONGEST_MESSAGE // 2
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:half]} ... {message[-half:]}"


class PromscanError(Exception):
    """Base of all expected failures."""

    def __str__(self) -> str:
        return shortened(super().__str__())


_LACK_OF_MEMORY = (
    "can't allocate memory",
    "can't start new thread",
    "std::bad_alloc",
    "out of memory",
    "Cannot allocate memory",
    "failed to map segment",
    "could not create a primitive",
)
"""Texts by which libraries report that the system gave them no memory, or no thread."""


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy or torch, or of loading them, says that there is too little memory."""
    known = isinstance(error, RuntimeError | ImportError) and not isinstance(error, PromscanError)
    return isinstance(error, MemoryError) or (known and any(text in str(error) for text in _LACK_OF_MEMORY))


class InputError(PromscanError, ValueError):
    """A sequence, interval or table file cannot be used as it is."""


class ModelError(PromscanError, ValueError):
    """A weights file or its card is missing, damaged or unfit for the task."""


class DeviceError(PromscanError, RuntimeError):
    """The requested device does not exist here, or has no memory left."""


class DesignError(PromscanError, RuntimeError):
    """No insert has the properties that the user wants."""


class DependencyError(PromscanError, ImportError):
    """An optional library or an external program is not installed."""


class RunError(PromscanError, RuntimeError):
    """A run folder, an output path, a journal or the processes of a training cannot be used."""
