"""How far a long task has come. The library tells whoever listens; the command line draws a bar."""

from collections.abc import Callable
from typing import TypeAlias

#: Called with what is being done, how many parts of it are done, and how many there are.
Progress: TypeAlias = Callable[[str, int, int], None]


def silent(step: str, done: int, total: int) -> None:
    """Listen to nothing.

    Parameters
    ----------
    step, done, total
        what is being done, and how much of how much of it is.
    """
