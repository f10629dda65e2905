"""Standard streams as the shell gives them: they may be closed, full, or read by nobody."""

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class _Stream(io.TextIOWrapper):
    def close(self) -> None:
        """Leave what lies below open: Python's own stream still has it."""
        self.flush()


class _Results(_Stream):
    """Standard output: its errors say what could not be written. That nobody reads on changes nothing."""

    def write(self, text: str) -> int:
        """Write text."""
        _told(super().write, text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        _told(super().flush)


class _Messages(_Stream):
    """Standard error: where it cannot be written, there is no other place to say so, and results matter more."""

    def write(self, text: str) -> int:
        """Write text, if possible."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written, if possible."""
        with suppress(OSError):
            super().flush()


def _told(function: Callable[..., object], *arguments: object) -> None:
    try:
        function(*arguments)
    except OSError as error:
        _discard()
        if not isinstance(error, BrokenPipeError):
            error.filename = "standard output"
            if error.errno == errno.EBADF:
                error.strerror = "it is closed"
            raise


def prepare() -> None:
    """Streams that tell what goes wrong with them; those that are closed cannot be used, nor taken by other files."""
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDWR)):  # what is printed or read there fails
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, mode), number)
    sys.stdout = _checked(sys.stdout, 1, _Results)
    sys.stderr = _checked(sys.stderr, 2, _Messages)


def _checked(stream: Any, number: int, kind: type[_Stream]) -> Any:
    if stream is None:
        return kind(io.BufferedWriter(io.FileIO(number, "w", closefd=False)), encoding="utf-8")
    if type(stream) is not io.TextIOWrapper:  # a test looks on
        return stream
    errors = "backslashreplace" if stream.errors == "strict" else stream.errors  # for what its encoding has no word
    return kind(stream.buffer, stream.encoding, errors, line_buffering=stream.line_buffering)


def finish() -> None:
    """Hand on all that was printed; some file systems tell only when a file is closed that they could not keep it.

    Raises
    ------
    OSError
        It could not be written.
    """
    sys.stdout.flush()
    if isinstance(sys.stdout, _Results):
        _told(os.close, os.dup(sys.stdout.fileno()))


def _discard() -> None:
    """Let what is printed from now on go nowhere: otherwise Python would try again in the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
