"""Everything that can go wrong, as one tree.

::

    HFTranslateError
    ├── InputError               what was given cannot be used                      (exit code 2)
    │   ├── FormatError          not the format it claims to be: malformed, or against its schema
    │   ├── InvalidWorkspace     well-formed, but no HistFactory model: bins differ, names collide, ...
    │   ├── MissingInput         a file, directory, histogram or named item is not there
    │   ├── RootFailed           ROOT is not there, or could not evaluate the model
    │   ├── UnsafeInput          refused for safety: entities, paths that leave the folder, sizes
    │   ├── Unsupported          a legal thing that this tool (or the target format) cannot say
    │   └── MissingExtra         a library of one of our extras is not installed (an ImportError, too)
    ├── TranslationLoss          a strict translation would lose something          (exit code 1)
    ├── FitFailed                a minimisation did not converge                    (exit code 1)
    ├── WorkersLost              a worker process died                              (exit code 1)
    └── VerificationFailed       something is not what a checksum says              (exit code 1)

Messages name the file, the element and the nearest valid name; they are written for the person who made the input.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self


class HFTranslateError(Exception):
    """Base of all errors that hftranslate raises on purpose."""

    #: Whether the message is a list; otherwise a line break in it comes from a name.
    is_list = False

    @classmethod
    def listing(cls, lines: Iterable[str]) -> Self:
        """An error of several lines, in which names are harmless already."""
        error = cls("\n".join(lines))
        error.is_list = True
        return error


class InputError(HFTranslateError):
    """What was given cannot be used."""


class FormatError(InputError):
    """A document is malformed or breaks the schema of its format."""


class InvalidWorkspace(InputError):
    """The content is well-formed but describes no valid HistFactory model."""


class RootFailed(InputError):
    """ROOT is not there, or could not evaluate the model."""


class MissingInput(InputError):
    """A file, histogram or named item does not exist."""


class UnsafeInput(InputError):
    """Refused because reading it could harm: external entities, escaping paths, excessive sizes."""


class Unsupported(InputError):
    """A construct that this tool or the target format has no word for."""


class MissingExtra(Unsupported, ImportError):
    """A library that only some tasks need is not installed."""


@contextmanager
def needs_extra(extra: str, task: str) -> Iterator[None]:
    """Say which extra has what is imported inside, and how to install it, where that is missing.

    Raises
    ------
    MissingExtra
        An import failed.
    """
    try:
        yield
    except ImportError as error:
        missing = f"{error.name} is" if error.name else "something is"
        raise MissingExtra(
            f"{task}: {missing} not installed; install hftranslate[{extra}] (pip install 'hftranslate[{extra}]')"
        ) from None


class TranslationLoss(HFTranslateError):
    """A strict translation would change or lose part of the model."""


class FitFailed(HFTranslateError):
    """A minimisation ended without a valid minimum; the message says why and what to try."""


class WorkersLost(HFTranslateError):
    """A process that worked for us died."""


class VerificationFailed(HFTranslateError):
    """Something is not what its checksum says."""


#: The search for the nearest name takes the product of the lengths: beyond these it is left out.
_LONGEST_NAME, _MOST_NAMES = 200, 2000


def _nearest(name: str, choices: list[str], alike: float) -> list[str]:
    from difflib import get_close_matches

    if len(name) > _LONGEST_NAME:
        return []
    return get_close_matches(name, [c for c in choices if len(c) <= _LONGEST_NAME][:_MOST_NAMES], n=1, cutoff=alike)


def did_you_mean(name: str, valid: Iterable[str], *, alike: float = 0.6) -> str:
    """The end of an error message: the nearest valid name, or the list of the valid ones if they are few.

    ``alike``, between 0 and 1, is how near a name must be to be taken for the one that was meant.

    >>> did_you_mean("signl", ["signal", "background"])
    "; did you mean 'signal'?"
    """
    choices = sorted(set(valid))
    close = _nearest(name, choices, alike)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not choices:
        return "; there are none"
    shown = ", ".join(repr(c) for c in choices[:8])
    return f"; there are {shown}" + (f" and {len(choices) - 8} more" if len(choices) > 8 else "")
