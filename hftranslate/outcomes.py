"""What became of each item of a translation. Silence is the worst bug of a translator."""

from collections.abc import Iterable
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
    """

    kind: Kind
    where: str
    what: str
    effect: float | None = None
    effect_on_cls: float | None = None

    def __str__(self) -> str:
        text = f"{self.kind}: {self.where}: {self.what}"
        if self.effect is not None:
            text += f" [largest change of the NLL within 3 sigma: {self.effect:.2g}]"
        if self.effect_on_cls is not None:
            text += f" [change of CLs(1): {self.effect_on_cls:.2g}]"
        return text


def of_kind(outcomes: Iterable[Outcome], *kinds: Kind) -> tuple[Outcome, ...]:
    """The outcomes of the given kinds, in order."""
    return tuple(o for o in outcomes if o.kind in kinds)
