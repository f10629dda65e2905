"""What a document says about an analysis and the numbers of its parameters: points, domains, constants."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from hftranslate.errors import MissingInput, Unsupported, did_you_mean
from hftranslate.formats.hs3.tree import Node
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import listed, outcome

HISTFACTORY = "histfactory_dist"
#: The types of distributions that constrain parameters.
CONSTRAINTS = ("gaussian_dist", "normal_dist", "poisson_dist")
#: Names of points and of the domain that ROOT writes and reads.
DEFAULT_POINT, SNAPSHOT, DEFAULT_DOMAIN = "default_values", "NominalParamValues", "default_domain"


_LIKELIHOOD = frozenset(["name", "distributions", "data", "aux_distributions", "aux_data"])
_ANALYSIS = frozenset(["name", "likelihood", "parameters_of_interest", "domains", "init", "prior"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """An analysis with its likelihood; ``node`` is ``None`` where a document has likelihoods only."""

    name: str
    likelihood: Node
    node: Node | None = None

    @property
    def pois(self) -> tuple[str, ...]:
        """ROOT's names of the parameters of interest."""
        found = self.node.get("parameters_of_interest") if self.node is not None else None
        return () if found is None else found.texts()


def analyses(document: Node) -> tuple[Analysis, ...]:
    """All analyses of a document, or all likelihoods where it has none."""
    likelihoods = document.named("likelihoods")
    found = []
    for node in likelihoods.values():
        node.only(_LIKELIHOOD)
    for name, node in document.named("analyses").items():
        node.only(_ANALYSIS)
        likelihood = node["likelihood"].text()
        if likelihood not in likelihoods:
            node.invalid(f"there is no likelihood {likelihood!r}" + did_you_mean(likelihood, likelihoods))
        found.append(Analysis(name=name, likelihood=likelihoods[likelihood], node=node))
    return tuple(found) or tuple(Analysis(name=name, likelihood=node) for name, node in likelihoods.items())


def chosen(document: Node, wanted: str | None) -> tuple[tuple[Analysis, ...], tuple[Outcome, ...]]:
    """The analyses to read, those of one likelihood, and what is to be said about the choice.

    By default it is the first whose data are not Asimov data by their names. Other analyses of the same likelihood are
    further measurements of the model.

    Raises
    ------
    MissingInput
        There is none of the wanted name.
    Unsupported
        The document has no likelihood.
    """
    every = analyses(document)
    if not every:
        for node in document.named("distributions").values():
            if node["type"].text() not in (HISTFACTORY, *CONSTRAINTS):
                node.unsupported(f"{node['type'].text()!r} is no HistFactory channel; expected {HISTFACTORY!r}")
        raise Unsupported(
            "this HS3 document has neither analyses nor likelihoods; expected some, which say what data belong to its "
            "distributions"
        )
    if wanted is not None:
        for analysis in every:
            if wanted == analysis.name:
                return (analysis,), ()
        raise MissingInput(f"no analysis {wanted!r}" + did_you_mean(wanted, (a.name for a in every)))
    observed = [a for a in every if not _is_asimov(a)]
    first = (observed or every)[0]
    same = tuple(a for a in every if a.likelihood.path == first.likelihood.path)
    others = [a.name for a in every if a not in same]
    if not others and observed:
        return same, ()
    what = f"is read, of {len(every)}; --analysis chooses another: {listed(others)}" if others else "is read"
    if not observed:
        what += "; all of them have Asimov data" if others else "; its data are Asimov data, and there are no others"
    return same, (outcome("default", f"analysis {first.name!r}", what),)


def _is_asimov(analysis: Analysis) -> bool:
    names = [analysis.name, *(n.value for n in analysis.likelihood.items("data") if isinstance(n.value, str))]
    return any("asimov" in name.lower() for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a document says about one variable; ``None`` where it says nothing. An open end of a range is infinite."""

    value: float | None = None
    range: tuple[float, float] | None = None
    constant: bool | None = None


class Settings:
    """The variables of an analysis, by the names that the document has for them."""

    def __init__(self, document: Node, analysis: Analysis) -> None:
        self._points: dict[str, Setting] = {}
        for point in _points(document, analysis):
            for node in point["parameters"]:
                own = Setting(
                    value=float(node["value"].number()),
                    range=_range(node) if node.has("min") or node.has("max") else None,
                    constant=node["const"].flag() if node.has("const") else False,
                )
                self._points.setdefault(node.name, own)
        self._domains: dict[str, tuple[float, float]] = {}
        for domain in _domains(document, analysis):
            axes = domain["axes"]
            for axis in axes if axes.value is not None else ():  # ROOT writes null where there are none
                self._domains.setdefault(axis.name, _range(axis))
        self._tagged = _tagged_constant(document)

    def of(self, name: str) -> Setting:
        """What is said about a variable."""
        point = self._points.get(name, Setting())
        constant = True if name in self._tagged else point.constant
        return Setting(value=point.value, range=self._domains.get(name, point.range), constant=constant)


def _points(document: Node, analysis: Analysis) -> Iterator[Node]:
    """The parameter points of an analysis; the first that names a variable counts."""
    every = document.named("parameter_points")
    init = analysis.node.get("init") if analysis.node is not None else None
    if init is not None:
        if init.text() not in every:
            init.invalid(f"there is no parameter point {init.text()!r}" + did_you_mean(init.text(), every))
        yield every[init.text()]
    for name in (DEFAULT_POINT, SNAPSHOT):
        if name in every:
            yield every[name]
    if init is None and len(every) == 1:
        yield from every.values()


def _domains(document: Node, analysis: Analysis) -> Iterator[Node]:
    every = document.named("domains")
    for name, node in every.items():
        if node["type"].text() != "product_domain":
            node["type"].unsupported(f"the domain {name!r} is a {node['type'].text()!r}; expected 'product_domain'")
    for node in analysis.node.items("domains") if analysis.node is not None else ():
        if node.text() not in every:
            node.invalid(f"there is no domain {node.text()!r}" + did_you_mean(node.text(), every))
        yield every[node.text()]
    if DEFAULT_DOMAIN in every:
        yield every[DEFAULT_DOMAIN]


def _range(node: Node) -> tuple[float, float]:
    low = float(node["min"].number()) if node.get("min") is not None else -inf
    high = float(node["max"].number()) if node.get("max") is not None else inf
    if low > high:
        node.invalid(f"the range [{low:g}, {high:g}] is empty")
    return low, high


def _tagged_constant(document: Node) -> set[str]:
    """The variables that ROOT's own attributes hold constant."""
    attributes: Node | None = document
    for key in ("misc", "ROOT_internal", "attributes"):
        attributes = attributes.get(key) if attributes is not None else None
    if attributes is None:
        return set()
    found = set()
    for name in attributes.value if isinstance(attributes.value, dict) else ():
        tags = attributes[name].get("tags")
        if tags is not None and "Constant" in tags.texts():
            found.add(name)
    return found
