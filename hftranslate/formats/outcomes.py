"""What became of each item of a translation. Silence is the worst bug of a translator."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["default", "repair", "rewrite", "carried", "convention", "loss"]

#: What each kind means, in the order in which a report lists them.
KINDS: dict[Kind, str] = {
    "loss": "the target cannot say it: the likelihood or the description changes",
    "convention": "the same words are evaluated differently by the reader of the target",
    "carried": "the target cannot say it; the sidecar holds it",
    "rewrite": "said in other words, with the same likelihood",
    "repair": "the input is not what the format demands; it was read as ROOT would or as stated",
    "default": "not stated in the input; the format's documented default was written out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One item of a translation that did not pass unchanged.

    Attributes
    ----------
    kind
        one of :data:`KINDS`.
    where
        channel, sample, modifier, parameter or file concerned.
    what
        what was found and what became of it.
    effect
        largest absolute change of the NLL (relative to nominal) within +-3 sigma of the parameters, ``None``
        where it was not evaluated.
    effect_on_cls
        absolute change of the observed CLs at a signal strength of one, ``None`` where it was not
        evaluated.
    renamed
        where a part has another name in the target: what it is (``"channel"``, ``"sample"``, ``"parameter"``,
        ``"measurement"``), its name and its new name.
    """

    kind: Kind
    where: str
    what: str
    effect: float | None = None
    effect_on_cls: float | None = None
    renamed: tuple[str, str, str] | None = None

    def __str__(self) -> str:
        text = f"{self.kind}: {self.where}: {self.what}"
        if self.effect is not None:
            text += f" [largest change of the NLL within 3 sigma: {self.effect:.2g}]"
        if self.effect_on_cls is not None:
            text += f" [change of CLs(1): {self.effect_on_cls:.2g}]"
        return text


#: So many outcomes that say the same of different things are told as one, and so many names are listed then.
_ALIKE, _LISTED = 3, 12
#: What differs between outcomes that say the same: names in quotes, and places in XML.
_NAMED = re.compile(r"'[^']*'|\S+:\d+(?=: <)")


def outcome_lines(outcomes: Iterable[Outcome]) -> list[str]:
    """A line for each outcome, in order; those that say the same of different things are told together."""
    alike: dict[tuple[object, ...], list[Outcome]] = {}
    for o in outcomes:
        alike.setdefault((o.kind, _NAMED.sub("\0", f"{o.where}: {o.what}"), o.effect, o.effect_on_cls), []).append(o)
    lines: list[str] = []
    for group in alike.values():
        if len(group) < _ALIKE:
            lines += map(str, group)
        else:
            lines += [str(group[0]), f"  and {len(group) - 1} more like it: {_different(group)}"]
    return lines


def _different(group: Sequence[Outcome]) -> str:
    """What the others of a group are about: the first name that is not the same in all."""
    names = [_NAMED.findall(f"{o.where}: {o.what}") for o in group]
    column = next((c for c in zip(*names, strict=True) if len(set(c)) == len(group)), None)
    others = [n.rpartition("/")[2] for n in column[1:]] if column else [", ".join(n) for n in names[1:]]
    shown = others[:_LISTED] + ([f"... ({len(others) - _LISTED} more)"] if len(others) > _LISTED else [])
    return ", ".join(shown)


def of_kind(outcomes: Iterable[Outcome], *kinds: Kind) -> tuple[Outcome, ...]:
    """The outcomes of the given kinds, in order."""
    return tuple(o for o in outcomes if o.kind in kinds)
