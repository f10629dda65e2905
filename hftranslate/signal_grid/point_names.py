"""Names and values of points, read from the names of files by a pattern."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from hftranslate.errors import InputError, did_you_mean
from hftranslate.signal_grid.document import WORD, Values, parse_value

_ENDINGS = re.compile(r"(\.gz|\.jsonl?|\.xml)+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointNames:
    """How the name of a file becomes the name and the values of a point.

    Attributes
    ----------
    labels
        what the values are called, in their order.
    pattern
        is searched in the name of the file without its ending, and where it is not found there, in the whole path.
        Its groups are the values: by their names, or, where none has a name, in the order of the labels.
    name
        the name of a point, with groups in braces: ``"C1N2_{m1}_{m2}"``; ``{file}`` is the name of the file without
        its ending, which is the name of the point where nothing else is asked for.
    """

    labels: tuple[str, ...]
    pattern: re.Pattern[str]
    name: str | None = None

    @classmethod
    def compiled(cls, pattern: str, labels: Sequence[str] = (), name: str | None = None) -> "PointNames":
        """From the text of a regular expression; without labels, its named groups are the labels in their order.

        Raises
        ------
        InputError
            It is no regular expression, its groups are not the labels, or a label or the name's pattern is not usable.
        """
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise InputError(f"{pattern!r} is no regular expression: {error}") from None
        groups = sorted(compiled.groupindex, key=compiled.groupindex.__getitem__)
        chosen = tuple(labels) or tuple(groups)
        if not chosen:
            raise InputError(f"{pattern!r} has no named groups to be the labels; expected some like (?P<m1>[0-9]+)")
        for label in chosen:
            if not WORD.fullmatch(label):
                raise InputError(f"{label!r} cannot be a label: only letters, digits and underscores are allowed")
        if len(set(chosen)) < len(chosen):
            raise InputError(f"the labels {', '.join(chosen)} are not unique")
        for label in chosen if groups else ():
            if label not in groups:
                raise InputError(f"{pattern!r} has no group for the label {label!r}{did_you_mean(label, groups)}")
        if not groups and compiled.groups != len(chosen):
            raise InputError(
                f"{pattern!r} has {compiled.groups} groups, expected one for each label: {', '.join(chosen)}"
            )
        names = cls(labels=chosen, pattern=compiled, name=name)
        names._named(dict.fromkeys((*(groups or chosen), "file"), "x"))
        return names

    def of(self, path: str) -> tuple[str, Values]:
        """Name and values of the point that a file holds.

        Raises
        ------
        InputError
            The pattern is not found, or the name that comes out is not allowed.
        """
        stem = _ENDINGS.sub("", PurePath(path).name)
        match = self.pattern.search(stem) or self.pattern.search(PurePath(path).as_posix())
        if match is None:
            raise InputError(f"{path}: the pattern {self.pattern.pattern!r} is not found in its name")
        groups = match.groupdict() or dict(zip(self.labels, match.groups(), strict=True))
        for label in self.labels:
            if groups[label] is None:
                raise InputError(
                    f"{path}: the pattern {self.pattern.pattern!r} finds no value of {label!r} in its name"
                )
        name = re.sub(r"[^a-zA-Z0-9_]", "_", stem) if self.name is None else self._named({**groups, "file": stem})
        if not WORD.fullmatch(name):
            raise InputError(
                f"{path}: {name!r} cannot be the name of a patch: only letters, digits and underscores are allowed"
            )
        return name, tuple(parse_value(groups[label]) for label in self.labels)

    def _named(self, groups: Mapping[str, str | None]) -> str:
        """The name with what stands in braces filled in."""

        def filled(match: re.Match[str]) -> str:
            if match[1] not in groups:
                raise InputError(f"the name {self.name!r} asks for {match[0]}{did_you_mean(match[1], groups)}")
            return groups[match[1]] or ""

        return re.sub(r"\{([^{}]*)\}", filled, self.name or "")
