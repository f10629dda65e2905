"""What the objects of RooFit say: variables, binnings, histograms, data, lists behind proxies.

All of it is read from the members that the file describes; the names of members are RooFit's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from math import inf, isfinite, prod
from typing import Any, NoReturn

from hftranslate.errors import FormatError, Unsupported
from hftranslate.formats.root_histograms.container import Damaged
from hftranslate.formats.root_workspace.graph import CLASS, At, Graph
from hftranslate.formats.root_workspace.streamed import Object
from hftranslate.workspace import is_number

#: RooFit's infinity, in old and new versions.
_INFINITE = 1e30
_MAX_CELLS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A RooRealVar, or a RooConstVar, whose range is its value."""

    name: str
    value: float
    low: float
    high: float
    constant: bool
    fundamental: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Binned:
    """The contents of a RooDataHist, and its edges: x first, and running fastest."""

    contents: tuple[float, ...]
    edges: tuple[tuple[float, ...], ...]
    observables: tuple[str, ...]

    def widths(self) -> list[float]:
        """The volume of each bin."""
        axes = [[b - a for a, b in pairwise(axis)] for axis in self.edges]
        return [prod(reversed(sizes)) for sizes in product(*reversed(axes))]


class RooFit:
    """The objects of a RooWorkspace by what they are.

    Parameters
    ----------
    graph
        the objects.
    source
        what to call the file in messages.
    """

    def __init__(self, graph: Graph, source: str) -> None:
        self.graph = graph
        self.source = source
        self._variables: dict[At, Variable] = {}
        self._binned: dict[At, Binned] = {}

    # --------------------------------------------------------------------------------------------- names and pointers
    def refuse(self, one: Object, why: str) -> NoReturn:
        """That an object has no place in a HistFactory model."""
        raise Unsupported(f"{self.source}: {one[CLASS]} {name_of(one)!r} {why}")

    def target(self, one: Object, member: str) -> tuple[At, Object]:
        """What a proxy, or a pointer, leads to, and where it lies."""
        place = one.get(member)
        if isinstance(place, Mapping):
            place = place.get("_arg")
        if not isinstance(place, At):
            raise Damaged(f"{one[CLASS]} {name_of(one)} has no {member}")
        return place, self.graph.at(place)

    def listed(self, one: Object, member: str) -> list[tuple[At, Object]]:
        """What the pointers of a list lead to."""
        found = one.get(member)
        places = found.get("_list") if isinstance(found, Mapping) else found
        if not isinstance(places, list):
            raise Damaged(f"{one[CLASS]} {name_of(one)} has no {member}")
        return [(place, self.graph.at(place)) for place in places if place is not None]

    def numbers(self, one: Object, member: str, n: int | None = None) -> list[Any]:
        """A list of numbers."""
        found = one.get(member)
        if not isinstance(found, list) or (n is not None and len(found) != n) or not all(map(is_number, found)):
            raise Damaged(f"{one[CLASS]} {name_of(one)} has no {member} of {n} numbers")
        return found

    def number(self, one: Object, member: str) -> float:
        """A number that is finite."""
        found = one.get(member)
        if not is_number(found):
            raise Damaged(f"{one[CLASS]} {name_of(one)} has no {member}")
        if not isfinite(found):
            self.refuse(one, f"has {member} = {found}; it must be finite")
        return float(found)

    @staticmethod
    def is_constant(one: Object) -> bool:
        """Whether a variable is marked as constant."""
        return "Constant" in (one.get("_boolAttrib") or ())

    # ---------------------------------------------------------------------------------------- variables and binnings
    def variable(self, place: At) -> Variable:
        """The variable that lies there, or the constant.

        Raises
        ------
        Unsupported
            It is something else.
        """
        if place not in self._variables:
            one = self.graph.at(place)
            if one[CLASS] not in ("RooRealVar", "RooConstVar"):
                self.refuse(one, "stands where a variable was expected")
            value = self.number(one, "_value")
            low = high = value
            is_variable = one[CLASS] == "RooRealVar"
            if is_variable:
                _, binning = self.target(one, "_binning")
                low, high = self.ends(binning)
            constant = not is_variable or self.is_constant(one)
            self._variables[place] = Variable(
                name=name_of(one), value=value, low=low, high=high, constant=constant, fundamental=is_variable
            )
        return self._variables[place]

    def ends(self, binning: Object) -> tuple[float, float]:
        """The range of a binning."""
        if not {"_xlo", "_xhi"} <= binning.keys():
            self.refuse(binning, "is a range that cannot be read")
        low, high = self.numbers({**binning, "ends": [binning["_xlo"], binning["_xhi"]]}, "ends")
        return (-inf if low <= -_INFINITE else low), (inf if high >= _INFINITE else high)

    def edges(self, variable: Object) -> tuple[float, ...]:
        """The bin edges of an observable."""
        _, binning = self.target(variable, "_binning")
        if isinstance(binning.get("_boundaries"), list):
            low, high = self.ends(binning)
            return tuple(sorted({b for b in binning["_boundaries"] if low <= b <= high}))
        n = binning.get("_nbins")
        if binning[CLASS] != "RooUniformBinning" or not isinstance(n, int) or not 0 < n <= _MAX_CELLS:
            self.refuse(binning, f"of {name_of(variable)!r} cannot be read")
        low, high = self.ends(binning)
        width = (high - low) / n
        return (*(low + i * width for i in range(n)), high)

    # ---------------------------------------------------------------------------------------------------- histograms
    def cells(self, one: Object) -> Iterator[tuple[tuple[int, ...], float]]:
        """The weights of a RooDataHist, with the index of the bin of each of its variables."""
        weights, strides = self.numbers(one, "_wgt"), self.numbers(one, "_idxMult")
        for i, weight in enumerate(weights):
            index, rest = [], i
            for stride in strides:
                if stride <= 0:
                    raise Damaged(f"RooDataHist {name_of(one)} has no order")
                index.append(rest // stride)
                rest %= stride
            yield tuple(index), weight

    def binned(self, place: At) -> Binned:
        """The histogram of a RooHistFunc."""
        if place in self._binned:
            return self._binned[place]
        one = self.graph.at(place)
        if one[CLASS] != "RooHistFunc":
            self.refuse(one, "stands where a RooHistFunc was expected")
        if one.get("_intOrder"):
            self.refuse(one, f"interpolates between bins (order {one['_intOrder']}), which HistFactory does not")
        _, histogram = self.target(one, "_dataHist")
        variables = self.listed(histogram, "_vars")
        edges = tuple(self.edges(v) for _, v in variables)
        sizes = [len(axis) - 1 for axis in edges]
        contents = [0.0] * prod(sizes) if 0 < prod(sizes) <= _MAX_CELLS else []
        if len(contents) != len(self.numbers(histogram, "_wgt")):
            raise Damaged(f"RooDataHist {name_of(histogram)} has not as many contents as bins")
        for index, weight in self.cells(histogram):
            at, step = 0, 1
            for i, size in zip(index, sizes, strict=True):
                if i >= size:
                    raise Damaged(f"RooDataHist {name_of(histogram)} has no order")
                at, step = at + i * step, step * size
            if not isfinite(weight):
                raise FormatError(f"{self.source}: RooHistFunc {name_of(one)!r} has a bin with {weight}")
            contents[at] = weight
        observables = tuple(name_of(v) for _, v in variables)
        self._binned[place] = Binned(contents=tuple(contents), edges=edges, observables=observables)
        return self._binned[place]

    # ---------------------------------------------------------------------------------------------------- categories
    def states(self, category: Object) -> dict[int, str]:
        """The labels of a category by their numbers, in the order of these."""
        if isinstance(category.get("_stateNames"), Mapping):
            found = {int(number): str(label) for label, number in category["_stateNames"].items()}
        else:  # before 6.24
            types = [one for _, one in self.listed(category, "_types")]
            found = {int(t["_value"]): _text(t["_label"]) for t in types}
        return dict(sorted(found.items()))

    def order(self, category: Object) -> list[str]:
        """The labels of a category in the order in which they were defined, in which histograms have them."""
        labels = category.get("_insertionOrder")
        if labels is None:  # before 6.24
            labels = [_text(one["_label"]) for _, one in self.listed(category, "_types")]
        if not isinstance(labels, list) or sorted(labels) != sorted(self.states(category).values()):
            raise Damaged(f"{category[CLASS]} {name_of(category)} has no order of its labels")
        return labels


def name_of(one: Mapping[str, Any]) -> str:
    """The name of an object, or of a set."""
    return str(one.get("fName") or one.get("_name") or "(without a name)")


def _text(letters: Any) -> str:
    """A fixed array of characters."""
    if not isinstance(letters, list):
        raise Damaged("a label is no text")
    return bytes(c & 255 for c in letters).split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
