"""Constraint terms: by a word, by the name of a distribution, or among the auxiliary distributions of a likelihood."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from hftranslate.errors import did_you_mean
from hftranslate.formats.hs3.settings import CONSTRAINTS, Analysis, Settings
from hftranslate.formats.hs3.tree import Node
from hftranslate.workspace.arrays import is_number
from hftranslate.workspace.model import BinConstraint

#: What the words of constraint types mean; a constant parameter has no constraint.
WORDS: dict[str, BinConstraint | Literal["const", "lognormal"]] = {
    "gauss": "gaussian",
    "gaussian": "gaussian",
    "poisson": "poisson",
    "const": "const",
    "lognormal": "lognormal",
}
_GAUSSIAN = CONSTRAINTS[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaussian:
    """A Gaussian term: its width, and its centre with the name of the variable that has it, if there is one."""

    centre: float
    width: float
    observable: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poisson:
    """A Poisson term: the factor of its mean."""

    scale: float


class Constraints:
    """The constraint terms of an analysis."""

    def __init__(self, document: Node, analysis: Analysis, settings: Settings) -> None:
        self._known = document.named("distributions")
        self._functions = document.named("functions")
        self._settings = settings
        self._auxiliary: dict[str, Node] = {}
        self._used: set[str] = set()
        self._listed = [self._named(reference) for reference in analysis.likelihood.items("aux_distributions")]
        self._used.clear()
        for node in self._listed:
            for key in ("x", "mean"):
                variable = node.get(key)
                if variable is not None and isinstance(variable.value, str):
                    self._auxiliary.setdefault(variable.value, node)

    def word(self, modifier: Node) -> BinConstraint | Literal["const", "lognormal"] | None:
        """The type of constraint that a modifier says by a word; ``None`` where it says none."""
        for key in ("constraint_type", "constraint"):
            node = modifier.get(key)
            if node is None or (key == "constraint" and node.text() in self._known):
                continue
            found = WORDS.get(node.text().lower())
            if found is None:
                node.unsupported(
                    f"{node.text()!r} is neither a type of constraint nor a distribution"
                    f"{did_you_mean(node.text(), [*WORDS, *self._known])}"
                )
            return found
        return None

    def of_one(self, modifier: Node, parameter: str) -> Gaussian | None:
        """The Gaussian term of a modifier's only parameter; ``None`` where no distribution is named.

        Raises
        ------
        Unsupported
            The distribution is another one.
        """
        node = self._of(modifier, parameter)
        if node is None:
            return None
        if node["type"].text() not in _GAUSSIAN:
            node["type"].unsupported(
                f"a {node['type'].text()!r} constrains {parameter!r}; HistFactory has Gaussian terms for it only"
            )
        return self._gaussian(node, parameter)

    def of_bins(self, modifier: Node, parameters: tuple[str, ...]) -> tuple[Gaussian | Poisson | None, ...] | None:
        """The terms of bin factors that name their distributions; ``None`` where none does."""
        several = modifier.get("constraints")
        if several is None:
            return None
        references = list(several)
        if len(references) != len(parameters):
            several.invalid(f"{len(references)} constraints for {len(parameters)} parameters")
        return tuple(
            None if reference.value is None else self._bin(self._named(reference), parameter)
            for reference, parameter in zip(references, parameters, strict=True)
        )

    def _of(self, modifier: Node, parameter: str) -> Node | None:
        for key in ("constraint_name", "constraint"):
            node = modifier.get(key)
            if node is not None and (key == "constraint_name" or node.text() in self._known):
                return self._named(node)
        several = modifier.get("constraints")
        if several is not None:
            references = list(several)
            if len(references) != 1:
                several.invalid(f"{len(references)} constraints for one parameter")
            return None if references[0].value is None else self._named(references[0])
        node = self._auxiliary.get(parameter)
        return None if node is None else self._named(node["name"])

    def _named(self, reference: Node) -> Node:
        if reference.text() not in self._known:
            reference.invalid(
                f"there is no distribution {reference.text()!r}" + did_you_mean(reference.text(), self._known)
            )
        self._used.add(reference.text())
        return self._known[reference.text()]

    def refuse_unused(self) -> None:
        """Refuse auxiliary distributions that no modifier has for its constraint: they would change the likelihood."""
        for node in self._listed:
            if node.name not in self._used:
                node.unsupported("it is an auxiliary distribution, but constrains no modifier's parameter")

    def _gaussian(self, node: Node, parameter: str) -> Gaussian:
        ends = [node["x"], node["mean"]]
        own = [end for end in ends if end.value == parameter]
        if len(own) != 1:
            node.unsupported(f"it is no constraint of {parameter!r}: neither x nor mean is")
        other = next(end for end in ends if end is not own[0])
        observable = other.value if isinstance(other.value, str) else None
        width = self.value(node["sigma"])
        if width <= 0.0:
            node["sigma"].invalid(f"a width of {width:g}; it must be above zero")
        return Gaussian(centre=self.value(other), width=width, observable=observable)

    def _bin(self, node: Node, parameter: str) -> Gaussian | Poisson:
        kind = node["type"].text()
        if kind in _GAUSSIAN:
            return self._gaussian(node, parameter)
        if kind != "poisson_dist":
            node["type"].unsupported(f"a {kind!r} constrains {parameter!r}; HistFactory has Gaussian and Poisson terms")
        mean = node["mean"].text()
        function = self._functions.get(mean)
        if mean == parameter:
            return Poisson(scale=1.0)
        if function is None or function["type"].text() != "product":
            node["mean"].unsupported(f"{mean!r} is no product of {parameter!r} and a number")
        others = [factor for factor in function["factors"] if factor.value != parameter]
        if len(others) != 1 or len(list(function["factors"])) != 2:
            function["factors"].unsupported(f"expected {parameter!r} and a number")
        scale = self.value(others[0])
        if scale <= 0.0:
            others[0].invalid(f"a scale of {scale:g}; it must be above zero")
        return Poisson(scale=scale)

    def value(self, node: Node) -> float:
        """A number, or that of the variable whose name stands in its place."""
        if is_number(node.value):
            return float(node.value)
        value = self._settings.of(node.text()).value
        if value is None:
            node.invalid(f"no parameter point has a value of {node.text()!r}")
        return value


def relative_width(term: Gaussian | Poisson | None) -> float:
    """The relative uncertainty of a bin factor."""
    match term:
        case None:
            return 0.0
        case Gaussian():
            return term.width
        case Poisson():
            return 1.0 / sqrt(term.scale)
