"""Caches of what is computed of workspaces, which are equal where 50 and 50.0 differ."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Same(Generic[T]):
    """The key of a cache: equal to none but the same object (equal values may differ in 50 and 50.0)."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value
