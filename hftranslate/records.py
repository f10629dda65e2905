"""Records: named values that are one thing together, within the house."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=False, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A class of named values, given by keyword: a dataclass that is equal to itself only.

    Type checkers let nobody change one. What dataclasses generate to refuse that at run time, to compare and to print
    takes three quarters of the time in which such a class is made (a fifth of the processor time of a short command
    before), and two fifths or more of that of each object. What users get in their hands are frozen dataclasses that
    do all of it.
    """
    return dataclass(cls, slots=True, kw_only=True, eq=False, repr=False)
